// Segments that nothing needs any longer: how long they are kept, and what becomes of them.
#include <fmt/format.h>

#include <map>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/journal/format.h"
#include "platform/journal/inspection.h"
#include "platform/journal/stream_extents.h"
#include "platform/journal/tests/journal_model.h"
#include "platform/journal/tests/small_disk.h"

namespace insula::journal {
namespace {

using std::chrono::seconds;

constexpr StreamId kStream{5};
constexpr StreamId kNext{6};

class Ids final : public JournalInspector {
  public:
    Status record(const FoundRecord& found) override {
        if (const auto id = id_of(found.body)) ids.push_back(*id);
        return {};
    }
    Status damage(const Damage& damage) override {
        damages.push_back(damage);
        return {};
    }
    Status stream(const StreamSummary& /*summary*/) override { return {}; }
    std::vector<uint64_t> ids;
    std::vector<Damage> damages;
};

class JournalRetention : public ::testing::Test {
  protected:
    static Options keeping(seconds time, uint64_t segments) {
        Options options = small_options();
        options.retention = {.time = time, .bytes_max = segments * options.segment_bytes};
        return options;
    }
    std::unique_ptr<Journal> create(const Options& options, StreamId stream = kStream,
                                    FileSystem* fs = nullptr) {
        auto journal =
            Journal::create(fs != nullptr ? *fs : fs_, clock_, "journal", stream, options);
        EXPECT_TRUE(succeeded(journal));
        return journal ? *std::move(journal) : nullptr;
    }
    // Records of about a fifth of a segment.
    Lsn append(Journal& journal, int records) {
        Lsn last;
        for (int i = 0; i < records; ++i) {
            const auto lsn = append_id(journal, next_id_++, 2300);
            EXPECT_TRUE(succeeded(lsn));
            EXPECT_TRUE(succeeded(journal.flush()));
            last = *lsn;
        }
        return last;
    }
    // Endings of the files of a stream: {".seg": 2, ".kept": 3}.
    std::map<std::string, int> files(StreamId stream = kStream) {
        std::map<std::string, int> counts;
        const auto entries = fs_.list("journal/" + stream_name(stream));
        if (!entries) return counts;
        for (const DirectoryEntry& entry : *entries) {
            ++counts[entry.name.substr(entry.name.rfind('.'))];
        }
        return counts;
    }
    Ids inspect_all() {
        Ids found;
        EXPECT_TRUE(succeeded(inspect(fs_, "journal", std::nullopt, found)));
        return found;
    }

    CrashFileSystem fs_;
    ManualClock clock_;
    uint64_t next_id_ = 0;
};

TEST_F(JournalRetention, ReleasedSegmentsAreKeptAndNotReplayed) {
    auto journal = create(keeping(seconds(100), 10));
    const Lsn needed = append(*journal, 23);
    journal->release(needed);
    EXPECT_GE(files()[".kept"], 3);
    EXPECT_EQ(journal->usage().kept_segments, static_cast<uint64_t>(files()[".kept"]));
    EXPECT_EQ(journal->usage().kept_bytes, files()[".kept"] * small_options().segment_bytes);
    const auto replayed = replay_ids(fs_, "journal");
    ASSERT_TRUE(succeeded(replayed));
    EXPECT_LT(replayed->ids.size(), 10u);
    EXPECT_EQ(replayed->ids.back(), 22u);
    const Ids all = inspect_all();
    EXPECT_EQ(all.ids.size(), 23u) << "inspection shows them";
    EXPECT_TRUE(all.damages.empty());
}

TEST_F(JournalRetention, AfterTheirTimeTheyBecomeSparesOrGo) {
    auto journal = create(keeping(seconds(100), 10));
    journal->release(append(*journal, 23));
    const int kept = files()[".kept"];
    ASSERT_GE(kept, 3);
    clock_.advance(seconds(99));
    append(*journal, 1);
    EXPECT_EQ(files()[".kept"], kept);
    clock_.advance(seconds(1));
    append(*journal, 1);
    EXPECT_EQ(files()[".kept"], 0);
    EXPECT_EQ(files()[".spare"], 2);
    // And are written to again.
    journal->release(append(*journal, 12));
    EXPECT_TRUE(succeeded(journal->close()));
    const auto replayed = replay_ids(fs_, "journal");
    ASSERT_TRUE(succeeded(replayed));
    EXPECT_EQ(replayed->ids.back(), next_id_ - 1);
}

TEST_F(JournalRetention, BeyondTheBytesTheOldestGo) {
    auto journal = create(keeping(seconds(100'000), 2));
    for (int i = 0; i < 10; ++i) {
        journal->release(append(*journal, 6));
        EXPECT_LE(files()[".kept"], 2);
        EXPECT_LE(files()[".spare"], 2);
    }
    EXPECT_EQ(files()[".kept"], 2);
    const Ids all = inspect_all();
    EXPECT_TRUE(all.damages.empty());
    EXPECT_EQ(all.ids.back(), next_id_ - 1);
}

TEST_F(JournalRetention, TheTimeGoesOnOverRestarts) {
    auto journal = create(keeping(seconds(100), 20));
    append(*journal, 23);
    ASSERT_TRUE(succeeded(journal->close()));
    journal.reset();
    journal = create(keeping(seconds(100), 20), kNext);
    next_id_ = 100;
    const Lsn needed = append(*journal, 1);
    journal->release(needed);
    ASSERT_TRUE(succeeded(journal->remove_streams_below(needed)));
    const int kept = files()[".kept"];
    EXPECT_GE(kept, 4) << "all segments of the older stream";
    EXPECT_EQ(files()[".seg"], 0);
    EXPECT_EQ(replay_ids(fs_, "journal")->ids, std::vector<uint64_t>{100});
    EXPECT_EQ(inspect_all().ids.size(), 24u);
    clock_.advance(seconds(60));
    journal.reset();

    journal = create(keeping(seconds(100), 20), StreamId{7});
    EXPECT_EQ(journal->usage().kept_segments, static_cast<uint64_t>(kept));
    append(*journal, 1);
    EXPECT_EQ(files()[".kept"], kept);
    clock_.advance(seconds(40));
    append(*journal, 1);
    EXPECT_TRUE(files().empty());
    EXPECT_FALSE(*fs_.exists("journal/" + stream_name(kStream))) << "the folder goes too";
}

TEST_F(JournalRetention, WithoutRetentionWhatAnEarlierStartKeptGoes) {
    auto journal = create(keeping(seconds(100'000), 20));
    append(*journal, 23);
    journal.reset();
    journal = create(keeping(seconds(100'000), 20), kNext);
    const Lsn needed = append(*journal, 1);
    ASSERT_TRUE(succeeded(journal->remove_streams_below(needed)));
    ASSERT_GT(files()[".kept"], 2);
    journal.reset();
    journal = create(small_options(), StreamId{7});
    append(*journal, 1);
    EXPECT_FALSE(*fs_.exists("journal/" + stream_name(kStream)));
    EXPECT_LE(files(StreamId{7})[".spare"], 2);
}

TEST_F(JournalRetention, ALowDiskGetsAllOfThemBack) {
    SmallDisk disk(fs_, /*available_bytes=*/kGiB);
    Options options = keeping(seconds(100'000), 20);
    options.retention.free_bytes_min = kMiB;
    auto journal = create(options, kStream, &disk);
    journal->release(append(*journal, 23));
    ASSERT_GE(files()[".kept"], 3);
    disk.set_available_bytes(kMiB - 1);
    append(*journal, 1);
    EXPECT_EQ(files()[".kept"], 0);
    disk.set_available_bytes(kGiB);
    journal->release(append(*journal, 12));
    EXPECT_GE(files()[".kept"], 1) << "and goes on once there is room";
}

TEST_F(JournalRetention, WhereTheDiskIsFullTheyMakeRoomBeforeAnAppendIsRefused) {
    FaultyFileSystem disk(fs_);
    auto journal = create(keeping(seconds(100'000), 20), kStream, &disk);
    journal->release(append(*journal, 23));
    ASSERT_GE(files()[".kept"], 3);
    // The next segment cannot be made, once.
    disk.arm({.at_call = 1, .fault = Fault::disk_full, .only = StorageCall::open});
    append(*journal, 12);
    EXPECT_EQ(disk.faults(), 1u);
    EXPECT_LT(files()[".kept"], 3);
    EXPECT_TRUE(succeeded(journal->health()));
}

TEST_F(JournalRetention, ADamagedSegmentThatIsKeptIsNamedAndStopsNoStart) {
    auto journal = create(keeping(seconds(100), 10));
    journal->release(append(*journal, 23));
    journal.reset();
    const std::string directory = "journal/" + stream_name(kStream);
    std::string kept;
    for (const DirectoryEntry& entry : *fs_.list(directory)) {
        if (parse_kept_name(entry.name)) kept = directory + "/" + entry.name;
    }
    std::string content = content_of(fs_, kept);
    content[5000] ^= 1;
    set_content(fs_, kept, content);
    EXPECT_TRUE(succeeded(replay_ids(fs_, "journal")));
    const Ids all = inspect_all();
    ASSERT_EQ(all.damages.size(), 1u);
    EXPECT_EQ(all.damages[0].path, kept);
    EXPECT_TRUE(all.damages[0].kept);
}

// A start does not read what is kept, so that what it needs is missing where only that is left: an
// older EXTENTS that came back, for one.
TEST_F(JournalRetention, WhatTheExtentsNeedIsMissingThoughItIsKept) {
    auto journal = create(keeping(seconds(100), 10));
    journal->release(append(*journal, 23));
    journal.reset();
    auto next = create(keeping(seconds(100), 10), kNext);
    for (const bool all_are_kept : {false, true}) {
        if (all_are_kept) {
            ASSERT_TRUE(succeeded(next->remove_streams_below(next->durable())));
            ASSERT_EQ(files().count(".seg"), 0u);
        }
        ASSERT_GT(files()[".kept"], 0);
        const StreamExtent stale{.first_sequence = all_are_kept ? kAnySegment : 0,
                                 .end = kSegmentHeaderBytes};
        ASSERT_TRUE(succeeded(store_extents(fs_, "journal", {{kStream, stale}})));
        EXPECT_EQ(replay_ids(fs_, "journal").error().code(), Code::data_loss);
        const Ids all = inspect_all();
        ASSERT_EQ(all.damages.size(), 1u);
        EXPECT_FALSE(all.damages[0].kept);
        EXPECT_EQ(all.damages[0].stream, kStream);
        EXPECT_EQ(all.damages[0].path, "journal/" + stream_name(kStream) + "/00000000.seg");
    }
}

TEST_F(JournalRetention, AClockThatWasAheadDoesNotKeepThemForEver) {
    clock_.advance(seconds(1'000'000));
    auto journal = create(keeping(seconds(100), 20));
    append(*journal, 23);
    journal.reset();
    journal = create(keeping(seconds(100), 20), kNext);
    ASSERT_TRUE(succeeded(journal->remove_streams_below(append(*journal, 1))));
    ASSERT_GT(files()[".kept"], 2);
    journal.reset();
    ManualClock earlier;
    journal = *Journal::create(fs_, earlier, "journal", StreamId{7}, keeping(seconds(100), 20));
    earlier.advance(seconds(100));
    append(*journal, 1);
    EXPECT_EQ(files()[".kept"], 0);
}

}  // namespace
}  // namespace insula::journal
