#include "platform/journal/stream_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/crc32c.h"

namespace insula::journal {

namespace {

constexpr uint64_t kReadStepBytes = 8 * kMiB;
constexpr uint64_t kLookStepBytes = 256 * kKiB;
// In a larger body no single flipped bit is sought.
constexpr uint64_t kBitSoughtBytesMax = kMiB;

bool known_kind(uint8_t kind) {
    return kind == static_cast<uint8_t>(RecordKind::table_write) ||
           kind == static_cast<uint8_t>(RecordKind::probe) ||
           kind == static_cast<uint8_t>(RecordKind::lost) ||
           kind == static_cast<uint8_t>(RecordKind::end);
}

}  // namespace

Error Damage::error() const {
    if (!offset) return data_loss(fmt::format("{}: {}", path, what));
    if (!position) return data_loss(fmt::format("{}: offset {}: {}", path, *offset, what));
    return data_loss(
        fmt::format("{}: offset {} (position {}): {}", path, *offset, *position, what));
}

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
    const auto kept = kept_names_.find(sequence);
    return directory_ + "/" + (kept == kept_names_.end() ? segment_name(sequence) : kept->second);
}

Damage StreamReader::damage_at(uint64_t offset, uint64_t bytes, std::string what) const {
    return {.stream = stream_,
            .sequence = segment_.sequence,
            .path = path(segment_.sequence),
            .offset = offset,
            .bytes = bytes,
            .what = std::move(what),
            .position = segment_.base() + offset};
}

Damage StreamReader::damage_of_file(uint32_t sequence, std::string what) const {
    return {
        .stream = stream_, .sequence = sequence, .path = path(sequence), .what = std::move(what)};
}

// What follows damage does not hang together with what stood before it.
Status StreamReader::report(Damage damage) {
    end_.reset();
    damage.kept = kept_names_.contains(damage.sequence) && damage.path == path(damage.sequence);
    damaged_ = damaged_ || !damage.kept;
    return observer_->damage(damage);
}

uint64_t StreamReader::bytes_used(uint64_t offset, uint64_t end) const {
    Bytes range = content().first(end).subspan(std::min(offset, end));
    while (range.size() >= kBlockBytes && all_zero(range.last(kBlockBytes))) {
        range = range.first(range.size() - kBlockBytes);
    }
    while (!range.empty() && range.back() == std::byte{0}) range = range.first(range.size() - 1);
    return range.size();
}

Status StreamReader::find_segments() {
    ASSIGN_OR_RETURN(const auto entries, fs_.list(directory_));
    for (const DirectoryEntry& entry : entries) {
        const auto kept = parse_kept_name(entry.name);
        if (kept && with_kept_) {
            kept_names_[kept->sequence] = entry.name;
            RETURN_IF_ERROR(add_segment(kept->sequence, entry.name));
        }
        if (!entry.name.ends_with(".seg")) continue;  // spares
        const auto sequence = parse_segment_name(entry.name);
        if (!sequence) {
            RETURN_IF_ERROR(report({.stream = stream_,
                                    .path = directory_ + "/" + entry.name,
                                    .what = "this is no segment's name"}));
            continue;
        }
        RETURN_IF_ERROR(add_segment(*sequence, entry.name));
    }
    return {};
}

Status StreamReader::add_segment(uint32_t sequence, const std::string& name) {
    if (!sequences_.empty() && sequence != sequences_.back() + 1) {
        RETURN_IF_ERROR(report(damage_of_file(
            sequences_.back() + 1, fmt::format("the segment is missing between {} and {}",
                                               segment_name(sequences_.back()), name))));
    }
    sequences_.push_back(sequence);
    return {};
}

std::optional<StreamExtent> StreamReader::extent() const {
    if (sequences_.empty() || !end_ || damaged_) return std::nullopt;
    return StreamExtent{.first_sequence = sequences_.front(), .end = *end_};
}

// A start does not read what is kept: of that nothing is needed, and nothing takes the place of
// what is.
Status StreamReader::check_known_beginning() {
    if (!known_) return {};
    const auto needed = std::ranges::find_if(
        sequences_, [&](uint32_t sequence) { return !kept_names_.contains(sequence); });
    const uint32_t first = known_->first_sequence;
    if (needed != sequences_.end() && *needed <= first) return {};
    const bool all = first == kAnySegment;
    Damage damage = damage_of_file(
        all ? 0 : first,
        all ? "all segments of the stream are missing, which journal/EXTENTS tells of"
            : "the segment is missing, with which the stream began, as journal/EXTENTS says");
    damage.path = directory_ + "/" + segment_name(damage.sequence);
    return report(std::move(damage));
}

// The last records may be gone without a trace within the stream.
Status StreamReader::check_known_end() {
    if (!known_ || damaged_ || sequences_.empty()) return {};
    const uint64_t reached = end_.value_or(from_);  // all of it may lie below
    if (reached >= known_->end) return {};
    if (!end_ && sequences_.front() > 0) {
        return report(damage_of_file(sequences_.front() - 1,
                                     fmt::format("the segment is missing: the stream reached "
                                                 "position {}, and nothing stands behind it",
                                                 known_->end)));
    }
    const uint64_t bytes = segment_bytes_.value_or(0);
    const uint32_t sequence = end_sequence_.value_or(sequences_.front());
    Damage damage = damage_of_file(
        sequence,
        fmt::format("the stream ends at position {}, but it reached {}: records are missing",
                    reached, known_->end));
    damage.offset = reached - std::min(reached, sequence * bytes);
    damage.position = reached;
    return report(std::move(damage));
}

bool StreamReader::below_known_end(uint64_t offset) const {
    return known_ && segment_.base() + offset < known_->end;
}

// Segments before the first one must have been released, which only those below `from` can be.
Status StreamReader::check_first_needed() {
    const uint32_t first = sequences_.front();
    if (first == 0) return {};
    const bool needed = complete_ || (from_ > 0 && from_ < segment_.base());
    if (!needed) return {};
    return report(damage_of_file(
        first - 1,
        fmt::format("the segment is missing, the stream is needed from position {} on", from_)));
}

// Whether the segment's header is right, or what is wrong with it was reported and the rest of the
// segment can be read all the same.
Result<bool> StreamReader::accept_header(uint32_t sequence, Bytes block, uint64_t file_bytes) {
    const auto header = decode_segment_header(block);
    if (!header) {
        Damage damage = damage_of_file(sequence, std::string(header.error().detail()));
        damage.offset = 0;
        damage.bytes = block.size();
        damage.newer = header.error().reason() == kNewerFormat;
        RETURN_IF_ERROR(report(std::move(damage)));
        return guess_header(sequence, block, file_bytes);
    }
    segment_ = *header;
    const bool other = header->stream != stream_ || header->sequence != sequence ||
                       header->segment_bytes != segment_bytes_.value_or(header->segment_bytes);
    segment_.sequence = sequence;
    if (other && planted_fault_ != PlantedFault::accept_foreign_stream) {
        RETURN_IF_ERROR(report(damage_of_file(
            sequence,
            fmt::format("it holds segment {} of stream {} ({} bytes a segment)", header->sequence,
                        stream_name(header->stream), header->segment_bytes))));
        return false;
    }
    segment_bytes_ = segment_.segment_bytes;
    if (file_bytes <= segment_.segment_bytes) return true;
    RETURN_IF_ERROR(
        report(damage_of_file(sequence, fmt::format("the file has {} bytes, the segment {}",
                                                    file_bytes, segment_.segment_bytes))));
    return true;
}

// For those who read on behind a damaged header: its place gives most of what it said; the salt is
// right if the first record's checksum is, which also finds one flipped bit in it.
bool StreamReader::guess_header(uint32_t sequence, Bytes block, uint64_t file_bytes) {
    const SegmentHeader said = read_unchecked_segment_header(block);
    const uint64_t plausible = said.segment_bytes <= kSegmentBytesMax ? said.segment_bytes : 0;
    segment_ = {.stream = stream_,
                .sequence = sequence,
                .segment_bytes = segment_bytes_.value_or(std::max(plausible, file_bytes)),
                .salt = said.salt};
    const Bytes first = content().subspan(std::min<uint64_t>(kSegmentHeaderBytes, buffer_.size()));
    if (decode_record_header(first, said.salt)) return true;
    for (int bit = 0; bit < 32; ++bit) {
        segment_.salt = said.salt ^ std::rotl(1u, bit);
        if (decode_record_header(first, segment_.salt)) return true;
    }
    return false;
}

Status StreamReader::read_content(File& file, uint64_t file_bytes) {
    buffer_.clear();
    while (buffer_.size() < file_bytes) {
        const uint64_t start = buffer_.size();
        buffer_.resize(std::min(file_bytes, start + kReadStepBytes));
        const auto writable = std::as_writable_bytes(std::span(buffer_)).subspan(start);
        ASSIGN_OR_RETURN(const size_t got, file.read_at(writable, start));
        if (got == writable.size()) continue;
        return fail(data_loss(
            fmt::format("{}: became shorter while it was read", path(sequences_[index_]))));
    }
    return {};
}

Result<StreamReader::Loaded> StreamReader::load(uint32_t sequence) {
    ASSIGN_OR_RETURN(const auto file, fs_.open(path(sequence), OpenMode::read));
    ASSIGN_OR_RETURN(const uint64_t size, file->size());
    // A segment below the start costs its header only.
    const bool below = segment_bytes_ && (sequence + uint64_t{1}) * *segment_bytes_ <= from_;
    const bool first = !segment_bytes_ && from_ > 0;
    RETURN_IF_ERROR(read_content(
        *file, std::min(size, below || first ? kSegmentHeaderBytes : kSegmentBytesMax)));
    const Bytes block = content().first(std::min<uint64_t>(kSegmentHeaderBytes, buffer_.size()));
    ASSIGN_OR_RETURN(const bool usable, accept_header(sequence, block, size));
    if (!usable) return Loaded::unreadable;
    if (segment_.base() + segment_.segment_bytes <= from_) return Loaded::below;
    const uint64_t bytes = std::min(size, segment_.segment_bytes);
    if (buffer_.size() < bytes) RETURN_IF_ERROR(read_content(*file, bytes));
    buffer_.resize(bytes);
    RETURN_IF_ERROR(observer_->segment({.header = segment_,
                                        .path = path(sequence),
                                        .file_bytes = size,
                                        .kept = kept_names_.contains(sequence)}));
    return Loaded::readable;
}

Status StreamReader::run(StreamObserver& observer) {
    observer_ = &observer;
    RETURN_IF_ERROR(find_segments());
    if (planted_fault_ == PlantedFault::cut_all_damage) known_.reset();
    RETURN_IF_ERROR(check_known_beginning());
    // Without any the node stopped before the stream had its first segment.
    for (index_ = 0; index_ < sequences_.size() && !ended_ && !torn_; ++index_) {
        ASSIGN_OR_RETURN(const Loaded loaded, load(sequences_[index_]));
        if (index_ == 0) RETURN_IF_ERROR(check_first_needed());
        if (loaded != Loaded::readable) continue;
        if (segment_.sequence == 0) end_ = durable_before_ = kSegmentHeaderBytes;
        RETURN_IF_ERROR(read_segment());
    }
    if (planted_fault_ == PlantedFault::cut_all_damage) return {};
    RETURN_IF_ERROR(check_known_end());
    return check_untouched(index_);
}

Status StreamReader::read_segment() {
    uint64_t offset = kSegmentHeaderBytes;
    while (offset < buffer_.size()) {
        StoredRecord record;
        std::string_view what;
        const Next next = look_at(offset, record, what);
        if (next == Next::end_of_segment) break;
        if (next == Next::bad_record) {
            ASSIGN_OR_RETURN(const auto good, bad(offset, describe_bad(offset, what)));
            if (!good) return {};
            offset = *good;
            continue;
        }
        ASSIGN_OR_RETURN(offset, read_record(offset, record));
        if (!ended_) continue;
        if (const uint64_t more = bytes_used(offset, buffer_.size()); more > 0) {
            return report(damage_at(offset, more, "bytes follow the end record"));
        }
        break;
    }
    return check_file_length(offset);
}

// A record is written only where the file was given room before, in whole blocks, and synced. So a
// file that is shorter was cut, whatever stood there.
Status StreamReader::check_file_length(uint64_t end) {
    const uint64_t room = (end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    if (buffer_.size() >= std::min(room, segment_.segment_bytes)) return {};
    if (planted_fault_ == PlantedFault::cut_all_damage) return {};
    return report(damage_at(buffer_.size(), 0,
                            fmt::format("the file was cut: it had {} bytes at least", room)));
}

bool StreamReader::cut_within_record(uint64_t offset) const {
    if (buffer_.size() >= segment_.segment_bytes) return false;
    const Bytes rest = content().subspan(offset);
    if (rest.size() < kRecordHeaderBytes) return true;
    const auto header = decode_record_header(rest, segment_.salt);
    return header && record_bytes(header->body_bytes) > rest.size();
}

// What stands at `offset`: a record with good checksums, nothing up to the segment's end, or
// something bad, which is a torn tail or damage.
StreamReader::Next StreamReader::look_at(uint64_t offset, StoredRecord& record,
                                         std::string_view& what) const {
    const Bytes rest = content().subspan(offset);
    const auto found =
        decode_record_header(rest, segment_.salt, planted_fault_ == PlantedFault::ignore_checksums);
    if (!found) {
        if (all_zero(rest)) return Next::end_of_segment;
        what = "no record header";
        return Next::bad_record;
    }
    record = *found;
    if (sound_body(offset, record)) return Next::record;
    what = "the record's body is damaged";
    return Next::bad_record;
}

// For operators: the place of a single flipped bit.
std::string StreamReader::describe_bad(uint64_t offset, std::string_view what) const {
    const Bytes rest = content().subspan(offset);
    uint64_t start = offset;
    std::optional<FlippedBit> bit;
    const auto header = decode_record_header(rest, segment_.salt);
    if (!header) {
        bit = find_flipped_header_bit(rest, segment_.salt);
    } else if (record_bytes(header->body_bytes) <= rest.size() &&
               header->body_bytes <= kBitSoughtBytesMax) {
        start += kRecordHeaderBytes;
        const Bytes body = rest.subspan(kRecordHeaderBytes, header->body_bytes);
        bit = find_flipped_bit(crc32c(body), header->body_crc, body.size());
    }
    if (!bit) return std::string(what);
    return fmt::format("{} (bit {} at offset {} is flipped)", what, bit->bit, start + bit->byte);
}

bool StreamReader::sound_body(uint64_t offset, const StoredRecord& record) const {
    const uint64_t bytes = record_bytes(record.body_bytes);
    if (bytes > buffer_.size() - offset) return false;
    if (planted_fault_ == PlantedFault::ignore_checksums) return true;
    const Bytes body = content().subspan(offset + kRecordHeaderBytes, record.body_bytes);
    const uint64_t padding = bytes - kRecordHeaderBytes - record.body_bytes;
    return crc32c(body) == record.body_crc &&
           all_zero(content().subspan(offset + bytes - padding, padding));
}

// Hands the record on, if it is one of this place, and returns the offset behind it.
Result<uint64_t> StreamReader::read_record(uint64_t offset, const StoredRecord& record) {
    const uint64_t behind = offset + record_bytes(record.body_bytes);
    ASSIGN_OR_RETURN(const bool usable, check_record(offset, record));
    if (!usable) return behind;
    if (record.position >= from_) {
        RETURN_IF_ERROR(observer_->record(
            {.header = record,
             .sequence = segment_.sequence,
             .offset = offset,
             .body = content().subspan(offset + kRecordHeaderBytes, record.body_bytes)}));
    }
    end_ = segment_.base() + behind;
    end_sequence_ = segment_.sequence;
    durable_before_ = record.durable_before;
    ended_ = record.kind == static_cast<uint8_t>(RecordKind::end);
    return behind;
}

// A bad record is a torn tail only if nothing proves that it had been synced: a record that was
// written later knows a higher durable end, and the next segment is touched only after this one was
// synced.
Result<std::optional<uint64_t>> StreamReader::bad(uint64_t offset, std::string_view what) {
    const bool cut_all = planted_fault_ == PlantedFault::cut_all_damage;
    if (const auto proof = proof_of_sync(offset); proof && !cut_all) {
        const uint64_t good = next_good(offset);
        const uint64_t bytes = bytes_used(offset, good);
        RETURN_IF_ERROR(report(damage_at(
            offset, bytes,
            fmt::format("{}, but the record at offset {} was written after it had been synced",
                        what, *proof))));
        return good;
    }
    ASSIGN_OR_RETURN(const bool touched, later_segment_touched());
    if (touched && !cut_all) {
        const uint64_t good = next_good(offset);
        const uint64_t bytes = bytes_used(offset, good);
        RETURN_IF_ERROR(report(damage_at(
            offset, bytes,
            fmt::format("{}, but the next segment was written after this one had been synced",
                        what))));
        return good;
    }
    if (below_known_end(offset)) {
        const uint64_t good = next_good(offset);
        RETURN_IF_ERROR(report(damage_at(
            offset, bytes_used(offset, good),
            fmt::format("{}, but the stream reached position {} before", what, known_->end))));
        return good;
    }
    if (cut_within_record(offset) && !cut_all) {
        RETURN_IF_ERROR(report(damage_at(offset, bytes_used(offset, buffer_.size()),
                                         "the file was cut within the record that begins here")));
        return buffer_.size();
    }
    torn_ = true;
    cut_bytes_ = bytes_used(offset, buffer_.size());
    RETURN_IF_ERROR(observer_->torn_tail(damage_at(offset, cut_bytes_, std::string(what))));
    return std::nullopt;
}

// The offset of a record that proves it, if one stands further on in the segment.
std::optional<uint64_t> StreamReader::proof_of_sync(uint64_t offset) const {
    const uint64_t synced_at_least = end_.value_or(segment_.base() + offset);
    for (uint64_t at = offset + kRecordAlignment; at + kRecordHeaderBytes <= buffer_.size();
         at += kRecordAlignment) {
        const auto later = decode_record_header(content().subspan(at), segment_.salt);
        if (!later || later->stream != stream_ || later->position != segment_.base() + at) continue;
        if (later->durable_before > synced_at_least) return at;
    }
    return std::nullopt;
}

Result<bool> StreamReader::later_segment_touched() {
    std::string piece;
    for (size_t later = index_ + 1; later < sequences_.size(); ++later) {
        ASSIGN_OR_RETURN(const auto file, fs_.open(path(sequences_[later]), OpenMode::read));
        for (uint64_t offset = kSegmentHeaderBytes;;) {
            piece.resize(kLookStepBytes);
            ASSIGN_OR_RETURN(const size_t got,
                             file->read_at(std::as_writable_bytes(std::span(piece)), offset));
            if (!all_zero(as_bytes(piece).first(got))) return true;
            if (got < piece.size()) break;
            offset += got;
        }
    }
    return false;
}

// The next record of this segment with good checksums behind `offset`; the segment's end if there
// is none.
uint64_t StreamReader::next_good(uint64_t offset) const {
    for (uint64_t at = offset + kRecordAlignment; at + kRecordHeaderBytes <= buffer_.size();
         at += kRecordAlignment) {
        const auto later = decode_record_header(content().subspan(at), segment_.salt);
        if (!later || later->stream != stream_ || later->position != segment_.base() + at) continue;
        if (sound_body(at, *later)) return at;
    }
    return buffer_.size();
}

// The checksums are right; so must be all the rest. Anything else is no accident of a power cut.
// False if the record means nothing here.
Result<bool> StreamReader::check_record(uint64_t offset, const StoredRecord& record) {
    const uint64_t bytes = record_bytes(record.body_bytes);
    const bool ours = record.stream == stream_ && record.position == segment_.base() + offset;
    if (!ours && planted_fault_ != PlantedFault::accept_foreign_stream) {
        RETURN_IF_ERROR(
            report(damage_at(offset, bytes,
                             fmt::format("a record of stream {}, position {} stands here",
                                         stream_name(record.stream), record.position))));
        return false;
    }
    if (record.version != kFormatVersion || record.codec != 0 || record.key_id != 0 ||
        record.flags != 0 || !known_kind(record.kind)) {
        Damage damage = damage_at(
            offset, bytes,
            fmt::format("record version {}, kind {}, flags {}, codec {}, key {} is not "
                        "known here: written by a later version of the program",
                        record.version, record.kind, record.flags, record.codec, record.key_id));
        damage.newer = true;
        RETURN_IF_ERROR(report(std::move(damage)));
        return false;
    }
    if (!ours || !end_) return true;
    // A record begins a span (all before it is durable) or goes on with one.
    const bool chained =
        record.durable_before == *end_ ||
        (record.durable_before == durable_before_ && end_sequence_ == segment_.sequence);
    if (chained || planted_fault_ == PlantedFault::cut_all_damage) return true;
    RETURN_IF_ERROR(report(
        damage_at(offset, 0,
                  fmt::format("the record follows on position {}, but {} is the end of what stands "
                              "before it: records are missing",
                              record.durable_before, *end_))));
    return true;
}

// Segments behind the stream's end were made ahead and never used.
Status StreamReader::check_untouched(size_t first) {
    for (index_ = first; index_ < sequences_.size(); ++index_) {
        ASSIGN_OR_RETURN(const Loaded loaded, load(sequences_[index_]));
        if (loaded != Loaded::readable) continue;
        const uint64_t bytes = bytes_used(kSegmentHeaderBytes, buffer_.size());
        if (bytes == 0) continue;
        RETURN_IF_ERROR(report(damage_at(
            kSegmentHeaderBytes, bytes,
            ended_ ? "bytes follow the stream's end record" : "bytes follow the stream's end")));
    }
    return {};
}

// The last span may have been read from memory and not be on the disk; after a failed sync the
// system does not even try again unless it is written again.
Status StreamReader::settle() {
    if (!end_ || !end_sequence_ || planted_fault_ == PlantedFault::skip_settling) return {};
    // What a clean stop or an earlier replay noted was durable then.
    if (known_ && known_->end >= *end_) return {};
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
