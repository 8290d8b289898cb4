// Inspection finds what replay refuses; salvage leads on and loses nothing but what it says.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/tests/seeds.h"
#include "platform/fs/crash_file_system.h"
#include "platform/journal/inspection.h"
#include "platform/journal/salvage.h"
#include "platform/journal/tests/journal_model.h"
#include "platform/journal/tests/small_disk.h"
#include "platform/runtime/random.h"

namespace insula::journal {
namespace {

class Collector final : public JournalInspector {
  public:
    Status record(const FoundRecord& found) override {
        if (const auto id = id_of(found.body)) ids.push_back(*id);
        return {};
    }
    Status damage(const Damage& damage) override {
        damages.push_back(damage);
        return {};
    }
    Status torn_tail(const Damage& tail) override {
        tails.push_back(tail);
        return {};
    }
    Status stream(const StreamSummary& summary) override {
        streams.push_back(summary);
        return {};
    }

    std::vector<uint64_t> ids;
    std::vector<Damage> damages;
    std::vector<Damage> tails;
    std::vector<StreamSummary> streams;
};

struct Written {
    uint64_t id;
    Lsn lsn;
    uint64_t end;
};

// Two streams of several segments, the first one cleanly stopped now and then.
class DamagedJournal {
  public:
    explicit DamagedJournal(uint64_t seed) : random_(seed) {
        for (const uint64_t stream : {1, 2}) fill(StreamId{stream}, 8 + random_.below(40));
    }

    // "flipped bit 3 of journal/…/00000001.seg at 5000"
    std::string damage() {
        const std::vector<std::string> paths = segments();
        const std::string& path = paths[random_.below(paths.size())];
        std::string content = content_of(fs_, path);
        const uint64_t at = content.empty() ? 0 : random_.below(content.size());
        switch (random_.below(6)) {
            case 0:
            case 1: {
                const uint64_t bit = random_.below(8);
                content[at] = static_cast<char>(content[at] ^ (1 << bit));
                set_content(fs_, path, content);
                return fmt::format("flipped bit {} of {} at {}", bit, path, at);
            }
            case 2: {
                const uint64_t page = at / 4096 * 4096;
                std::fill_n(content.begin() + static_cast<ptrdiff_t>(page),
                            std::min<uint64_t>(4096, content.size() - page), '\0');
                set_content(fs_, path, content);
                return fmt::format("zeroed the page of {} at {}", path, page);
            }
            case 3:
                set_content(fs_, path, content.substr(0, at));
                return fmt::format("truncated {} to {}", path, at);
            case 4: {
                const std::string& other = paths[random_.below(paths.size())];
                const std::string others = content_of(fs_, other);
                set_content(fs_, path, others);
                set_content(fs_, other, content);
                return fmt::format("swapped {} and {}", path, other);
            }
            default:
                EXPECT_TRUE(succeeded(fs_.remove(path)));
                return "removed " + path;
        }
    }

    // So that a power cut does not undo the damage.
    void make_durable() {
        for (const std::string& path : segments()) {
            const auto file = fs_.open(path, OpenMode::read_write);
            ASSERT_TRUE(succeeded(file));
            ASSERT_TRUE(succeeded((*file)->sync_data()));
            ASSERT_TRUE(succeeded(fs_.sync_directory(parent_path(path))));
        }
    }

    CrashFileSystem& fs() { return fs_; }
    const std::vector<Written>& written() const { return written_; }
    std::map<std::string, std::string> files_of(StreamId stream) {
        std::map<std::string, std::string> files;
        const std::string directory = "journal/" + stream_name(stream);
        const auto entries = fs_.list(directory);
        for (const DirectoryEntry& entry : *entries) {
            files[entry.name] = content_of(fs_, directory + "/" + entry.name);
        }
        return files;
    }

  private:
    void fill(StreamId stream, uint64_t spans) {
        auto journal = Journal::create(fs_, clock_, "journal", stream, small_options());
        ASSERT_TRUE(succeeded(journal));
        for (; spans > 0; --spans) {
            for (uint64_t records = 1 + random_.below(3); records > 0; --records) {
                const uint64_t bytes = random_.below(2500);
                const auto lsn = append_id(**journal, next_id_, bytes);
                ASSERT_TRUE(succeeded(lsn));
                written_.push_back(
                    {next_id_, *lsn,
                     lsn->position + record_bytes(std::max<uint64_t>(bytes, sizeof next_id_))});
                ++next_id_;
            }
            ASSERT_TRUE(succeeded((*journal)->flush()));
        }
        if (random_.below(2) == 0) {
            ASSERT_TRUE(succeeded((*journal)->close()));
        }
    }
    std::vector<std::string> segments() {
        std::vector<std::string> paths;
        for (const uint64_t stream : {1, 2}) {
            const std::string directory = "journal/" + stream_name(StreamId{stream});
            const auto entries = fs_.list(directory);
            for (const DirectoryEntry& entry : *entries) {
                if (parse_segment_name(entry.name)) paths.push_back(directory + "/" + entry.name);
            }
        }
        return paths;
    }

    SeededRandom random_;
    CrashFileSystem fs_;
    ManualClock clock_;
    uint64_t next_id_ = 1;
    std::vector<Written> written_;
};

bool is_lost(const SalvagePlan& plan, const Written& record) {
    for (const StreamPlan& stream : plan.streams) {
        if (stream.stream != record.lsn.stream) continue;
        for (const auto& [sequence, segment] : stream.segments) {
            for (const LostRange& lost : segment.lost) {
                if (record.lsn.position < lost.end && lost.position < record.end) return true;
            }
        }
    }
    return false;
}

// Only the first record of the next segment says where its own one ended.
bool next_segment_is_lost(const SalvagePlan& plan, const Written& record) {
    for (const StreamPlan& stream : plan.streams) {
        if (stream.stream != record.lsn.stream) continue;
        const auto next = stream.segments.find(
            static_cast<uint32_t>(record.lsn.position / stream.segment_bytes) + 1);
        if (next == stream.segments.end() || next->second.lost.empty()) continue;
        const uint64_t head = next->first * stream.segment_bytes + kSegmentHeaderBytes;
        if (next->second.lost.front().position == head) return true;
    }
    return false;
}

// What went wrong; nothing if all is well. `salvages` counts the journals that needed one.
std::optional<std::string> salvage_run(uint64_t seed, uint64_t& salvages) {
    DamagedJournal journal(seed);
    std::string what;
    SeededRandom random(seed + 1'000'000);
    for (uint64_t damages = 1 + random.below(3); damages > 0; --damages) {
        what += journal.damage() + "; ";
    }
    journal.make_durable();
    CrashFileSystem& fs = journal.fs();
    const auto before = replay_ids(fs, "journal");
    Collector seen;
    if (const Status done = inspect(fs, "journal", std::nullopt, seen); !done) {
        return what + "inspect: " + done.error().describe();
    }
    if (before.has_value() != seen.damages.empty()) {
        return what + fmt::format("replay {}, inspection found {} damages",
                                  before ? "succeeds" : before.error().describe(),
                                  seen.damages.size());
    }
    if (before && seen.ids != before->ids) return what + "inspection found other records";
    const auto plan = plan_salvage(fs, "journal", [](const LostRecord&) {});
    if (!plan) return what + "plan: " + plan.error().describe();
    if (before) return plan->streams.empty() ? std::nullopt : std::optional(what + "planned");
    ++salvages;
    std::map<StreamId, std::map<std::string, std::string>> damaged;
    for (const StreamPlan& stream : plan->streams) {
        damaged[stream.stream] = journal.files_of(stream.stream);
    }
    const auto done = salvage(fs, "journal", *plan);
    if (!done) return what + "salvage: " + done.error().describe();
    for (const SalvagedStream& stream : *done) {
        std::map<std::string, std::string> copy;
        const auto entries = fs.list(stream.copy);
        for (const DirectoryEntry& entry : *entries) {
            copy[entry.name] = content_of(fs, stream.copy + "/" + entry.name);
        }
        if (copy != damaged[stream.stream]) return what + "the copy is not what was damaged";
    }
    // A power cut after the salvage takes nothing of it back.
    const auto restarted = fs.crash(seed);
    const auto after = replay_ids(*restarted, "journal");
    if (!after) return what + "replay after it: " + after.error().describe();
    size_t next = 0;
    for (const Written& record : journal.written()) {
        if (next < after->ids.size() && after->ids[next] == record.id) {
            if (after->lsns[next] != record.lsn) return what + "a record changed its position";
            ++next;
            continue;
        }
        const bool read_before = std::ranges::find(seen.ids, record.id) != seen.ids.end();
        if (read_before) return what + fmt::format("record {} was good and is gone", record.id);
        const bool in_tail = std::ranges::any_of(seen.tails, [&](const Damage& tail) {
            return tail.stream == record.lsn.stream && record.lsn.position >= *tail.position;
        });
        // At a stream's very ends records may vanish without a trace (docs/formats/journal.md).
        const auto in_stream = [&](auto holds) {
            return std::ranges::any_of(after->lsns, [&](const Lsn& lsn) {
                return lsn.stream == record.lsn.stream && holds(lsn);
            });
        };
        const bool told = in_stream([&](const Lsn& lsn) { return lsn < record.lsn; }) &&
                          in_stream([&](const Lsn& lsn) { return lsn > record.lsn; });
        if (told && !in_tail && !is_lost(*plan, record) && !next_segment_is_lost(*plan, record)) {
            return what + fmt::format("record {} is gone without a word", record.id);
        }
    }
    if (next != after->ids.size()) return what + "a record that nobody wrote";
    return std::nullopt;
}

TEST(JournalSalvage, LeadsOnFromAnyDamageAndKeepsEveryGoodRecord) {
    uint64_t salvages = 0;
    const SeedRange seeds = test_seeds(300);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        const auto wrong = salvage_run(seed, salvages);
        ASSERT_FALSE(wrong.has_value()) << "seed " << seed << ": " << *wrong;
    }
    RecordProperty("salvages", std::to_string(salvages));
    if (!seeds.single()) EXPECT_GT(salvages, seeds.count() / 2);
}

// Damage in the middle of two streams, on a disk of its own.
std::unique_ptr<CrashFileSystem> damaged_disk(std::vector<uint64_t>& good) {
    DamagedJournal journal(/*seed=*/7);
    CrashFileSystem& fs = journal.fs();
    for (const std::string path :
         {"journal/0000000000000001/00000001.seg", "journal/0000000000000002/00000001.seg"}) {
        std::string content = content_of(fs, path);
        content[9000] ^= 8;
        set_content(fs, path, content);
    }
    journal.make_durable();
    Collector seen;
    EXPECT_TRUE(succeeded(inspect(fs, "journal", std::nullopt, seen)));
    EXPECT_EQ(seen.damages.size(), 2u);
    good = seen.ids;
    return fs.crash(1);
}

Result<std::vector<SalvagedStream>> salvage_all(FileSystem& fs) {
    ASSIGN_OR_RETURN(const auto plan, plan_salvage(fs, "journal", [](const LostRecord&) {}));
    return salvage(fs, "journal", plan);
}

TEST(JournalSalvage, APowerCutAtAnySyncOfItLeavesAJournalThatRefusesOrIsWhole) {
    std::vector<uint64_t> good;
    const auto base = damaged_disk(good);
    uint64_t cuts = 0;
    for (uint64_t at = 1;; ++at) {
        for (const bool after_effect : {false, true}) {
            auto disk = base->crash(at);
            disk->set_power_cut({.at_sync = at, .after_effect = after_effect});
            const bool whole = salvage_all(*disk).has_value();
            if (whole && !disk->powered_off()) {
                EXPECT_GT(cuts, 20u);
                return;
            }
            ++cuts;
            disk = disk->crash(at);
            const auto found = replay_ids(*disk, "journal");
            if (found) {
                EXPECT_EQ(found->ids, good) << "at sync " << at;
            } else {
                EXPECT_EQ(found.error().code(), Code::data_loss);
            }
            ASSERT_TRUE(succeeded(salvage_all(*disk))) << "at sync " << at;
            const auto again = replay_ids(*disk, "journal");
            ASSERT_TRUE(succeeded(again));
            EXPECT_EQ(again->ids, good) << "at sync " << at;
        }
    }
}

TEST(JournalSalvage, SaysWhichRecordsAreLostAsFarAsTheirBytesSay) {
    CrashFileSystem fs;
    ManualClock clock;
    auto journal = Journal::create(fs, clock, "journal", StreamId{1}, small_options());
    ASSERT_TRUE(succeeded(journal));
    std::vector<Lsn> lsns;
    for (uint64_t id = 0; id < 4; ++id) {
        const auto lsn = append_id(**journal, id, 100);
        ASSERT_TRUE(succeeded(lsn));
        lsns.push_back(*lsn);
        ASSERT_TRUE(succeeded((*journal)->flush()));
    }
    journal->reset();
    const std::string path = "journal/0000000000000001/00000000.seg";
    std::string content = content_of(fs, path);
    content[lsns[1].position + 150] ^= 1;  // in the body
    content[lsns[2].position + 50] ^= 1;   // in the header: the source
    set_content(fs, path, content);
    std::vector<LostRecord> lost;
    const auto plan =
        plan_salvage(fs, "journal", [&](const LostRecord& record) { lost.push_back(record); });
    ASSERT_TRUE(succeeded(plan));
    ASSERT_EQ(lost.size(), 2u);
    EXPECT_TRUE(lost[0].certain);
    EXPECT_EQ(lost[0].header.source, header_of(1).source);
    EXPECT_EQ(lost[0].header.position, lsns[1].position);
    EXPECT_FALSE(lost[1].certain);
    EXPECT_EQ(lost[1].header.tenant, header_of(2).tenant);
    EXPECT_NE(lost[1].header.source, header_of(2).source);
    ASSERT_EQ(plan->streams.size(), 1u);
    EXPECT_NE(plan->streams[0].damages[0].what.find(
                  fmt::format("bit 0 at offset {} is flipped", lsns[1].position + 150)),
              std::string::npos)
        << plan->streams[0].damages[0].what;
    EXPECT_EQ(plan->streams[0].damages.size(), 1u) << "up to the next good record";
    EXPECT_EQ(plan->streams[0].kept_records, 2u);
    EXPECT_EQ(plan->streams[0].lost_bytes, 2 * record_bytes(100));
    EXPECT_EQ(content_of(fs, path), content) << "a plan reads only";

    ASSERT_TRUE(succeeded(salvage(fs, "journal", *plan)));
    const auto found = replay_ids(fs, "journal");
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->ids, (std::vector<uint64_t>{0, 3}));
    EXPECT_EQ(found->stats.lost_bytes, 2 * record_bytes(100));
}

TEST(JournalSalvage, AJournalOfALaterVersionIsLeftAlone) {
    CrashFileSystem fs;
    ManualClock clock;
    auto journal = Journal::create(fs, clock, "journal", StreamId{1}, small_options());
    ASSERT_TRUE(succeeded(journal));
    ASSERT_TRUE(succeeded(append_id(**journal, 1, 100)));
    ASSERT_TRUE(succeeded((*journal)->flush()));
    journal->reset();
    const std::string path = "journal/0000000000000001/00000000.seg";
    std::string content = content_of(fs, path);
    const auto header = decode_segment_header(as_bytes(content).first(kSegmentHeaderBytes));
    ASSERT_TRUE(succeeded(header));
    auto record =
        decode_record_header(as_bytes(content).subspan(kSegmentHeaderBytes), header->salt);
    ASSERT_TRUE(record.has_value());
    record->kind = 77;
    encode_record_header(*record, header->salt,
                         std::as_writable_bytes(std::span(content))
                             .subspan(kSegmentHeaderBytes, kRecordHeaderBytes));
    set_content(fs, path, content);
    const auto plan = plan_salvage(fs, "journal", [](const LostRecord&) {});
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().reason(), "newer_file_format");
}

TEST(JournalSalvage, WithoutRoomForTheCopiesNothingIsTouched) {
    std::vector<uint64_t> good;
    const auto disk = damaged_disk(good);
    const size_t before = disk->list("journal")->size();
    SmallDisk full(*disk, /*available_bytes=*/1000);
    const auto refused = salvage_all(full);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Code::storage_exhausted);
    EXPECT_EQ(disk->list("journal")->size(), before);
}

}  // namespace
}  // namespace insula::journal
