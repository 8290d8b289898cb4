#include "platform/journal/stream_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"

namespace insula::journal {

namespace {

constexpr uint64_t kReadStepBytes = 8 * kMiB;

bool known_kind(uint8_t kind) {
    return kind == static_cast<uint8_t>(RecordKind::table_write) ||
           kind == static_cast<uint8_t>(RecordKind::probe) ||
           kind == static_cast<uint8_t>(RecordKind::end);
}

}  // namespace

StreamReader::StreamReader(FileSystem& fs, std::string directory, StreamId stream, Lsn from,
                           PlantedFault planted_fault, std::string& buffer)
    : fs_(fs),
      directory_(std::move(directory)),
      stream_(stream),
      from_(from.stream == stream ? from.position : 0),
      complete_(from.stream && from.stream < stream),
      planted_fault_(planted_fault),
      buffer_(buffer) {}

std::string StreamReader::path(uint32_t sequence) const {
    return directory_ + "/" + segment_name(sequence);
}

Error StreamReader::damage(uint64_t offset, std::string_view what) const {
    return data_loss(fmt::format("{}: offset {} (position {}): {}", path(sequences_[index_]),
                                 offset, segment_.base() + offset, what));
}

Status StreamReader::find_segments() {
    ASSIGN_OR_RETURN(const auto entries, fs_.list(directory_));
    for (const DirectoryEntry& entry : entries) {
        if (!entry.name.ends_with(".seg")) continue;  // spares
        const auto sequence = parse_segment_name(entry.name);
        if (!sequence) {
            return fail(
                data_loss(fmt::format("{}/{} is no segment's name", directory_, entry.name)));
        }
        if (!sequences_.empty() && *sequence != sequences_.back() + 1) {
            return fail(data_loss(fmt::format("{}: the segment is missing between {} and {}",
                                              path(sequences_.back() + 1),
                                              segment_name(sequences_.back()), entry.name)));
        }
        sequences_.push_back(*sequence);
    }
    return {};
}

// Segments before the first one must have been released, which only those below `from` can be.
Status StreamReader::check_first_needed() {
    const uint32_t first = sequences_.front();
    if (first == 0) return {};
    const bool needed = complete_ || (from_ > 0 && from_ < segment_.base());
    if (!needed) return {};
    return fail(data_loss(
        fmt::format("{}: the segment is missing, replay needs the stream from position {} on",
                    path(first - 1), from_)));
}

Result<bool> StreamReader::load(uint32_t sequence) {
    ASSIGN_OR_RETURN(const auto file, fs_.open(path(sequence), OpenMode::read));
    ASSIGN_OR_RETURN(const uint64_t size, file->size());
    buffer_.resize(std::min(size, kSegmentHeaderBytes));
    const auto writable = [this](uint64_t start) {
        return std::as_writable_bytes(std::span(buffer_)).subspan(start);
    };
    ASSIGN_OR_RETURN(const size_t header_bytes, file->read_at(writable(0), 0));
    auto header = decode_segment_header(content().first(header_bytes));
    if (!header) return fail(std::move(header).error().with_detail(path(sequence)));
    segment_ = *header;
    const bool other = header->stream != stream_ || header->sequence != sequence ||
                       header->segment_bytes != segment_bytes_.value_or(header->segment_bytes);
    if (other && planted_fault_ != PlantedFault::accept_foreign_stream) {
        return fail(data_loss(fmt::format("{}: holds segment {} of stream {} ({} bytes a segment)",
                                          path(sequence), header->sequence,
                                          stream_name(header->stream), header->segment_bytes)));
    }
    segment_.sequence = sequence;
    segment_bytes_ = segment_.segment_bytes;
    if (size > segment_.segment_bytes) {
        return fail(data_loss(fmt::format("{}: the file has {} bytes, the segment {}",
                                          path(sequence), size, segment_.segment_bytes)));
    }
    if (segment_.base() + segment_.segment_bytes <= from_) return false;
    while (buffer_.size() < size) {
        const uint64_t start = buffer_.size();
        buffer_.resize(std::min(size, start + kReadStepBytes));
        ASSIGN_OR_RETURN(const size_t got, file->read_at(writable(start), start));
        if (got < buffer_.size() - start) {
            return fail(
                data_loss(fmt::format("{}: became shorter while it was read", path(sequence))));
        }
    }
    return true;
}

Status StreamReader::run(const Handler& handle, ReplayStats& stats) {
    RETURN_IF_ERROR(find_segments());
    stats.clean_stop = false;
    if (sequences_.empty()) return {};  // the node stopped before the stream had its first segment
    for (index_ = 0; index_ < sequences_.size() && !torn_; ++index_) {
        ASSIGN_OR_RETURN(const bool needed, load(sequences_[index_]));
        if (index_ == 0) RETURN_IF_ERROR(check_first_needed());
        if (!needed) continue;
        if (segment_.sequence == 0) end_ = durable_before_ = kSegmentHeaderBytes;
        RETURN_IF_ERROR(read_segment(handle, stats));
        if (ended_) {
            RETURN_IF_ERROR(check_untouched(index_ + 1));
            break;
        }
    }
    stats.clean_stop = ended_;
    stats.cut_bytes += cut_bytes_;
    return ended_ ? Status() : settle();
}

Status StreamReader::read_segment(const Handler& handle, ReplayStats& stats) {
    uint64_t offset = kSegmentHeaderBytes;
    for (;;) {
        StoredRecord record;
        ASSIGN_OR_RETURN(const Next next, look_at(offset, record));
        if (next != Next::record) return {};
        RETURN_IF_ERROR(check_record(offset, record));
        RETURN_IF_ERROR(hand_on(offset, record, handle, stats));
        offset += record_bytes(record.body_bytes);
        end_ = segment_.base() + offset;
        end_sequence_ = segment_.sequence;
        durable_before_ = record.durable_before;
        if (record.kind != static_cast<uint8_t>(RecordKind::end)) continue;
        ended_ = true;
        if (all_zero(content().subspan(offset))) return {};
        return fail(damage(offset, "bytes follow the end record"));
    }
}

// What stands at `offset`: a record with good checksums, nothing up to the segment's end, or
// something bad, which is a torn tail or damage.
Result<StreamReader::Next> StreamReader::look_at(uint64_t offset, StoredRecord& record) {
    const Bytes rest = content().subspan(std::min<uint64_t>(offset, buffer_.size()));
    const auto found =
        decode_record_header(rest, segment_.salt, planted_fault_ == PlantedFault::ignore_checksums);
    if (!found) {
        if (all_zero(rest)) return Next::end_of_segment;
        return bad(offset, "no record header");
    }
    if (!sound_body(offset, *found)) return bad(offset, "the record's body is damaged");
    record = *found;
    return Next::record;
}

bool StreamReader::sound_body(uint64_t offset, const StoredRecord& record) const {
    const uint64_t bytes = record_bytes(record.body_bytes);
    // The file is as long as what was written: a record that reaches past its end was not written
    // wholly.
    if (bytes > buffer_.size() - offset) return false;
    if (planted_fault_ == PlantedFault::ignore_checksums) return true;
    const Bytes body = content().subspan(offset + kRecordHeaderBytes, record.body_bytes);
    const uint64_t padding = bytes - kRecordHeaderBytes - record.body_bytes;
    return crc32c(body) == record.body_crc &&
           all_zero(content().subspan(offset + bytes - padding, padding));
}

// A bad record is a torn tail only if nothing proves that it had been synced: a record that was
// written later knows a higher durable end, and the next segment is touched only after this one was
// synced.
Result<StreamReader::Next> StreamReader::bad(uint64_t offset, std::string_view what) {
    const uint64_t position = segment_.base() + offset;
    const uint64_t synced_at_least = end_.value_or(position);
    torn_ = true;
    cut_bytes_ = buffer_.size() - offset;
    while (cut_bytes_ > 0 && buffer_[offset + cut_bytes_ - 1] == '\0') --cut_bytes_;
    if (planted_fault_ == PlantedFault::cut_all_damage) return Next::end_of_stream;

    for (uint64_t at = offset + kRecordAlignment; at + kRecordHeaderBytes <= buffer_.size();
         at += kRecordAlignment) {
        const auto later = decode_record_header(content().subspan(at), segment_.salt);
        if (!later || later->stream != stream_ || later->position != segment_.base() + at) continue;
        if (later->durable_before <= synced_at_least) continue;
        return fail(damage(
            offset, fmt::format("{}, but the record at offset {} was written after it had been "
                                "synced",
                                what, at)));
    }
    const Error error =
        damage(offset, fmt::format("{}, but the next segment was written after this one had "
                                   "been synced",
                                   what));
    const size_t bad_index = index_;
    for (index_ = bad_index + 1; index_ < sequences_.size(); ++index_) {
        ASSIGN_OR_RETURN(const bool needed, load(sequences_[index_]));
        if (needed && !all_zero(content().subspan(kSegmentHeaderBytes))) return fail(error);
    }
    return Next::end_of_stream;
}

// The checksums are right; so must be all the rest. Anything else is no accident of a power cut.
Status StreamReader::check_record(uint64_t offset, const StoredRecord& record) {
    const bool ours = record.stream == stream_ && record.position == segment_.base() + offset;
    if (!ours && planted_fault_ != PlantedFault::accept_foreign_stream) {
        return fail(damage(offset, fmt::format("a record of stream {}, position {} stands here",
                                               stream_name(record.stream), record.position)));
    }
    if (record.version != kFormatVersion || record.codec != 0 || record.key_id != 0 ||
        record.flags != 0 || !known_kind(record.kind)) {
        return fail(damage(
            offset,
            fmt::format("record version {}, kind {}, flags {}, codec {}, key {} is not "
                        "known here: written by a later version of the program",
                        record.version, record.kind, record.flags, record.codec, record.key_id)));
    }
    if (!ours || !end_) return {};
    // A record begins a span (all before it is durable) or goes on with one.
    const bool chained =
        record.durable_before == *end_ ||
        (record.durable_before == durable_before_ && end_sequence_ == segment_.sequence);
    if (chained || planted_fault_ == PlantedFault::cut_all_damage) return {};
    return fail(damage(
        offset, fmt::format("the record follows on position {}, but {} is the end of what stands "
                            "before it: records are missing",
                            record.durable_before, *end_)));
}

Status StreamReader::hand_on(uint64_t offset, const StoredRecord& record, const Handler& handle,
                             ReplayStats& stats) {
    stats.last_hybrid_time = std::max(stats.last_hybrid_time, record.hybrid_time);
    const auto kind = static_cast<RecordKind>(record.kind);
    const bool for_handler = kind != RecordKind::end && kind != RecordKind::probe;
    if (!for_handler || record.position < from_) return {};
    ++stats.records;
    stats.bytes += record_bytes(record.body_bytes);
    return handle({.header = {.kind = kind,
                              .tenant = record.tenant,
                              .source = record.source,
                              .epoch = record.epoch},
                   .lsn = {stream_, record.position},
                   .hybrid_time = record.hybrid_time,
                   .body = content().subspan(offset + kRecordHeaderBytes, record.body_bytes)});
}

// Segments behind an end record were made ahead and never used.
Status StreamReader::check_untouched(size_t first) {
    for (index_ = first; index_ < sequences_.size(); ++index_) {
        ASSIGN_OR_RETURN(const bool needed, load(sequences_[index_]));
        if (needed && !all_zero(content().subspan(kSegmentHeaderBytes))) {
            return fail(damage(kSegmentHeaderBytes, "bytes follow the stream's end record"));
        }
    }
    return {};
}

// The last span may have been read from memory and not be on the disk; after a failed sync the
// system does not even try again unless it is written again.
Status StreamReader::settle() {
    if (!end_sequence_ || planted_fault_ == PlantedFault::skip_settling) return {};
    const uint64_t base = *end_sequence_ * *segment_bytes_;
    const uint64_t start = std::max(durable_before_, base + kSegmentHeaderBytes) - base;
    const uint64_t bytes = *end_ - base - start;
    ASSIGN_OR_RETURN(const auto file, fs_.open(path(*end_sequence_), OpenMode::read_write));
    buffer_.resize(bytes);
    ASSIGN_OR_RETURN(const size_t got,
                     file->read_at(std::as_writable_bytes(std::span(buffer_)), start));
    if (got < bytes) {
        return fail(
            data_loss(fmt::format("{}: became shorter while it was read", path(*end_sequence_))));
    }
    RETURN_IF_ERROR(file->write_at(as_bytes(buffer_), start));
    return file->sync_data();
}

}  // namespace insula::journal
