#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/fs/os_file_system.h"
#include "platform/fs/tests/temporary_directory.h"
#include "platform/journal/tests/journal_model.h"

namespace insula::journal {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr StreamId kStream{5};

class JournalAppend : public ::testing::Test {
  protected:
    std::unique_ptr<Journal> create(const Options& options, FileSystem* fs = nullptr,
                                    StreamId stream = kStream) {
        auto journal =
            Journal::create(fs != nullptr ? *fs : fs_, clock_, "journal", stream, options);
        EXPECT_TRUE(succeeded(journal));
        return journal ? *std::move(journal) : nullptr;
    }
    std::vector<std::string> segment_names(StreamId stream = kStream) {
        std::vector<std::string> names;
        for (const auto& entry : *fs_.list("journal/" + stream_name(stream))) {
            if (entry.name.ends_with(".seg")) names.push_back(entry.name);
        }
        return names;
    }

    CrashFileSystem fs_;
    ManualClock clock_;
};

Options threaded_options() {
    Options options = small_options();
    options.manual = false;
    return options;
}

TEST_F(JournalAppend, WhatIsAppendedComesBack) {
    auto journal = create(small_options());
    const std::vector<Bytes> pieces{as_bytes("one, "), as_bytes(""), as_bytes("two")};
    const RecordHeader header{
        .kind = RecordKind::table_write, .tenant = {{1, 2, 3}}, .source = {77}, .epoch = {3}};
    const auto first = journal->append(header, pieces, Deadline::never());
    ASSERT_TRUE(succeeded(first));
    const auto second = journal->append({}, {}, Deadline::never());
    ASSERT_TRUE(succeeded(second));
    EXPECT_LT(*first, *second);
    EXPECT_FALSE(*first < journal->durable());
    ASSERT_TRUE(succeeded(journal->flush()));
    EXPECT_LT(*second, journal->durable());

    size_t seen = 0;
    const auto stats =
        replay(fs_, "journal", {}, small_options(), [&](const Record& record) -> Status {
            if (seen++ == 0) {
                EXPECT_EQ(as_text(record.body), "one, two");
                EXPECT_EQ(record.header.tenant, header.tenant);
                EXPECT_EQ(record.header.source, header.source);
                EXPECT_EQ(record.header.epoch, header.epoch);
                EXPECT_EQ(record.lsn, *first);
            } else {
                EXPECT_TRUE(record.body.empty());
                EXPECT_EQ(record.lsn, *second);
            }
            return {};
        });
    ASSERT_TRUE(succeeded(stats));
    EXPECT_EQ(seen, 2u);
    EXPECT_EQ(stats->last_stream, kStream);
    EXPECT_FALSE(stats->clean_stop);
}

TEST_F(JournalAppend, HybridTimeGrowsThoughTheClockStandsStillOrStepsBack) {
    Options options = small_options();
    const uint64_t now = static_cast<uint64_t>(clock_.wall_now()) / 1'000'000 << 16;
    options.hybrid_time_floor = now + 5;
    auto journal = create(options);
    ASSERT_TRUE(succeeded(append_id(*journal, 1, 10)));
    ASSERT_TRUE(succeeded(append_id(*journal, 2, 10)));
    clock_.advance(-seconds(100));
    ASSERT_TRUE(succeeded(append_id(*journal, 3, 10)));
    clock_.advance(seconds(101));
    ASSERT_TRUE(succeeded(append_id(*journal, 4, 10)));
    ASSERT_TRUE(succeeded(journal->flush()));
    std::vector<uint64_t> times;
    const auto stats = replay(fs_, "journal", {}, options, [&](const Record& record) -> Status {
        times.push_back(record.hybrid_time);
        return {};
    });
    ASSERT_TRUE(succeeded(stats));
    EXPECT_EQ(times, (std::vector<uint64_t>{now + 6, now + 7, now + 8, now + (1000 << 16)}));
    EXPECT_EQ(stats->last_hybrid_time, times.back());
}

TEST_F(JournalAppend, ManyThreadsGetDistinctPositionsAndAllComeBack) {
    constexpr uint64_t kThreads = 8;
    constexpr uint64_t kRecords = 300;
    auto journal = create(threaded_options());
    std::atomic<uint64_t> told = 0;
    std::vector<std::thread> threads;
    std::vector<std::vector<Lsn>> lsns(kThreads);
    for (uint64_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (uint64_t i = 0; i < kRecords; ++i) {
                const auto lsn = append_id(*journal, t * kRecords + i, 8 + (i * 37 + t) % 900);
                ASSERT_TRUE(succeeded(lsn));
                lsns[t].push_back(*lsn);
                journal->on_durable(*lsn, [&, lsn = *lsn](Status status) {
                    EXPECT_TRUE(succeeded(status));
                    EXPECT_LT(lsn, journal->durable());
                    ++told;
                });
                if (i % 64 == 0)
                    EXPECT_TRUE(succeeded(journal->wait_durable(*lsn, Deadline::never())));
            }
        });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_TRUE(succeeded(journal->close()));
    EXPECT_EQ(told, kThreads * kRecords);
    const auto found = replay_ids(fs_, "journal");
    ASSERT_TRUE(succeeded(found));
    EXPECT_TRUE(found->stats.clean_stop);
    ASSERT_EQ(found->ids.size(), kThreads * kRecords);
    EXPECT_TRUE(std::is_sorted(found->lsns.begin(), found->lsns.end()));
    for (uint64_t t = 0; t < kThreads; ++t)
        EXPECT_TRUE(std::is_sorted(lsns[t].begin(), lsns[t].end()));
    for (size_t i = 0; i < found->ids.size(); ++i) {
        EXPECT_EQ(lsns[found->ids[i] / kRecords][found->ids[i] % kRecords], found->lsns[i]);
    }
}

// Holds the first sync that comes after arm() until release().
class SyncGate {
  public:
    explicit SyncGate(CrashFileSystem& fs) : fs_(fs) {}
    ~SyncGate() {
        open();
        fs_.set_sync_hook({});
    }
    void arm() {
        fs_.set_sync_hook([this](SyncMoment moment) {
            if (moment != SyncMoment::before) return;
            std::unique_lock lock(mutex_);
            reached_ = true;
            changed_.notify_all();
            changed_.wait(lock, [this] { return open_; });
        });
    }
    void wait_until_reached() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return reached_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

  private:
    CrashFileSystem& fs_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool reached_ = false;
    bool open_ = false;
};

// The whole segment is zeroed at the start, so that the only syncs are those of records.
Options one_segment_options() {
    Options options = threaded_options();
    options.segment_bytes = options.zero_step_bytes = 256 * kKiB;
    return options;
}

TEST_F(JournalAppend, RecordsThatWaitDuringASyncShareTheNextOne) {
    auto journal = create(one_segment_options());
    SyncGate gate(fs_);
    gate.arm();
    ASSERT_TRUE(succeeded(append_id(*journal, 0, 100)));
    gate.wait_until_reached();
    Lsn last;
    for (uint64_t i = 1; i <= 100; ++i) last = *append_id(*journal, i, 100);
    EXPECT_EQ(journal->usage().syncs, 0u);
    gate.open();
    ASSERT_TRUE(succeeded(journal->wait_durable(last, Deadline::never())));
    EXPECT_EQ(journal->usage().syncs, 2u);
}

TEST_F(JournalAppend, WaitsAtThePendingBoundUntilItsDeadlineOrUntilThereIsRoom) {
    auto journal = create(one_segment_options());
    SyncGate gate(fs_);
    gate.arm();
    uint64_t id = 0;
    ASSERT_TRUE(succeeded(append_id(*journal, id++, 4000)));
    gate.wait_until_reached();
    for (;;) {
        const auto lsn = append_text(*journal, body_of(id, 4000), Deadline::after(milliseconds(5)),
                                     header_of(id));
        if (!lsn) {
            EXPECT_EQ(lsn.error().code(), Code::deadline_exceeded);
            break;
        }
        ++id;
    }
    EXPECT_EQ(id, small_options().pending_bytes_max / record_bytes(4000));
    EXPECT_EQ(journal->wait_durable(*append_id(*journal, 900, 8), Deadline::after(milliseconds(5)))
                  .error()
                  .code(),
              Code::deadline_exceeded);
    std::thread waiting([&] { EXPECT_TRUE(succeeded(append_id(*journal, 901, 4000))); });
    gate.open();
    waiting.join();
    ASSERT_TRUE(succeeded(journal->flush()));
    EXPECT_EQ(replay_ids(fs_, "journal")->ids.size(), id + 2);
}

TEST_F(JournalAppend, RefusesRecordsAboveTheLimit) {
    auto journal = create(small_options());
    EXPECT_EQ(append_id(*journal, 1, 4 * kKiB + 1).error().code(), Code::payload_too_large);
    EXPECT_TRUE(succeeded(append_id(*journal, 1, 4 * kKiB)));
}

TEST_F(JournalAppend, RecordsThatExactlyFillASegmentAreFollowedByTheNextSegment) {
    const Options options = small_options();
    const uint64_t room = options.segment_bytes - kSegmentHeaderBytes;
    constexpr uint64_t kRecord = 1536;
    for (const uint64_t missing : {0, 8, 104, 112, 120}) {  // bytes left over at the segment's end
        SCOPED_TRACE(missing);
        CrashFileSystem fs;
        auto journal = create(options, &fs);
        for (uint64_t i = 0; i < room / kRecord; ++i) {
            const uint64_t bytes = kRecord - kRecordHeaderBytes - (i == 0 ? missing : 0);
            ASSERT_EQ(append_id(*journal, i, bytes)->position / options.segment_bytes, 0u);
        }
        ASSERT_TRUE(succeeded(journal->flush()));
        const Lsn next = *append_id(*journal, 1000, 300);
        EXPECT_EQ(next.position, options.segment_bytes + kSegmentHeaderBytes);
        ASSERT_TRUE(succeeded(journal->flush()));
        const auto found = replay_ids(fs, "journal");
        ASSERT_TRUE(succeeded(found));
        EXPECT_EQ(found->ids.size(), room / kRecord + 1);
        EXPECT_EQ(found->ids.back(), 1000u);
    }
}

TEST_F(JournalAppend, ALargeRecordPassesWithTheDefaultOptions) {
    Options options;
    auto journal = create(options);
    const std::string body = body_of(1, options.record_bytes_max);
    for (int i = 0; i < 2; ++i) {
        const auto lsn = append_text(*journal, body, Deadline::never(), header_of(1));
        ASSERT_TRUE(succeeded(lsn));
        ASSERT_TRUE(succeeded(journal->wait_durable(*lsn, Deadline::never())));
    }
    ASSERT_TRUE(succeeded(journal->close()));
    EXPECT_EQ(replay_ids(fs_, "journal")->ids, (std::vector<uint64_t>{1, 1}));
}

TEST_F(JournalAppend, CallbacksComeAtOnceForWhatIsKnown) {
    auto journal = create(small_options(), nullptr, StreamId{7});
    const Lsn lsn = *append_id(*journal, 1, 8);
    int waiting = 0;
    journal->on_durable(lsn, [&](Status status) { waiting += status ? 1 : 100; });
    EXPECT_EQ(waiting, 0);
    ASSERT_TRUE(succeeded(journal->flush()));
    EXPECT_EQ(waiting, 1);
    journal->on_durable(lsn, [&](Status status) { waiting += status ? 1 : 100; });
    EXPECT_EQ(waiting, 2);
    journal->on_durable({StreamId{3}, 999}, [&](Status status) { waiting += status ? 1 : 100; });
    EXPECT_EQ(waiting, 3);  // of an earlier stream: it was replayed
    journal->on_durable({StreamId{7}, 1 << 20},
                        [&](Status status) { waiting += status ? 100 : 1; });
    EXPECT_EQ(waiting, 4);  // never appended
}

TEST_F(JournalAppend, DestroyingAnOpenJournalFailsItsWaiters) {
    auto journal = create(small_options());
    std::optional<Status> told;
    journal->on_durable(*append_id(*journal, 1, 8),
                        [&](Status status) { told = std::move(status); });
    journal.reset();
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(told->error().reason(), "journal_closed");
    EXPECT_TRUE(replay_ids(fs_, "journal")->ids.empty());
}

TEST_F(JournalAppend, CloseSyncsWritesTheEndAndRefusesMore) {
    for (const bool manual : {true, false}) {
        CrashFileSystem fs;
        Options options = small_options();
        options.manual = manual;
        auto journal = create(options, &fs);
        const Lsn lsn = *append_id(*journal, 1, 100);
        ASSERT_TRUE(succeeded(journal->close()));
        ASSERT_TRUE(succeeded(journal->close()));
        EXPECT_LT(lsn, journal->durable());
        EXPECT_EQ(append_id(*journal, 2, 100).error().reason(), "journal_closed");
        journal.reset();
        const auto found = replay_ids(*fs.crash(1), "journal");
        ASSERT_TRUE(succeeded(found));
        EXPECT_TRUE(found->stats.clean_stop);
        EXPECT_EQ(found->ids, std::vector<uint64_t>{1});
    }
}

TEST_F(JournalAppend, AFailedSyncFencesForGood) {
    for (const bool manual : {true, false}) {
        for (const Fault fault : {Fault::io_error, Fault::disk_full}) {
            CrashFileSystem inner;
            FaultyFileSystem faulty(inner);
            Options options = one_segment_options();
            options.manual = manual;
            auto journal = create(options, &faulty);
            const Lsn good = *append_id(*journal, 1, 100);
            ASSERT_TRUE(succeeded(journal->flush()));
            const Lsn durable = journal->durable();
            faulty.arm({.at_call = 1, .fault = fault, .only = StorageCall::sync});
            const Lsn lost = *append_id(*journal, 2, 100);
            std::atomic<int> told = 0;
            journal->on_durable(lost, [&](Status status) { told += status ? 100 : 1; });
            EXPECT_FALSE(journal->flush());
            const Status waited = journal->wait_durable(lost, Deadline::never());
            ASSERT_FALSE(waited);
            EXPECT_EQ(waited.error().reason(), "journal_fenced");
            EXPECT_TRUE(succeeded(journal->wait_durable(good, Deadline::never())));
            EXPECT_EQ(append_id(*journal, 3, 100).error().reason(), "journal_fenced");
            EXPECT_EQ(journal->durable(), durable);
            EXPECT_NE(journal->health().error().detail().find("injected fault"),
                      std::string_view::npos);
            EXPECT_FALSE(journal->close());
            EXPECT_EQ(faulty.faults(), 1u);
            journal.reset();
            EXPECT_EQ(told, 1);
        }
    }
}

TEST_F(JournalAppend, AFullDiskRefusesNewRecordsAndGoesOnOnceThereIsRoom) {
    for (const bool manual : {true, false}) {
        CrashFileSystem inner;
        FaultyFileSystem faulty(inner);
        Options options = small_options();
        options.manual = manual;
        options.zero_step_bytes = options.segment_bytes;
        auto journal = create(options, &faulty);
        // What is prepared already can be filled; making more of it fails.
        faulty.arm({.at_call = 1,
                    .fault = Fault::disk_full,
                    .from_then_on = true,
                    .only = StorageCall::open});
        uint64_t id = 0;
        for (;; ++id) {
            const auto lsn = append_id(*journal, id, 1100);
            if (!lsn) {
                EXPECT_EQ(lsn.error().code(), Code::storage_exhausted);
                break;
            }
            ASSERT_TRUE(succeeded(journal->flush()));
            EXPECT_LT(*lsn, journal->durable());
        }
        EXPECT_EQ(id, (options.segment_bytes - kSegmentHeaderBytes) / record_bytes(1100));
        EXPECT_TRUE(succeeded(journal->health()));
        EXPECT_FALSE(append_id(*journal, id, 1100)) << "fails at once until the next try is due";
        EXPECT_TRUE(succeeded(append_id(*journal, id++, 8))) << "a small one still has room";
        faulty.disarm();
        clock_.advance(seconds(2));
        ASSERT_TRUE(succeeded(append_id(*journal, id++, 1100)));
        ASSERT_TRUE(succeeded(journal->close()));
        EXPECT_EQ(replay_ids(inner, "journal")->ids.size(), id);
    }
}

TEST_F(JournalAppend, ReleasedSegmentsAreRecycledAndTheirNumberStaysBounded) {
    auto journal = create(small_options());
    std::vector<Lsn> lsns;
    for (uint64_t i = 0; i < 200; ++i) {
        lsns.push_back(*append_id(*journal, i, 1000));
        ASSERT_TRUE(succeeded(journal->flush()));
        if (i >= 20) journal->release(lsns[i - 20]);
        EXPECT_LE(journal->usage().segments, 5u);
        EXPECT_LE(fs_.list("journal/" + stream_name(kStream))->size(), 7u);
    }
    EXPECT_EQ(journal->usage().segments, segment_names().size());
    EXPECT_GT(parse_segment_name(segment_names().front()), 10u);
    EXPECT_EQ(journal->usage().bytes, journal->durable().position - lsns[179].position);
    EXPECT_EQ(journal->usage().release_failures, 0u);
    const auto found = replay_ids(fs_, "journal", lsns[179]);
    ASSERT_TRUE(succeeded(found));
    ASSERT_EQ(found->ids.size(), 21u);
    EXPECT_EQ(found->ids.front(), 179u);
}

TEST_F(JournalAppend, OlderStreamsAreCountedAndRemovedOnceNotNeeded) {
    for (uint64_t stream = 1; stream <= 3; ++stream) {
        auto journal = create(small_options(), nullptr, StreamId{stream});
        for (uint64_t i = 0; i < 30; ++i)
            ASSERT_TRUE(succeeded(append_id(*journal, stream * 100 + i, 1000)));
        ASSERT_TRUE(succeeded(journal->close()));
    }
    auto journal = create(small_options(), nullptr, StreamId{9});
    const uint64_t all = journal->usage().bytes;
    EXPECT_GT(all, 90'000u);
    ASSERT_TRUE(succeeded(journal->remove_streams_below({StreamId{3}, 5000})));
    EXPECT_FALSE(*fs_.exists("journal/" + stream_name(StreamId{1})));
    EXPECT_FALSE(*fs_.exists("journal/" + stream_name(StreamId{2})));
    EXPECT_TRUE(*fs_.exists("journal/" + stream_name(StreamId{3})));
    EXPECT_LT(journal->usage().bytes, all / 2);
    EXPECT_EQ(replay_ids(fs_, "journal", {StreamId{3}, 0})->ids.size(), 30u);
    ASSERT_TRUE(succeeded(journal->remove_streams_below({StreamId{9}, 0})));
    // Two of their segments live on as this stream's.
    for (uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(succeeded(append_id(*journal, i, 1000)));
    ASSERT_TRUE(succeeded(journal->close()));
    EXPECT_EQ(replay_ids(*fs_.crash(3), "journal")->ids.size(), 40u);
}

TEST_F(JournalAppend, AStreamMustBeAboveThoseThatExist) {
    create(small_options(), nullptr, StreamId{8});
    for (const uint64_t stream : {7, 8}) {
        const auto journal =
            Journal::create(fs_, clock_, "journal", StreamId{stream}, small_options());
        ASSERT_FALSE(journal);
        EXPECT_EQ(journal.error().code(), Code::failed_precondition);
    }
}

TEST_F(JournalAppend, ImpossibleOptionsAreRefused) {
    for (const auto change : {+[](Options& o) { o.segment_bytes += 1; },
                              +[](Options& o) { o.record_bytes_max = o.segment_bytes - 4200; },
                              +[](Options& o) { o.pending_bytes_max = 4000; },
                              +[](Options& o) { o.segment_bytes = 2 * kGiB; },
                              +[](Options& o) { o.zero_step_bytes = 0; }}) {
        Options options = small_options();
        change(options);
        const auto journal = Journal::create(fs_, clock_, "journal", kStream, options);
        ASSERT_FALSE(journal);
        EXPECT_EQ(journal.error().code(), Code::invalid_argument);
    }
}

TEST_F(JournalAppend, WorksOnTheOperatingSystemsFiles) {
    TemporaryDirectory directory;
    OsFileSystem fs;
    SystemClock clock;
    const std::string path = directory.path() + "/journal";
    Options options = threaded_options();
    auto journal = Journal::create(fs, clock, path, kStream, options);
    ASSERT_TRUE(succeeded(journal));
    Lsn last;
    for (uint64_t i = 0; i < 100; ++i) {
        last = *append_id(**journal, i, 1000);
        if (i == 60) (*journal)->release(last);
    }
    ASSERT_TRUE(succeeded((*journal)->wait_durable(last, Deadline::never())));
    EXPECT_GT((*journal)->usage().last_sync_nanos, 0u);
    ASSERT_TRUE(succeeded((*journal)->close()));
    const auto found = replay_ids(fs, path, last);
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->ids, std::vector<uint64_t>{99});
}

}  // namespace
}  // namespace insula::journal
