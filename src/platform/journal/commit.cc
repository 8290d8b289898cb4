// StreamJournal: writing, syncing, and telling those who wait.
#include <chrono>
#include <utility>

#include "base/check.h"
#include "platform/journal/stream_journal.h"
#include "platform/journal/waiting.h"

namespace insula::journal {

namespace {

// After this much idling the buffers keep only kIdleBufferBytes of memory each.
constexpr std::chrono::seconds kIdleBeforeTrim{1};
constexpr uint64_t kIdleBufferBytes = 4 * kMiB;

}  // namespace

void StreamJournal::run_commits() {
    Lock lock(mutex_);
    const auto busy = [this] { return pending_->bytes > 0 || stop_; };
    for (;;) {
        if (!busy() && !work_.wait_for(lock, kIdleBeforeTrim, busy)) {
            if (!fence_error_) {
                for (Group& group : groups_) group.buffer.trim(kIdleBufferBytes);
            }
            work_.wait(lock, busy);
        }
        if (abandon_ || (stop_ && pending_->bytes == 0)) return;
        // A failure fences the stream and tells the waiters; nothing is left to do with it here.
        static_cast<void>(commit_pending(lock));
    }
}

// Writes the pending group. `lock` is given up meanwhile; at most one thread at a time.
Status StreamJournal::commit_pending(Lock& lock) {
    INSULA_CHECK(!committing_, "one thread commits at a time");
    committing_ = true;
    std::swap(pending_, writing_);
    Group& group = *writing_;
    progress_.wait(lock, [&] { return group.copiers == 0; });
    lock.unlock();

    const bool overlap = options_.planted_fault == PlantedFault::overlap_segments;
    Status status;
    for (const Span& span : group.spans) {
        status = write_span(group, span);
        if (status && !overlap) status = sync_span(span);
        if (!status) break;
    }
    for (size_t i = 0; overlap && status && i < group.spans.size(); ++i) {
        status = sync_span(group.spans[i]);
    }
    if (!status) fence(status.error());

    lock.lock();
    group.bytes = 0;
    group.spans.clear();
    committing_ = false;
    progress_.notify_all();
    return status;
}

Status StreamJournal::write_span(Group& group, const Span& span) {
    if (options_.planted_fault == PlantedFault::acknowledge_before_sync) publish(span);
    return span.segment->file->write_at(group.buffer.range(span.buffer_offset, span.bytes),
                                        span.offset);
}

Status StreamJournal::sync_span(const Span& span) {
    const SteadyTime start = clock_.steady_now();
    if (options_.planted_fault != PlantedFault::skip_sync) {
        Status synced = span.segment->sync();
        if (!synced && options_.planted_fault == PlantedFault::retry_failed_sync) {
            synced = span.segment->file->sync_data();
        }
        RETURN_IF_ERROR(synced);
    }
    sync_nanos_.store(static_cast<uint64_t>((clock_.steady_now() - start).count()),
                      std::memory_order_relaxed);
    publish(span);
    return {};
}

// The span is durable: tells all who wait for it.
void StreamJournal::publish(const Span& span) {
    {
        const std::lock_guard lock(mutex_);
        const uint64_t end = base_of(*span.segment) + span.offset + span.bytes;
        if (fence_error_ || end <= durable_.load(std::memory_order_relaxed)) return;
        durable_.store(end, std::memory_order_release);
        ++syncs_;
        pending_bytes_ -= span.bytes;
        for (const auto& segment : segments_) {
            if (segment->sequence >= span.segment->sequence) break;
            if (!segment->extending) segment->file.reset();  // complete: never written again
        }
        size_t kept = 0;
        for (Waiter& waiter : waiters_) {
            if (waiter.position < end) {
                ready_.push_back(std::move(waiter));
            } else if (&waiters_[kept] != &waiter) {
                waiters_[kept++] = std::move(waiter);
            } else {
                ++kept;
            }
        }
        waiters_.erase(waiters_.begin() + static_cast<ptrdiff_t>(kept), waiters_.end());
    }
    progress_.notify_all();
    room_.notify_all();
    for (Waiter& waiter : ready_) waiter.done({});
    ready_.clear();
}

void StreamJournal::fence(const Error& error) {
    std::vector<Waiter> waiters;
    Status refusal;
    {
        const std::lock_guard lock(mutex_);
        if (fence_error_) return;
        fence_error_ = error;
        pending_->bytes = 0;
        pending_->spans.clear();
        pending_bytes_ = 0;
        std::swap(waiters, waiters_);
        refusal = refused();
    }
    progress_.notify_all();
    room_.notify_all();
    for (Waiter& waiter : waiters) waiter.done(refusal);
}

// What is known about the record at `position`, if anything is. With mutex_ held.
std::optional<Status> StreamJournal::outcome(Lsn lsn) const {
    if (lsn.stream < stream_)
        return Status();  // of an earlier start: it was replayed from the disk
    if (lsn.stream > stream_ || lsn.position >= last_end_) {
        return fail(internal_error("waiting for a journal record that was never appended"));
    }
    if (lsn.position < durable_.load(std::memory_order_relaxed)) return Status();
    if (fence_error_ || state_ == State::closed) return refused();
    return std::nullopt;
}

void StreamJournal::on_durable(Lsn lsn, Done done) {
    std::optional<Status> known;
    {
        const std::lock_guard lock(mutex_);
        known = outcome(lsn);
        if (!known) {
            waiters_.push_back({lsn.position, std::move(done)});
            return;
        }
    }
    done(std::move(*known));
}

Status StreamJournal::wait_durable(Lsn lsn, Deadline deadline) {
    Lock lock(mutex_);
    for (;;) {
        if (auto known = outcome(lsn)) return std::move(*known);
        if (!wait_until(progress_, lock, deadline) && !outcome(lsn))
            return fail(deadline_exceeded());
    }
}

// Returns once all that was appended is durable, or the stream is fenced. With mutex_ held.
Status StreamJournal::drain(Lock& lock) {
    const uint64_t end = last_end_;
    while (durable_.load(std::memory_order_relaxed) < end) {
        if (fence_error_) return fail(*fence_error_);
        if (options_.manual && !committing_) {
            RETURN_IF_ERROR(commit_pending(lock));
        } else {
            progress_.wait(lock);
        }
    }
    return {};
}

Status StreamJournal::flush() {
    Status status;
    {
        Lock lock(mutex_);
        if (fence_error_) return fail(*fence_error_);
        status = drain(lock);
    }
    if (options_.manual) do_housekeeping();
    return status;
}

Status StreamJournal::close() {
    Lock lock(mutex_);
    if (state_ != State::open) {
        progress_.wait(lock, [this] { return close_status_.has_value(); });
        return *close_status_;
    }
    state_ = State::closing;
    room_.notify_all();
    Status status = drain(lock);
    if (status) status = append_end_record(lock);
    if (status) status = drain(lock);
    // What was released may be gone or not.
    const uint64_t needed = std::min(oldest_needed_, base_of(*segments_.back()));
    const StreamExtent extent{
        .first_sequence = static_cast<uint32_t>(needed / options_.segment_bytes), .end = last_end_};
    lock.unlock();
    stop_threads(/*abandon=*/false);
    // Dropped if it fails: all is durable, and the next start finds the end by reading.
    if (status) static_cast<void>(files_.note_extent(extent));
    lock.lock();
    state_ = State::closed;
    close_status_ = status;
    progress_.notify_all();
    return status;
}

void StreamJournal::stop_threads(bool abandon) {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        abandon_ = abandon;
    }
    work_.notify_all();
    housekeeping_wanted_.notify_all();
    if (commit_thread_.joinable()) commit_thread_.join();
    if (housekeeping_thread_.joinable()) housekeeping_thread_.join();
}

}  // namespace insula::journal
