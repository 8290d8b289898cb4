// StreamJournal: room ahead of the writers, and segments behind them.
#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "platform/journal/stream_journal.h"

namespace insula::journal {

namespace {

// The current segment (a stream's first one) is kept zeroed this far ahead.
constexpr uint64_t kZeroedAheadSteps = 4;
// After a failed preparation appends fail at once for this long, then it is tried again.
constexpr std::chrono::seconds kPrepareRetryDelay{1};
// While segments are kept, their age and the disk's room are looked at so often.
constexpr std::chrono::seconds kKeptLookInterval{1};

}  // namespace

void StreamJournal::run_housekeeping() {
    Lock lock(mutex_);
    for (;;) {
        const auto wanted = [this] { return stop_ || next_task().has_value(); };
        if (kept_.segments == 0) {
            housekeeping_wanted_.wait(lock, [&] { return wanted() || kept_.segments > 0; });
        } else {
            housekeeping_wanted_.wait_for(lock, kKeptLookInterval, wanted);
        }
        if (stop_) return;
        lock.unlock();
        do_housekeeping();
        lock.lock();
    }
}

void StreamJournal::do_housekeeping() {
    const std::lock_guard housekeeping(housekeeping_mutex_);
    look_at_kept();
    for (;;) {
        std::optional<Task> task;
        {
            const std::lock_guard lock(mutex_);
            task = next_task();
            if (task && task->segment != nullptr) task->segment->extending = true;
        }
        if (!task) return;
        perform(*task);
    }
}

// The most urgent thing to do, if any. With mutex_ held; asked at every append, so it must be
// quick.
std::optional<StreamJournal::Task> StreamJournal::next_task() const {
    if (stop_ || fence_error_) return std::nullopt;
    const uint64_t segment_bytes = options_.segment_bytes;
    const uint64_t offset = next_position_ - base_of(*current_);
    const bool may_prepare = !prepare_error_ || clock_.steady_now() >= prepare_retry_at_;
    const uint64_t zeroed_end = current_->zeroed_end;
    const uint64_t ahead =
        std::min(segment_bytes,
                 std::max(offset + kZeroedAheadSteps * options_.zero_step_bytes, wanted_end_));
    if (disk_is_low_ && too_much_is_kept()) return Task{.kind = Task::Kind::give_up};
    if (may_prepare && zeroed_end < ahead && !current_->extending) {
        return Task{.kind = Task::Kind::extend,
                    .segment = current_,
                    .zeroed_end = std::min(zeroed_end + options_.zero_step_bytes, segment_bytes)};
    }
    const Segment& oldest = *segments_.front();
    const uint64_t needed_from = options_.planted_fault == PlantedFault::recycle_early
                                     ? oldest_needed_ + segment_bytes
                                     : oldest_needed_;
    const uint64_t oldest_end = base_of(oldest) + segment_bytes;
    if (segments_.size() > 1 && !oldest.file && oldest_end <= needed_from && !recycling_failed_) {
        return Task{.kind = Task::Kind::recycle, .sequence = oldest.sequence};
    }
    if (may_prepare && !next_ && (next_wanted_ || offset >= segment_bytes / 2)) {
        return Task{.kind = Task::Kind::prepare, .sequence = current_->sequence + 1};
    }
    if (too_much_is_kept()) return Task{.kind = Task::Kind::give_up};
    return std::nullopt;
}

// With mutex_ held.
bool StreamJournal::too_much_is_kept() const {
    if (kept_.segments == 0 || giving_up_failed_) return false;
    const Retention& retention = options_.retention;
    const auto time = static_cast<uint64_t>(retention.time.count());
    return disk_is_low_ || kept_.bytes > retention.bytes_max ||
           now_seconds_ >= kept_.oldest_released_at_seconds + time;
}

// With housekeeping_mutex_ held.
void StreamJournal::look_at_kept() {
    if (files_.kept().empty()) {
        const std::lock_guard lock(mutex_);
        disk_is_low_ = false;
        return;
    }
    // Where the file system does not say, what it said last holds.
    const auto available = files_.available_bytes();
    const std::lock_guard lock(mutex_);
    now_seconds_ = seconds_since_1970(clock_);
    giving_up_failed_ = false;
    if (available) disk_is_low_ = *available < options_.retention.free_bytes_min;
}

// With housekeeping_mutex_ held.
void StreamJournal::note_kept() {
    const KeptSegments& kept = files_.kept();
    const std::lock_guard lock(mutex_);
    kept_ = {.segments = kept.count(), .bytes = kept.bytes()};
    if (!kept.empty()) kept_.oldest_released_at_seconds = kept.oldest().released_at_seconds;
}

void StreamJournal::perform(const Task& task) {
    switch (task.kind) {
        case Task::Kind::extend:
            return extend(*task.segment, task.zeroed_end);
        case Task::Kind::prepare:
            return prepare(task.sequence);
        case Task::Kind::recycle:
            return recycle(task.sequence);
        case Task::Kind::give_up:
            return give_up_oldest();
    }
}

void StreamJournal::extend(Segment& segment, uint64_t zeroed_end) {
    bool sync_failed = false;
    const Status status = files_.extend(segment, zeroed_end, sync_failed);
    {
        const std::lock_guard lock(mutex_);
        segment.extending = false;
        if (status) {
            segment.zeroed_end = zeroed_end;
            prepare_error_.reset();
        }
    }
    if (status) {
        room_.notify_all();
    } else if (sync_failed || status.error().code() != Code::storage_exhausted) {
        fence(status.error());
    } else {
        preparation_failed(status.error());
    }
}

void StreamJournal::prepare(uint32_t sequence) {
    auto segment = files_.prepare(sequence, options_.segment_bytes);
    if (segment) {
        {
            const std::lock_guard lock(mutex_);
            next_ = std::move(*segment);
            prepare_error_.reset();
        }
        room_.notify_all();
    } else if (files_.unusable()) {
        fence(segment.error());
    } else {
        preparation_failed(segment.error());
    }
}

void StreamJournal::preparation_failed(const Error& error) {
    {
        const std::lock_guard lock(mutex_);
        // What nothing needs makes room first, all of it; then it is tried again.
        if (error.code() == Code::storage_exhausted && kept_.segments > 0 && !giving_up_failed_) {
            disk_is_low_ = true;
            return;
        }
        prepare_error_ = error;
        prepare_retry_at_ = clock_.steady_now() + kPrepareRetryDelay;
        wanted_end_ = 0;
        next_wanted_ = false;
    }
    room_.notify_all();
}

void StreamJournal::give_up_oldest() {
    const Status status = files_.give_up_oldest();
    note_kept();
    if (status) return;
    if (files_.unusable()) return fence(status.error());
    const std::lock_guard lock(mutex_);
    giving_up_failed_ = true;  // until it is looked again
    ++release_failures_;
}

void StreamJournal::recycle(uint32_t sequence) {
    const bool keeps = options_.retention.time.count() > 0;
    const Status status =
        keeps ? files_.keep(sequence, seconds_since_1970(clock_)) : files_.recycle(sequence);
    if (keeps) note_kept();
    if (status) {
        const std::lock_guard lock(mutex_);
        INSULA_CHECK(segments_.front()->sequence == sequence,
                     "only housekeeping takes segments away");
        segments_.pop_front();
    } else if (files_.unusable()) {
        fence(status.error());
    } else {
        const std::lock_guard lock(mutex_);
        recycling_failed_ = true;
        ++release_failures_;
    }
}

void StreamJournal::release(Lsn oldest_needed) {
    {
        const std::lock_guard lock(mutex_);
        if (oldest_needed.stream > stream_) return;  // nothing of a later stream exists
        if (oldest_needed.stream == stream_) {
            oldest_needed_ = std::max(oldest_needed_, oldest_needed.position);
        }
        recycling_failed_ = false;
    }
    if (options_.manual) {
        do_housekeeping();
    } else {
        housekeeping_wanted_.notify_one();
    }
}

Status StreamJournal::remove_streams_below(Lsn oldest_needed) {
    const Status removed = remove_old_streams(oldest_needed);
    if (options_.manual) {
        do_housekeeping();
    } else {
        housekeeping_wanted_.notify_one();
    }
    return removed;
}

Status StreamJournal::remove_old_streams(Lsn oldest_needed) {
    const std::lock_guard housekeeping(housekeeping_mutex_);
    for (;;) {
        StreamId stream;
        {
            const std::lock_guard lock(mutex_);
            RETURN_IF_ERROR(refused());
            if (old_streams_.empty() || old_streams_.front().stream >= oldest_needed.stream)
                return {};
            stream = old_streams_.front().stream;
        }
        const Status removed = files_.remove_stream(stream, seconds_since_1970(clock_));
        note_kept();
        if (!removed && files_.unusable()) fence(removed.error());
        RETURN_IF_ERROR(removed);
        const std::lock_guard lock(mutex_);
        old_streams_.erase(old_streams_.begin());
    }
}

Usage StreamJournal::usage() const {
    const std::lock_guard lock(mutex_);
    Usage usage{.bytes = last_end_ - std::min(oldest_needed_, last_end_),
                .segments = segments_.size() + (next_ ? 1 : 0),
                .syncs = syncs_,
                .last_sync_nanos = sync_nanos_.load(std::memory_order_relaxed),
                .release_failures = release_failures_,
                .kept_bytes = kept_.bytes,
                .kept_segments = kept_.segments};
    for (const OldStream& old : old_streams_) {
        usage.bytes += old.bytes;
        usage.segments += old.segments;
    }
    return usage;
}

}  // namespace insula::journal
