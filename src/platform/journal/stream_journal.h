// StreamJournal: the Journal over one stream's segment files.
//
// Appenders take their place under `mutex_` and copy into the pending group; the committing thread
// swaps it with the other, empty group, writes each span with one write and one sync, and
// publishes. A span lies in one segment and is written only after the one before it was synced:
// that is what durable_before in its records says. A second thread keeps room ahead of the writers:
// zeroed space in the current segment, the next segment, recycling of released ones. In manual mode
// callers do both.
//
// Locks, in this order: `housekeeping_mutex_` (all use of `files_`), `mutex_` (everything else).
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "platform/journal/group_buffer.h"
#include "platform/journal/journal.h"
#include "platform/journal/segment_files.h"

namespace insula::journal {

inline uint64_t seconds_since_1970(Clock& clock) {
    constexpr WallNanos kNanosPerSecond = 1'000'000'000;
    return static_cast<uint64_t>(std::max<WallNanos>(clock.wall_now(), 0) / kNanosPerSecond);
}

// A stream of an earlier start and what it takes on disk.
struct OldStream {
    StreamId stream;
    uint64_t bytes = 0;
    uint64_t segments = 0;
};

class StreamJournal final : public Journal {
  public:
    StreamJournal(Clock& clock, StreamId stream, const Options& options, SegmentFiles files,
                  std::unique_ptr<Segment> first, std::vector<OldStream> old_streams);
    ~StreamJournal() override;

    Result<Lsn> append(const RecordHeader& header, std::span<const Bytes> body,
                       Deadline deadline) override;
    Lsn durable() const override { return {stream_, durable_.load(std::memory_order_acquire)}; }
    void on_durable(Lsn lsn, std::move_only_function<void(Status)> done) override;
    Status wait_durable(Lsn lsn, Deadline deadline) override;
    void release(Lsn oldest_needed) override;
    Status remove_streams_below(Lsn oldest_needed) override;
    Usage usage() const override;
    Status health() const override;
    Status flush() override;
    Status close() override;

  private:
    using Lock = std::unique_lock<std::mutex>;
    using Done = std::move_only_function<void(Status)>;

    // Records next to each other in one segment, written and synced at once.
    struct Span {
        Segment* segment;
        uint64_t offset;         // in the segment
        uint64_t buffer_offset;  // in the group
        uint64_t bytes;
        uint64_t durable_before;
    };
    struct Group {
        explicit Group(uint64_t capacity) : buffer(capacity) {}
        GroupBuffer buffer;
        uint64_t bytes = 0;
        std::vector<Span> spans;
        size_t copiers = 0;  // appenders still copying into their place
    };
    struct Waiter {
        uint64_t position;
        Done done;
    };
    struct Task {
        enum class Kind { extend, prepare, recycle, give_up } kind;
        Segment* segment = nullptr;
        uint64_t zeroed_end = 0;
        uint32_t sequence = 0;
    };
    struct Draft {
        RecordHeader header;
        uint64_t body_bytes;
        uint32_t body_crc;
    };
    enum class State { open, closing, closed };

    // append.cc: places for records. All with mutex_ held.
    Status refused() const;
    Status make_room(uint64_t bytes, Deadline deadline, Lock& lock);
    bool fits(uint64_t bytes);
    Status wait_for_preparation(Deadline deadline, Lock& lock);
    MutableBytes place(const Draft& draft, Lsn& lsn);
    Status append_end_record(Lock& lock);
    uint64_t base_of(const Segment& segment) const {
        return segment.sequence * options_.segment_bytes;
    }

    // commit.cc: writing, syncing, telling.
    void run_commits();
    Status commit_pending(Lock& lock);
    Status write_span(Group& group, const Span& span);
    Status sync_span(const Span& span);
    void publish(const Span& span);
    void fence(const Error& error);
    std::optional<Status> outcome(Lsn lsn) const;
    Status drain(Lock& lock);
    void stop_threads(bool abandon);

    // housekeeping.cc: room ahead, and behind.
    void run_housekeeping();
    void do_housekeeping();
    std::optional<Task> next_task() const;
    void perform(const Task& task);
    void extend(Segment& segment, uint64_t zeroed_end);
    void prepare(uint32_t sequence);
    void recycle(uint32_t sequence);
    void give_up_oldest();
    void preparation_failed(const Error& error);
    bool too_much_is_kept() const;
    void look_at_kept();
    void note_kept();
    Status remove_old_streams(Lsn oldest_needed);

    Clock& clock_;
    const StreamId stream_;
    const Options options_;

    std::mutex housekeeping_mutex_;
    SegmentFiles files_;

    mutable std::mutex mutex_;
    std::condition_variable work_;                 // the committing thread: something is pending
    std::condition_variable housekeeping_wanted_;  // the housekeeping thread: something is wanted
    std::condition_variable room_;                 // appenders: room or an error
    std::condition_variable progress_;  // durable() moved, the stream was fenced, copying is done

    State state_ = State::open;
    std::optional<Error> fence_error_;
    std::optional<Status> close_status_;
    bool stop_ = false;
    bool abandon_ = false;
    bool committing_ = false;

    std::deque<std::unique_ptr<Segment>> segments_;  // oldest first, the current one last
    Segment* current_;
    std::unique_ptr<Segment> next_;
    uint64_t next_position_;  // where the next record goes, if it fits there
    uint64_t last_end_;       // end of the last record
    uint64_t hybrid_time_;
    Group groups_[2];
    Group* pending_ = &groups_[0];
    Group* writing_ = &groups_[1];
    uint64_t pending_bytes_ = 0;  // in both groups
    bool new_span_wanted_ = false;

    std::atomic<uint64_t> durable_;
    std::vector<Waiter> waiters_;
    std::vector<Waiter> ready_;  // of the committing thread, reused
    uint64_t syncs_ = 0;
    std::atomic<uint64_t> sync_nanos_ = 0;  // of the last sync

    uint64_t wanted_end_ = 0;  // offset in the current segment that an appender waits for
    bool next_wanted_ = false;
    std::optional<Error> prepare_error_;
    SteadyTime prepare_retry_at_;
    uint64_t oldest_needed_ = 0;
    bool recycling_failed_ = false;
    uint64_t release_failures_ = 0;
    // Of the segments that are kept, as far as deciding takes it: files_ has them.
    struct Kept {
        uint64_t segments = 0;
        uint64_t bytes = 0;
        uint64_t oldest_released_at_seconds = 0;
    };
    Kept kept_;
    uint64_t now_seconds_ = 0;  // when it was last looked
    bool disk_is_low_ = false;
    bool giving_up_failed_ = false;
    std::vector<OldStream> old_streams_;

    std::thread commit_thread_;
    std::thread housekeeping_thread_;
};

}  // namespace insula::journal
