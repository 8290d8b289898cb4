#include <fmt/format.h>

#include <functional>

#include "platform/fs/crash_file_system.h"
#include "platform/journal/tests/journal_model.h"

namespace insula::journal {
namespace {

constexpr StreamId kStream{5};

class JournalReplay : public ::testing::Test {
  protected:
    std::unique_ptr<Journal> create(StreamId stream = kStream,
                                    const Options& options = small_options()) {
        auto journal = Journal::create(fs_, clock_, "journal", stream, options);
        EXPECT_TRUE(succeeded(journal));
        return journal ? *std::move(journal) : nullptr;
    }
    // Appends the records ids.first .. ids.second - 1 and syncs them as one span.
    std::vector<Lsn> append_group(Journal& journal, uint64_t first, uint64_t end, size_t bytes) {
        std::vector<Lsn> lsns;
        for (uint64_t id = first; id < end; ++id) {
            const auto lsn = append_id(journal, id, bytes);
            EXPECT_TRUE(succeeded(lsn));
            lsns.push_back(*lsn);
        }
        EXPECT_TRUE(succeeded(journal.flush()));
        return lsns;
    }
    static std::string path(uint32_t sequence, StreamId stream = kStream) {
        return "journal/" + stream_name(stream) + "/" + segment_name(sequence);
    }
    // What replay makes of segment `sequence` with this content.
    Result<Replayed> replay_with(uint32_t sequence, const std::string& content, Lsn from = {}) {
        set_content(fs_, path(sequence), content);
        return replay_ids(fs_, "journal", from);
    }
    void expect_damage(const Result<Replayed>& found, uint32_t sequence,
                       std::string_view where = "") {
        ASSERT_FALSE(found) << "replayed " << found->ids.size() << " records";
        EXPECT_EQ(found.error().code(), Code::data_loss) << found.error().describe();
        EXPECT_NE(found.error().detail().find(path(sequence)), std::string_view::npos)
            << found.error().detail();
        EXPECT_NE(found.error().detail().find(where), std::string_view::npos)
            << found.error().detail();
    }

    CrashFileSystem fs_;
    ManualClock clock_;
};

std::vector<uint64_t> ids_below(uint64_t end) {
    std::vector<uint64_t> ids;
    for (uint64_t id = 0; id < end; ++id) ids.push_back(id);
    return ids;
}

TEST_F(JournalReplay, WithoutAJournalThereIsNothing) {
    const auto found = replay_ids(fs_, "journal");
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->stats.streams, 0u);
    EXPECT_EQ(found->stats.last_stream, StreamId{0});
    EXPECT_FALSE(found->stats.clean_stop);
}

TEST_F(JournalReplay, ATornTailIsCutAtEveryByte) {
    auto journal = create();
    append_group(*journal, 0, 3, 200);
    const std::vector<Lsn> torn = append_group(*journal, 3, 6, 205);
    const uint64_t end = journal->durable().position;
    journal.reset();
    const std::string whole = content_of(fs_, path(0));
    for (uint64_t cut = torn[0].position; cut < end; ++cut) {
        std::string content = whole;
        std::fill(content.begin() + static_cast<ptrdiff_t>(cut), content.end(), '\0');
        const auto found = replay_with(0, content);
        ASSERT_TRUE(succeeded(found)) << "cut at " << cut;
        uint64_t left = 3;
        // The body's last bytes are followed by padding, which a cut does not change.
        while (left < 6 && cut >= torn[left - 3].position + kRecordHeaderBytes + 205) ++left;
        ASSERT_EQ(found->ids, ids_below(left)) << "cut at " << cut;
    }
}

TEST_F(JournalReplay, AnUnsyncedGroupMayHoldGoodRecordsBehindABadOne) {
    auto journal = create();
    append_group(*journal, 0, 3, 200);
    const std::vector<Lsn> torn = append_group(*journal, 3, 8, 700);
    const uint64_t end = journal->durable().position;
    journal.reset();
    const std::string whole = content_of(fs_, path(0));
    for (uint64_t sector = torn[0].position / 512 * 512; sector < end; sector += 512) {
        std::string content = whole;
        const uint64_t lost = std::max(sector, torn[0].position);
        std::fill(content.begin() + static_cast<ptrdiff_t>(lost),
                  content.begin() + static_cast<ptrdiff_t>(std::min(sector + 512, end)), '\0');
        const auto found = replay_with(0, content);
        ASSERT_TRUE(succeeded(found)) << "sector at " << sector << " lost";
        uint64_t left = 3;
        while (left < 8 && torn[left - 3].position + record_bytes(700) <= lost) ++left;
        ASSERT_EQ(found->ids, ids_below(left)) << "sector at " << sector << " lost";
        EXPECT_GT(found->stats.cut_bytes + (left == 8), 0u);
    }
}

TEST_F(JournalReplay, AFlippedBitInAnyByteOfASyncedRecordStopsIt) {
    auto journal = create();
    append_group(*journal, 0, 1, 50);
    const std::vector<Lsn> damaged = append_group(*journal, 1, 2, 61);  // three bytes of padding
    append_group(*journal, 2, 3, 50);
    const uint64_t end = journal->durable().position;
    journal.reset();
    const std::string whole = content_of(fs_, path(0));
    for (uint64_t at = damaged[0].position; at < damaged[0].position + record_bytes(61); ++at) {
        std::string content = whole;
        content[at] = static_cast<char>(content[at] ^ (1 << (at % 8)));
        expect_damage(replay_with(0, content), 0, "offset 4264");
    }
    ASSERT_EQ(damaged[0].position, 4264u);
    // Nor may the whole record become zeros, or what stands behind be moved up.
    std::string content = whole;
    std::fill_n(content.begin() + 4264, record_bytes(61), '\0');
    expect_damage(replay_with(0, content), 0, "offset 4264");
    content = whole;
    content.erase(4264, record_bytes(61)).append(record_bytes(61), '\0');
    expect_damage(replay_with(0, content), 0, "position 4440");
    EXPECT_EQ(end, 4264 + record_bytes(61) + record_bytes(50));
    EXPECT_TRUE(succeeded(replay_with(0, whole)));
}

// Without a later span nothing tells damage of the last one from a torn tail; an end record does.
TEST_F(JournalReplay, DamageInTheLastSpanIsATornTailButNotAfterACleanStop) {
    for (const bool clean : {false, true}) {
        const StreamId stream{clean ? 21u : 20u};
        auto journal = create(stream);
        append_group(*journal, 0, 1, 50);
        const uint64_t last = append_group(*journal, 1, 2, 50)[0].position;
        if (clean) {
            ASSERT_TRUE(succeeded(journal->close()));
        }
        journal.reset();
        const std::string whole = content_of(fs_, path(0, stream));
        std::string content = whole;
        content[last + 120] ^= 1;
        set_content(fs_, path(0, stream), content);
        const auto found = replay_ids(fs_, "journal", {stream, 0});
        if (clean) {
            ASSERT_FALSE(found);
            EXPECT_EQ(found.error().code(), Code::data_loss);
        } else {
            ASSERT_TRUE(succeeded(found));
            EXPECT_EQ(found->ids, ids_below(1));
            EXPECT_EQ(found->stats.cut_bytes, kRecordHeaderBytes + 50);
        }
        set_content(fs_, path(0, stream), whole);
        EXPECT_EQ(replay_ids(fs_, "journal", {stream, 0})->ids, ids_below(2));
    }
}

TEST_F(JournalReplay, BytesAfterTheEndRecordAreDamage) {
    auto journal = create();
    append_group(*journal, 0, 6, 1500);
    ASSERT_TRUE(succeeded(journal->close()));
    const uint64_t end = journal->durable().position;
    std::string content = content_of(fs_, path(0));
    content[end] = 1;
    expect_damage(replay_with(0, content), 0, "follow the end record");
    content[end] = 0;
    ASSERT_TRUE(succeeded(replay_with(0, content)));
    std::string next = content_of(fs_, path(1));  // prepared, never used
    next[9000] = 1;
    expect_damage(replay_with(1, next), 1, "follow the stream's end record");
}

class JournalReplayOfSegments : public JournalReplay {
  protected:
    // Segments 0 to 3 hold eight records each; segment 4 is prepared or in use.
    void SetUp() override {
        auto journal = create();
        for (uint64_t id = 0; id < 34; ++id)
            lsns_.push_back(append_group(*journal, id, id + 1, 1400)[0]);
        for (uint32_t i = 0; i <= 4; ++i) whole_.push_back(content_of(fs_, path(i)));
    }
    std::vector<Lsn> lsns_;
    std::vector<std::string> whole_;
};

TEST_F(JournalReplayOfSegments, BeginsWhereItIsTold) {
    for (size_t first = 0; first < lsns_.size(); ++first) {
        const auto found = replay_ids(fs_, "journal", lsns_[first]);
        ASSERT_TRUE(succeeded(found));
        ASSERT_EQ(found->ids.size(), lsns_.size() - first);
        EXPECT_EQ(found->ids.front(), first);
        EXPECT_EQ(found->lsns.front(), lsns_[first]);
    }
    const auto later = replay_ids(fs_, "journal", {StreamId{6}, 0});
    ASSERT_TRUE(succeeded(later));
    EXPECT_TRUE(later->ids.empty());
    EXPECT_EQ(later->stats.last_stream, kStream);
}

TEST_F(JournalReplayOfSegments, SegmentsBelowTheStartAreNotRead) {
    std::string content = whole_[0];
    content[5000] ^= 1;
    EXPECT_TRUE(succeeded(replay_with(0, content, lsns_[8])));
    expect_damage(replay_with(0, content, lsns_[7]), 0);
}

TEST_F(JournalReplayOfSegments, DamageInAnEarlierSegmentStopsIt) {
    const uint64_t last = lsns_[7].position;
    const uint64_t end = last + record_bytes(1400);
    for (const uint64_t at :
         {last, last + 30, last + 500, end - 1, end, end + 20, whole_[0].size() - 1}) {
        std::string content = whole_[0];
        content[at] ^= 1;
        expect_damage(replay_with(0, content), 0,
                      at < end ? fmt::format("offset {}", last) : "offset");
    }
    // The last record of a segment, gone without a trace.
    std::string content = whole_[0];
    std::fill(content.begin() + static_cast<ptrdiff_t>(last), content.end(), '\0');
    expect_damage(replay_with(0, content), 1, "records are missing");
}

TEST_F(JournalReplayOfSegments, DamageOfASegmentHeaderStopsIt) {
    for (size_t at = 0; at < kSegmentHeaderBytes; at += at < 72 ? 1 : 401) {
        std::string content = whole_[2];
        content[at] ^= 4;
        expect_damage(replay_with(2, content), 2);
    }
    expect_damage(replay_with(2, whole_[2].substr(0, 100)), 2, "cut off");
    expect_damage(replay_with(2, whole_[2] + "more"), 2, "the file has");
}

TEST_F(JournalReplayOfSegments, AMissingSegmentStopsItUnlessItIsBelowTheStart) {
    ASSERT_TRUE(succeeded(fs_.remove(path(0))));
    expect_damage(replay_ids(fs_, "journal", {StreamId{2}, 0}), 0, "missing");
    expect_damage(replay_ids(fs_, "journal", lsns_[7]), 0, "missing");
    EXPECT_EQ(replay_ids(fs_, "journal", lsns_[8])->ids.size(), 26u);
    EXPECT_EQ(replay_ids(fs_, "journal")->ids.size(), 26u) << "whatever is there";
    ASSERT_TRUE(succeeded(fs_.remove(path(2))));
    expect_damage(replay_ids(fs_, "journal"), 2, "missing between");
}

TEST_F(JournalReplayOfSegments, AForeignSegmentStopsIt) {
    expect_damage(replay_with(2, whole_[1]), 2, "holds segment 1");
    auto journal = create(StreamId{6});
    append_group(*journal, 0, 30, 1400);
    expect_damage(replay_with(2, content_of(fs_, path(2, StreamId{6}))), 2,
                  stream_name(StreamId{6}));
    set_content(fs_, path(2), whole_[2]);
    ASSERT_TRUE(succeeded(fs_.rename(path(4), "journal/" + stream_name(kStream) + "/x.seg")));
    const auto found = replay_ids(fs_, "journal");
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().detail().find("x.seg: this is no segment's name"),
              std::string_view::npos);
}

TEST_F(JournalReplayOfSegments, RecordsOfARecycledSegmentsOldLifeAreNotTaken) {
    // As if zeroing had been forgotten: records of segment 1 behind what was written of segment 4.
    std::string content = whole_[4];
    const uint64_t used =
        lsns_.back().position % small_options().segment_bytes + record_bytes(1400);
    content.replace(used, std::string::npos, whole_[1], used, std::string::npos);
    const auto found = replay_with(4, content);
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->ids, ids_below(34));
}

TEST_F(JournalReplayOfSegments, AFailingHandlerStopsIt) {
    int seen = 0;
    const auto stats = replay(fs_, "journal", {}, small_options(), [&](const Record&) -> Status {
        if (++seen == 3) return fail(unavailable("enough", "Enough."));
        return {};
    });
    ASSERT_FALSE(stats);
    EXPECT_EQ(stats.error().reason(), "enough");
    EXPECT_EQ(seen, 3);
}

TEST_F(JournalReplay, ProbesAreReadOver) {
    auto journal = create();
    const Bytes body = as_bytes("ready");
    ASSERT_TRUE(
        succeeded(journal->append({.kind = RecordKind::probe}, {&body, 1}, Deadline::never())));
    append_group(*journal, 0, 2, 100);
    const auto found = replay_ids(fs_, "journal");
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->ids, ids_below(2));
    EXPECT_EQ(found->stats.records, 2u);
}

TEST_F(JournalReplay, AnUnknownKindOrVersionStopsIt) {
    auto journal = create();
    append_group(*journal, 0, 1, 100);
    journal.reset();
    const std::string whole = content_of(fs_, path(0));
    const auto header = decode_segment_header(as_bytes(whole));
    ASSERT_TRUE(succeeded(header));
    const Bytes stored = as_bytes(whole).subspan(kSegmentHeaderBytes);
    for (const auto change :
         {+[](StoredRecord& r) { r.kind = 77; }, +[](StoredRecord& r) { r.version = 2; },
          +[](StoredRecord& r) { r.codec = 1; }, +[](StoredRecord& r) { r.key_id = 1; },
          +[](StoredRecord& r) { r.flags = 1; }}) {
        auto record = decode_record_header(stored, header->salt);
        ASSERT_TRUE(record.has_value());
        change(*record);
        std::string content = whole;
        encode_record_header(*record, header->salt,
                             std::as_writable_bytes(std::span(content))
                                 .subspan(kSegmentHeaderBytes, kRecordHeaderBytes));
        expect_damage(replay_with(0, content), 0, "not known here");
    }
}

// A tenant who stores bytes that look like records cannot make a torn tail look like damage.
TEST_F(JournalReplay, ABodyThatImitatesRecordsDoesNotPassForThem) {
    auto journal = create();
    append_group(*journal, 0, 1, 100);
    const uint64_t position = journal->durable().position;
    std::string imitation(kRecordHeaderBytes * 3, '\0');
    encode_record_header({.kind = 1,
                          .stream = kStream,
                          .position = position + 2 * kRecordHeaderBytes,
                          .durable_before = position + kRecordHeaderBytes},
                         /*salt=*/0,
                         std::as_writable_bytes(std::span(imitation))
                             .subspan(kRecordHeaderBytes, kRecordHeaderBytes));
    ASSERT_TRUE(succeeded(append_text(*journal, imitation)));
    ASSERT_TRUE(succeeded(journal->flush()));
    journal.reset();
    std::string content = content_of(fs_, path(0));
    content[position] = 0;
    const auto found = replay_with(0, content);
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->ids, ids_below(1));
}

TEST_F(JournalReplay, EveryStreamMayEndTorn) {
    for (uint64_t stream = 1; stream <= 3; ++stream) {
        auto journal = create(StreamId{stream});
        append_group(*journal, stream * 10, stream * 10 + 2, 100);
        const uint64_t last =
            append_group(*journal, stream * 10 + 2, stream * 10 + 3, 100)[0].position;
        journal.reset();
        std::string content = content_of(fs_, path(0, StreamId{stream}));
        content[last] = 0;
        set_content(fs_, path(0, StreamId{stream}), content);
    }
    ASSERT_TRUE(succeeded(
        fs_.create_directory("journal/" + stream_name(StreamId{4}))));  // stopped while starting
    const auto found = replay_ids(fs_, "journal");
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->ids, (std::vector<uint64_t>{10, 11, 20, 21, 30, 31}));
    EXPECT_EQ(found->stats.streams, 4u);
    EXPECT_EQ(found->stats.last_stream, StreamId{4});
}

// The bytes were in memory only (the process was killed before its sync): once read, they must
// stay.
TEST_F(JournalReplay, WhatItHandsOutIsDurable) {
    for (const PlantedFault fault : {PlantedFault::none, PlantedFault::skip_settling}) {
        const StreamId stream{fault == PlantedFault::none ? 30u : 31u};
        Options options = small_options();
        options.planted_fault = PlantedFault::skip_sync;
        auto journal = create(stream, options);
        append_group(*journal, 0, 8, 1000);
        journal.reset();
        ASSERT_EQ(replay_ids(fs_, "journal", {stream, 0}, fault)->ids, ids_below(8));
        size_t lost = 0;
        for (uint64_t seed = 0; seed < 20; ++seed) {
            const auto found = replay_ids(*fs_.crash(seed), "journal", {stream, 0});
            lost += found && found->ids == ids_below(8) ? 0 : 1;
        }
        if (fault == PlantedFault::none) {
            EXPECT_EQ(lost, 0u);
        } else {
            EXPECT_GT(lost, 0u) << "the test cannot fail";
        }
    }
}

}  // namespace
}  // namespace insula::journal
