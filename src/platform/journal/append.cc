// StreamJournal: places for records in the pending group.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "platform/journal/stream_journal.h"
#include "platform/journal/waiting.h"

namespace insula::journal {

namespace {

// Larger bodies are copied into their place without the lock.
constexpr uint64_t kCopyUnderLockMax = 16 * kKiB;
constexpr uint64_t kNanosPerMillisecond = 1'000'000;

void copy_body(std::span<const Bytes> body, MutableBytes out) {
    for (const Bytes piece : body) {
        if (piece.empty()) continue;
        std::memcpy(out.data(), piece.data(), piece.size());
        out = out.subspan(piece.size());
    }
    if (!out.empty()) std::memset(out.data(), 0, out.size());  // up to the alignment
}

}  // namespace

Status StreamJournal::refused() const {
    if (fence_error_) {
        return fail(
            unavailable("journal_fenced", "Writes are stopped: storage failed on this node.")
                .with_hint("The operator must look at the node's disk and restart it.")
                .with_detail(fence_error_->describe()));
    }
    if (state_ != State::open) {
        return fail(unavailable("journal_closed", "The server is stopping."));
    }
    return {};
}

Result<Lsn> StreamJournal::append(const RecordHeader& header, std::span<const Bytes> body,
                                  Deadline deadline) {
    Draft draft{.header = header, .body_bytes = 0, .body_crc = 0};
    for (const Bytes piece : body) {
        draft.body_bytes += piece.size();
        if (draft.body_bytes > options_.record_bytes_max) {
            return fail(Error(Code::payload_too_large, "record_too_large",
                              fmt::format("One write may hold at most {} bytes once encoded.",
                                          options_.record_bytes_max))
                            .with_hint("Send fewer rows at once."));
        }
        draft.body_crc = crc32c(piece, draft.body_crc);
    }

    Lock lock(mutex_);
    RETURN_IF_ERROR(refused());
    RETURN_IF_ERROR(make_room(record_bytes(draft.body_bytes), deadline, lock));
    Lsn lsn;
    const MutableBytes out = place(draft, lsn);
    if (next_task()) housekeeping_wanted_.notify_one();
    if (draft.body_bytes <= kCopyUnderLockMax) {
        copy_body(body, out);
    } else {
        Group& group = *pending_;
        ++group.copiers;
        lock.unlock();
        copy_body(body, out);
        lock.lock();
        if (--group.copiers == 0) progress_.notify_all();
    }
    lock.unlock();
    if (options_.manual) do_housekeeping();
    return lsn;
}

// Returns with room for `bytes` at next_position_, in zeroed space of the current segment.
Status StreamJournal::make_room(uint64_t bytes, Deadline deadline, Lock& lock) {
    const State state = state_;
    for (;;) {
        if (fence_error_ || state_ != state) return refused();
        if (pending_bytes_ > 0 && pending_bytes_ + bytes > options_.pending_bytes_max) {
            if (!wait_until(room_, lock, deadline)) return fail(deadline_exceeded());
            continue;
        }
        if (fits(bytes)) return {};
        RETURN_IF_ERROR(wait_for_preparation(deadline, lock));
    }
}

// Moves on to the next segment where that helps; otherwise notes what is wanted.
bool StreamJournal::fits(uint64_t bytes) {
    if (next_position_ - base_of(*current_) + bytes > options_.segment_bytes) {
        if (!next_) {
            next_wanted_ = true;
            return false;
        }
        segments_.push_back(std::move(next_));
        current_ = segments_.back().get();
        next_position_ = base_of(*current_) + kSegmentHeaderBytes;
        next_wanted_ = false;
        wanted_end_ = 0;
    }
    const uint64_t end = next_position_ - base_of(*current_) + bytes;
    if (end <= current_->zeroed_end) return true;
    wanted_end_ = std::max(wanted_end_, end);
    return false;
}

Status StreamJournal::wait_for_preparation(Deadline deadline, Lock& lock) {
    if (prepare_error_) {
        if (clock_.steady_now() < prepare_retry_at_) return fail(*prepare_error_);
        prepare_error_.reset();
    }
    if (options_.manual) {
        lock.unlock();
        do_housekeeping();
        lock.lock();
        return {};
    }
    housekeeping_wanted_.notify_one();
    if (!wait_until(room_, lock, deadline)) return fail(deadline_exceeded());
    return {};
}

// Writes the record's header into its place and returns the place of its body, padding included.
MutableBytes StreamJournal::place(const Draft& draft, Lsn& lsn) {
    Group& group = *pending_;
    const uint64_t bytes = record_bytes(draft.body_bytes);
    if (group.spans.empty() || group.spans.back().segment != current_ || new_span_wanted_) {
        group.spans.push_back({.segment = current_,
                               .offset = next_position_ - base_of(*current_),
                               .buffer_offset = group.bytes,
                               .bytes = 0,
                               .durable_before = last_end_});
        new_span_wanted_ = false;
    }
    Span& span = group.spans.back();
    const uint64_t wall_ms = static_cast<uint64_t>(clock_.wall_now()) / kNanosPerMillisecond;
    hybrid_time_ = std::max(wall_ms << 16, hybrid_time_ + 1);
    const StoredRecord record{.kind = static_cast<uint8_t>(draft.header.kind),
                              .stream = stream_,
                              .position = next_position_,
                              .tenant = draft.header.tenant,
                              .source = draft.header.source,
                              .epoch = draft.header.epoch,
                              .hybrid_time = hybrid_time_,
                              .durable_before = span.durable_before,
                              .body_bytes = static_cast<uint32_t>(draft.body_bytes),
                              .body_crc = draft.body_crc};
    const MutableBytes out = group.buffer.range(group.bytes, bytes);
    encode_record_header(record, current_->salt, out.first(kRecordHeaderBytes));
    lsn = {stream_, next_position_};
    span.bytes += bytes;
    if (group.bytes == 0) work_.notify_one();
    group.bytes += bytes;
    pending_bytes_ += bytes;
    next_position_ += bytes;
    last_end_ = next_position_;
    return out.subspan(kRecordHeaderBytes);
}

// In a span of its own, so that it proves that all before it was synced.
Status StreamJournal::append_end_record(Lock& lock) {
    RETURN_IF_ERROR(make_room(record_bytes(0), Deadline::never(), lock));
    new_span_wanted_ = true;
    const Draft draft{.header = {.kind = RecordKind::end}, .body_bytes = 0, .body_crc = 0};
    Lsn lsn;
    place(draft, lsn);
    return {};
}

}  // namespace insula::journal
