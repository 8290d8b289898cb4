// What a stream cannot tell of itself: that its beginning, its end or all of it is gone.
#include "platform/journal/stream_extents.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crc32c.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/journal/inspection.h"
#include "platform/journal/salvage.h"
#include "platform/journal/tests/journal_model.h"

namespace insula::journal {
namespace {

constexpr StreamId kStream{7};
constexpr uint64_t kRecords = 40;
constexpr size_t kBodyBytes = 1000;
const std::string kExtents = "journal/EXTENTS";

std::string path(uint32_t sequence) {
    return "journal/" + stream_name(kStream) + "/" + segment_name(sequence);
}

// Some segments, each record a span of its own.
void write_stream(FileSystem& fs, bool clean_stop) {
    ManualClock clock;
    auto journal = Journal::create(fs, clock, "journal", kStream, small_options());
    ASSERT_TRUE(succeeded(journal));
    for (uint64_t id = 0; id < kRecords; ++id) {
        ASSERT_TRUE(succeeded(append_id(**journal, id, kBodyBytes)));
        ASSERT_TRUE(succeeded((*journal)->flush()));
    }
    if (clean_stop) ASSERT_TRUE(succeeded((*journal)->close()));
}

// The sequence of the last segment that holds a record, and where its last record ends.
std::pair<uint32_t, uint64_t> last_segment(FileSystem& fs) {
    const auto extents = load_extents(fs, "journal");
    EXPECT_TRUE(succeeded(extents));
    const uint64_t end = extents->at(kStream).end;
    const uint64_t bytes = small_options().segment_bytes;
    return {static_cast<uint32_t>(end / bytes), end % bytes};
}

enum class Known : uint8_t { by_clean_stop, by_replay };

class JournalExtents : public ::testing::TestWithParam<Known> {
  protected:
    void SetUp() override {
        write_stream(fs_, GetParam() == Known::by_clean_stop);
        if (GetParam() == Known::by_replay) ASSERT_TRUE(succeeded(replay_ids(fs_, "journal")));
    }

    // All who read it say so, and a salvage leads on; `left` records are left at most.
    void expect_damage(std::string_view what, uint64_t left) {
        const auto found = replay_ids(fs_, "journal");
        ASSERT_FALSE(found) << found->ids.size() << " records were served";
        EXPECT_EQ(found.error().code(), Code::data_loss) << found.error().describe();
        EXPECT_NE(found.error().detail().find(what), std::string_view::npos)
            << found.error().detail();
        const auto plan = plan_salvage(fs_, "journal", [](const LostRecord&) {});
        ASSERT_TRUE(succeeded(plan));
        ASSERT_EQ(plan->streams.size(), 1u);
        EXPECT_GE(plan->streams[0].lost_bytes, kBodyBytes);
        ASSERT_TRUE(succeeded(salvage(fs_, "journal", *plan)));
        const auto salvaged = replay_ids(fs_, "journal");
        ASSERT_TRUE(succeeded(salvaged));
        EXPECT_LE(salvaged->ids.size(), left);
        EXPECT_TRUE(std::ranges::is_sorted(salvaged->ids));
        const auto again = replay_ids(fs_, "journal");
        ASSERT_TRUE(succeeded(again));
        EXPECT_EQ(again->ids, salvaged->ids);
    }

    CrashFileSystem fs_;
};

INSTANTIATE_TEST_SUITE_P(Journal, JournalExtents,
                         ::testing::Values(Known::by_clean_stop, Known::by_replay),
                         [](const auto& info) {
                             return info.param == Known::by_clean_stop ? "CleanStop" : "Replay";
                         });

TEST_P(JournalExtents, ASoundStreamIsReadAgainAndAgain) {
    for (int i = 0; i < 3; ++i) {
        const auto found = replay_ids(fs_, "journal");
        ASSERT_TRUE(succeeded(found));
        EXPECT_EQ(found->ids.size(), kRecords);
    }
}

TEST_P(JournalExtents, AStreamThatWasCutBehindAWholeRecordIsDamaged) {
    const auto [sequence, end] = last_segment(fs_);
    const uint64_t record = record_bytes(kBodyBytes);
    const uint64_t stop = GetParam() == Known::by_clean_stop ? record_bytes(0) : 0;
    const std::string content = content_of(fs_, path(sequence));
    set_content(fs_, path(sequence), content.substr(0, end - stop - record));
    expect_damage("position", kRecords - 1);
}

TEST_P(JournalExtents, ZerosInThePlaceOfTheLastRecordsAreDamage) {
    const auto [sequence, end] = last_segment(fs_);
    std::string content = content_of(fs_, path(sequence));
    std::fill(content.begin() + static_cast<ptrdiff_t>(end - 2 * record_bytes(kBodyBytes)),
              content.end(), '\0');
    set_content(fs_, path(sequence), content);
    expect_damage("position", kRecords - 1);
}

TEST_P(JournalExtents, AFlippedBitInTheLastRecordsIsDamageAndNoTornTail) {
    const auto [sequence, end] = last_segment(fs_);
    const uint64_t stop = GetParam() == Known::by_clean_stop ? record_bytes(0) : 0;
    std::string content = content_of(fs_, path(sequence));
    content[end - stop - 20] ^= 2;
    set_content(fs_, path(sequence), content);
    expect_damage("offset", kRecords - 1);
}

TEST_P(JournalExtents, MissingSegmentsAtTheEndAreDamage) {
    const auto [sequence, end] = last_segment(fs_);
    ASSERT_GE(sequence, 2u);
    const auto entries = fs_.list("journal/" + stream_name(kStream));
    for (const DirectoryEntry& entry : *entries) {
        const auto found = parse_segment_name(entry.name);
        if (found && *found >= sequence - 1) {
            ASSERT_TRUE(
                succeeded(fs_.remove("journal/" + stream_name(kStream) + "/" + entry.name)));
        }
    }
    expect_damage("records are missing", kRecords - 2);
}

TEST_P(JournalExtents, MissingSegmentsAtTheBeginningAreDamage) {
    ASSERT_TRUE(succeeded(fs_.remove(path(0))));
    expect_damage("with which the stream began", kRecords - 2);
}

TEST_P(JournalExtents, AStreamWithoutAnySegmentIsDamaged) {
    const auto entries = fs_.list("journal/" + stream_name(kStream));
    for (const DirectoryEntry& entry : *entries) {
        ASSERT_TRUE(succeeded(fs_.remove("journal/" + stream_name(kStream) + "/" + entry.name)));
    }
    expect_damage("with which the stream began", 0);
}

TEST_P(JournalExtents, AMissingStreamIsDamage) {
    ASSERT_TRUE(succeeded(remove_tree(fs_, "journal/" + stream_name(kStream))));
    expect_damage("the stream is missing", 0);
}

TEST_P(JournalExtents, DamageToWhatIsKnownIsFoundItself) {
    const std::string sound = content_of(fs_, kExtents);
    for (size_t at = 0; at < sound.size(); ++at) {
        std::string damaged = sound;
        damaged[at] ^= 16;
        set_content(fs_, kExtents, damaged);
        const auto found = replay_ids(fs_, "journal");
        ASSERT_FALSE(found) << "byte " << at;
        EXPECT_EQ(found.error().code(), Code::data_loss) << found.error().describe();
    }
    set_content(fs_, kExtents, sound.substr(0, sound.size() / 2));
    EXPECT_FALSE(replay_ids(fs_, "journal"));
    set_content(fs_, kExtents, sound);
    EXPECT_TRUE(replay_ids(fs_, "journal"));
}

// A journal of an earlier release.
TEST_P(JournalExtents, WithoutTheFileTheNextReplayWritesIt) {
    const auto known = load_extents(fs_, "journal");
    ASSERT_TRUE(succeeded(fs_.remove(kExtents)));
    ASSERT_TRUE(succeeded(replay_ids(fs_, "journal")));
    EXPECT_EQ(*load_extents(fs_, "journal"), *known);
}

TEST_P(JournalExtents, ARemovedStreamIsForgotten) {
    ManualClock clock;
    const StreamId next{kStream.value + 1};
    auto journal = Journal::create(fs_, clock, "journal", next, small_options());
    ASSERT_TRUE(succeeded(journal));
    ASSERT_TRUE(succeeded((*journal)->remove_streams_below(Lsn{next, 0})));
    EXPECT_FALSE(load_extents(fs_, "journal")->contains(kStream));
    journal->reset();
    EXPECT_TRUE(succeeded(replay_ids(fs_, "journal")));
}

// Of a node that was killed nothing is known yet but what its segments say.
TEST(JournalOfAKilledNode, AFileThatWasCutWithinItsRecordsIsDamagedAtEveryByte) {
    CrashFileSystem fs;
    write_stream(fs, /*clean_stop=*/false);
    const auto sound = replay_ids(fs, "journal");
    ASSERT_TRUE(succeeded(sound));
    const auto [sequence, end] = last_segment(fs);
    const std::string content = content_of(fs, path(sequence));
    ASSERT_TRUE(succeeded(fs.remove(kExtents)));
    uint64_t told = 0;
    for (uint64_t cut = kSegmentHeaderBytes + 1; cut < end; ++cut) {
        set_content(fs, path(sequence), content.substr(0, cut));
        const auto found = replay_ids(fs, "journal");
        if (!found) {
            EXPECT_EQ(found.error().code(), Code::data_loss) << found.error().describe();
            ++told;
            continue;
        }
        ASSERT_TRUE(succeeded(fs.remove(kExtents)));
        // Zeros would look the same: nothing says that a record began here.
        EXPECT_EQ(cut % kBlockBytes, 0u) << "cut at " << cut;
    }
    EXPECT_GT(told, end - kSegmentHeaderBytes - 10);
}

TEST(JournalOfAKilledNode, AStreamWithoutAnySegmentIsDamagedButWhileItBegins) {
    CrashFileSystem fs;
    write_stream(fs, /*clean_stop=*/false);
    const std::string directory = "journal/" + stream_name(kStream);
    const auto entries = fs.list(directory);
    for (const DirectoryEntry& entry : *entries) {
        ASSERT_TRUE(succeeded(fs.remove(directory + "/" + entry.name)));
    }
    const auto found = replay_ids(fs, "journal");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Code::data_loss);
    EXPECT_NE(found.error().detail().find("all segments"), std::string::npos)
        << found.error().describe();
    const auto plan = plan_salvage(fs, "journal", [](const LostRecord&) {});
    ASSERT_TRUE(succeeded(plan));
    ASSERT_TRUE(succeeded(salvage(fs, "journal", *plan)));
    EXPECT_TRUE(succeeded(replay_ids(fs, "journal")));
}

// Others that were made ahead do not stand for it.
TEST(JournalOfAKilledNode, TheOnlySegmentWithRecordsIsNamedWhereItIsMissing) {
    CrashFileSystem fs;
    {
        ManualClock clock;
        auto journal = Journal::create(fs, clock, "journal", kStream, small_options());
        ASSERT_TRUE(succeeded(journal));
        ASSERT_TRUE(succeeded(append_id(**journal, 1, kBodyBytes)));
        ASSERT_TRUE(succeeded((*journal)->flush()));
    }
    std::string ahead = content_of(fs, path(0)).substr(0, kSegmentHeaderBytes);
    encode_segment_header({.stream = kStream,
                           .sequence = 1,
                           .segment_bytes = small_options().segment_bytes,
                           .salt = 3},
                          std::as_writable_bytes(std::span(ahead)).first<kSegmentHeaderBytes>());
    set_content(fs, path(1), ahead);
    ASSERT_TRUE(succeeded(fs.remove(path(0))));
    const auto found = replay_ids(fs, "journal");
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().detail().find(path(0) + ": the segment is missing"), std::string::npos)
        << found.error().describe();
}

TEST(JournalOfAKilledNode, AStreamMayBeginWithoutASegment) {
    CrashFileSystem fs;
    ASSERT_TRUE(succeeded(create_directories(fs, "journal/" + stream_name(kStream))));
    EXPECT_TRUE(succeeded(replay_ids(fs, "journal"))) << "its first segment is being made";
}

// The process ends at any call of its journal's making, the next start writes down what it found,
// and then the power goes.
TEST(JournalOfAKilledNode, WhatTheNextStartWritesDownIsThereAfterAPowerCut) {
    uint64_t cuts = 0;
    for (uint64_t call = 1;; ++call) {
        CrashFileSystem disk;
        FaultyFileSystem fs(disk);
        fs.arm({.at_call = call, .from_then_on = true});
        ManualClock clock;
        const auto journal = Journal::create(fs, clock, "journal", kStream, small_options());
        if (fs.faults() == 0) break;
        EXPECT_FALSE(journal) << "call " << call;
        ASSERT_TRUE(succeeded(replay_ids(disk, "journal"))) << "call " << call;
        for (uint64_t seed = 0; seed < 4; ++seed, ++cuts) {
            EXPECT_TRUE(succeeded(replay_ids(*disk.crash(seed), "journal")))
                << "call " << call << ", seed " << seed;
        }
    }
    EXPECT_GT(cuts, 40u);
}

TEST(JournalExtentsFile, OfALaterVersionIsNoDamage) {
    CrashFileSystem fs;
    ASSERT_TRUE(succeeded(create_directories(fs, "journal")));
    ASSERT_TRUE(
        succeeded(store_extents(fs, "journal", {{kStream, {.first_sequence = 1, .end = 2}}})));
    std::string content = content_of(fs, kExtents);
    content[4] = 2;
    const uint32_t sum = crc32c(as_bytes(content).first(content.size() - 4));
    std::memcpy(content.data() + content.size() - 4, &sum, sizeof sum);
    set_content(fs, kExtents, content);
    const auto loaded = load_extents(fs, "journal");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code(), Code::unimplemented);
}

}  // namespace
}  // namespace insula::journal
