// What a salvage would keep and lose: reads only.
#include <fmt/format.h>

#include <algorithm>

#include "platform/journal/inspection.h"
#include "platform/journal/salvage.h"
#include "platform/journal/stream_reader.h"

namespace insula::journal {

namespace {

uint64_t head_of(uint32_t sequence, uint64_t segment_bytes) {
    return sequence * segment_bytes + kSegmentHeaderBytes;
}

// Collects what stands in one stream, damaged or not.
class StreamSurvey final : public StreamObserver {
  public:
    explicit StreamSurvey(StreamPlan& plan) : plan_(plan) {}

    Status segment(const FoundSegment& found) override {
        plan_.segment_bytes = found.header.segment_bytes;
        SegmentPlan& segment = plan_.segments[found.header.sequence];
        segment.salt = found.header.salt;
        return {};
    }

    Status record(const FoundRecord& found) override {
        ++plan_.kept_records;
        SegmentPlan& segment = plan_.segments[found.sequence];
        const uint64_t end = found.offset + record_bytes(found.header.body_bytes);
        const uint64_t durable_before = found.header.durable_before;
        if (!segment.kept.empty()) {
            KeptRange& last = segment.kept.back();
            const uint64_t position = found.header.position;
            if (last.end == found.offset &&
                (durable_before == position || durable_before == last.last_durable_before)) {
                last.end = end;
                last.last_durable_before = durable_before;
                return {};
            }
        }
        segment.kept.push_back({.offset = found.offset,
                                .end = end,
                                .first_durable_before = durable_before,
                                .last_durable_before = durable_before});
        return {};
    }

    Status damage(const Damage& damage) override {
        plan_.damages.push_back(damage);
        const std::string_view name =
            std::string_view(damage.path).substr(damage.path.rfind('/') + 1);
        if (parse_segment_name(name)) {
            plan_.segments[damage.sequence].replaced = true;
        } else {
            plan_.misnamed.push_back(damage.path);
        }
        return {};
    }

    // What was never acknowledged is no loss.
    Status torn_tail(const Damage& tail) override {
        torn_ = {tail.sequence, *tail.offset};
        return {};
    }

    // Offset up to which bytes of a segment count.
    uint64_t end_of_content(uint32_t sequence) const {
        if (!torn_ || sequence < torn_->first) return kSegmentBytesMax;
        return sequence == torn_->first ? torn_->second : kSegmentHeaderBytes;
    }

  private:
    StreamPlan& plan_;
    std::optional<std::pair<uint32_t, uint64_t>> torn_;
};

// Puts ranges of kind `lost` between what is kept, so that the rules of reading hold again.
class GapFiller {
  public:
    explicit GapFiller(StreamPlan& plan) : plan_(plan) {}

    Status fill() {
        if (plan_.segments.empty()) return {};
        const uint32_t first = plan_.segments.begin()->first;
        sequence_ = first;
        end_ = durable_before_ = head_of(first, plan_.segment_bytes);
        began_ = first == 0;
        for (auto& [sequence, segment] : plan_.segments) {
            for (const KeptRange& kept : segment.kept) {
                RETURN_IF_ERROR(reach(sequence, kept));
                sequence_ = sequence;
                end_ = base(sequence) + kept.end;
                durable_before_ = kept.last_durable_before;
                began_ = true;
            }
        }
        lose_the_rest();
        return {};
    }

  private:
    uint64_t base(uint32_t sequence) const { return sequence * plan_.segment_bytes; }

    // From what is kept so far to the next range.
    Status reach(uint32_t sequence, const KeptRange& kept) {
        const uint64_t position = base(sequence) + kept.offset;
        const uint64_t synced = kept.first_durable_before;
        // Nothing is known of what stood before the first segment that is left.
        if (!began_ && sequence == sequence_) {
            if (position == end_) return {};
            return fill_segment(sequence, position, synced, std::min(synced, end_));
        }
        if (sequence == sequence_) return fill_segment(sequence, position, synced, end_);
        RETURN_IF_ERROR(leave_segments(sequence, synced));
        return fill_segment(sequence, position, synced, end_);
    }

    // The segments from the current one up to `sequence`, whose first span begins behind `synced`.
    Status leave_segments(uint32_t sequence, uint64_t synced) {
        const bool known = synced <= head_of(sequence, plan_.segment_bytes);
        for (uint32_t at = sequence_; at < sequence; ++at) {
            const uint64_t start = at == sequence_ ? end_ : head_of(at, plan_.segment_bytes);
            const bool last = at + 1 == sequence;
            uint64_t end = last && known ? synced : std::max(start, used_end(at));
            if (end < start && last && known) return fail(contradiction(at, synced));
            if (end > start) end = std::max(end, start + kRecordHeaderBytes);
            RETURN_IF_ERROR(lose(at, start, end, end_));
            if (end > start) end_ = end;
        }
        sequence_ = sequence;
        durable_before_ = end_;
        if (!known || synced == end_) return {};
        return fail(contradiction(sequence, synced));
    }

    // Within one segment, up to the good record at `position`, all before `synced` being synced
    // when it was written. `before` is the end of what stands before the gap.
    Status fill_segment(uint32_t sequence, uint64_t position, uint64_t synced, uint64_t before) {
        const uint64_t start =
            std::max(sequence == sequence_ ? end_ : 0, head_of(sequence, plan_.segment_bytes));
        if (start == position) {
            if (synced == before || synced == durable_before_) return {};
            return fail(contradiction(sequence, synced));
        }
        if (synced > start && synced < position) {
            RETURN_IF_ERROR(lose(sequence, start, synced, before));
            return lose(sequence, synced, position, synced);
        }
        if (synced == position || synced == before) return lose(sequence, start, position, before);
        if (synced == durable_before_) return lose(sequence, start, position, synced);
        return fail(contradiction(sequence, synced));
    }

    Status lose(uint32_t sequence, uint64_t position, uint64_t end, uint64_t durable_before) {
        if (end == position) return {};
        const bool sound = end > position && end - position >= kRecordHeaderBytes &&
                           end % kRecordAlignment == 0 &&
                           end <= base(sequence) + plan_.segment_bytes;
        if (!sound) return fail(contradiction(sequence, end));
        SegmentPlan& segment = plan_.segments[sequence];
        segment.replaced = true;
        segment.lost.push_back(
            {.position = position, .end = end, .recorded = true, .durable_before = durable_before});
        plan_.lost_bytes += end - position;
        return {};
    }

    // Behind the last good record there is nothing to hang together with.
    void lose_the_rest() {
        for (auto& [sequence, segment] : plan_.segments) {
            if (sequence < sequence_ || !segment.replaced || !segment.present) continue;
            const uint64_t start =
                sequence == sequence_ ? end_ : head_of(sequence, plan_.segment_bytes);
            const uint64_t end = used_end(sequence);
            if (end <= start) continue;
            segment.lost.push_back({.position = start, .end = end});
            plan_.lost_bytes += end - start;
        }
    }

    // Where the bytes of a segment end; all of one of which nothing is known.
    uint64_t used_end(uint32_t sequence) const {
        const auto found = plan_.segments.find(sequence);
        if (found == plan_.segments.end() || !found->second.present) {
            return base(sequence) + plan_.segment_bytes;
        }
        return base(sequence) + std::min(align_record(found->second.used_end), plan_.segment_bytes);
    }

    Error contradiction(uint32_t sequence, uint64_t position) const {
        return data_loss(fmt::format(
            "{}/{}: position {} does not fit what stands around it; salvage cannot tell what is "
            "lost",
            plan_.directory, segment_name(sequence), position));
    }

    StreamPlan& plan_;
    bool began_ = false;
    uint32_t sequence_ = 0;        // of the last range that is kept or lost
    uint64_t end_ = 0;             // its end
    uint64_t durable_before_ = 0;  // of its last record
};

// Where no segment's header says it: what the largest file takes.
uint64_t bytes_of_a_segment(const StreamPlan& plan) {
    uint64_t largest = 2 * kBlockBytes;
    for (const auto& [sequence, segment] : plan.segments) {
        largest = std::max(largest, std::min(segment.file_bytes, kSegmentBytesMax));
    }
    return (largest + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

Status measure_files(FileSystem& fs, StreamPlan& plan) {
    ASSIGN_OR_RETURN(const auto entries, fs.list(plan.directory));
    for (const DirectoryEntry& entry : entries) {
        if (entry.is_directory) continue;
        const std::string path = plan.directory + "/" + entry.name;
        ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::read));
        ASSIGN_OR_RETURN(const uint64_t size, file->size());
        plan.copy_bytes += size;
        const auto sequence = parse_segment_name(entry.name);
        if (!sequence) continue;
        SegmentPlan& segment = plan.segments[*sequence];
        segment.present = true;
        segment.path = path;
        segment.file_bytes = size;
    }
    if (plan.segments.empty()) return {};
    if (plan.segment_bytes == 0) plan.segment_bytes = bytes_of_a_segment(plan);
    for (uint32_t at = plan.segments.begin()->first; at < plan.segments.rbegin()->first; ++at) {
        SegmentPlan& segment = plan.segments[at];  // one that is missing is made
        if (segment.present) continue;
        segment.replaced = true;
        segment.path = plan.directory + "/" + segment_name(at);
    }
    return {};
}

// Only of segments in which something may be lost.
Status find_used_ends(FileSystem& fs, const StreamSurvey& survey, StreamPlan& plan) {
    std::string bytes;
    for (auto& [sequence, segment] : plan.segments) {
        if (!segment.replaced || !segment.present) continue;
        ASSIGN_OR_RETURN(bytes, read_file(fs, segment.path, 2 * kSegmentBytesMax));
        // Another segment's bytes say nothing of what should stand here.
        const auto header = decode_segment_header(
            as_bytes(bytes).first(std::min<uint64_t>(bytes.size(), kSegmentHeaderBytes)));
        if (header && (header->stream != plan.stream || header->sequence != sequence)) {
            segment.used_end = plan.segment_bytes;
            continue;
        }
        bytes.resize(std::min<uint64_t>(bytes.size(), survey.end_of_content(sequence)));
        const size_t last = bytes.find_last_not_of('\0');
        segment.used_end = last == std::string::npos ? 0 : last + 1;
    }
    return {};
}

// What the bytes of a lost range still say.
void tell_of_records(std::string_view segment, const StreamPlan& plan, uint32_t salt,
                     uint64_t offset, uint64_t end, const LostRecordHandler& lost) {
    while (offset + kRecordHeaderBytes <= std::min<uint64_t>(end, segment.size())) {
        const Bytes rest = as_bytes(segment.substr(offset, end - offset));
        const auto certain = decode_record_header(rest, salt);
        const auto header =
            certain ? certain : decode_record_header(rest, salt, /*ignore_checksum=*/true);
        const bool ours = header && header->stream == plan.stream &&
                          record_bytes(header->body_bytes) <= rest.size();
        if (!ours) {
            offset += kRecordAlignment;
            continue;
        }
        lost({.header = *header,
              .certain = certain.has_value(),
              .body = rest.subspan(kRecordHeaderBytes, header->body_bytes)});
        offset += record_bytes(header->body_bytes);
    }
}

Status tell_what_is_lost(FileSystem& fs, const StreamPlan& plan, const LostRecordHandler& lost) {
    for (const auto& [sequence, segment] : plan.segments) {
        if (segment.lost.empty() || !segment.present) continue;
        ASSIGN_OR_RETURN(const std::string bytes,
                         read_file(fs, segment.path, 2 * kSegmentBytesMax));
        const uint64_t base = sequence * plan.segment_bytes;
        const uint32_t salt =
            segment.salt.value_or(read_unchecked_segment_header(as_bytes(bytes)).salt);
        for (const LostRange& range : segment.lost) {
            tell_of_records(bytes, plan, salt, range.position - base, range.end - base, lost);
        }
    }
    return {};
}

StreamPlan missing_stream(StreamId stream, const std::string& directory,
                          const StreamExtent& extent) {
    StreamPlan plan{.stream = stream, .directory = directory + "/" + stream_name(stream)};
    plan.missing = true;
    plan.lost_bytes = extent.end;
    plan.damages.push_back(
        {.stream = stream, .path = plan.directory, .what = "the stream is missing"});
    return plan;
}

// Behind all that is kept or given up within the segments that are left.
uint64_t bytes_missing_at_the_end(const StreamPlan& plan, const StreamExtent& known) {
    uint64_t end = 0;
    for (const auto& [sequence, segment] : plan.segments) {
        const uint64_t base = sequence * plan.segment_bytes;
        for (const KeptRange& kept : segment.kept) end = std::max(end, base + kept.end);
        for (const LostRange& range : segment.lost) end = std::max(end, range.end);
    }
    return known.end - std::min(end, known.end);
}

Status refuse_newer(const StreamPlan& plan) {
    const auto newer = std::ranges::find_if(plan.damages, &Damage::newer);
    if (newer == plan.damages.end()) return {};
    return fail(Error(Code::unimplemented, "newer_file_format",
                      "The journal was written by a later version of insula.")
                    .with_hint("Run the version that wrote it, or a later one.")
                    .with_detail(newer->error().detail()));
}

}  // namespace

Result<SalvagePlan> plan_salvage(FileSystem& fs, const std::string& directory,
                                 const LostRecordHandler& lost) {
    SalvagePlan plan;
    ASSIGN_OR_RETURN(const bool exists, fs.exists(directory));
    if (!exists) return plan;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    ASSIGN_OR_RETURN(const StreamExtents known, load_extents(fs, directory));
    for (const auto& [stream, extent] : known) {
        if (holds(entries, stream)) continue;
        plan.streams.push_back(missing_stream(stream, directory, extent));
    }
    std::string buffer;
    for (const DirectoryEntry& entry : entries) {
        const auto stream = parse_stream_name(entry.name);
        if (!entry.is_directory || !stream) continue;
        StreamPlan found{.stream = *stream, .directory = directory + "/" + entry.name};
        StreamSurvey survey(found);
        StreamReader reader(fs, found.directory, *stream, Lsn{}, PlantedFault::none, buffer);
        const auto extent = known.find(*stream);
        if (extent != known.end()) reader.expect(extent->second);
        RETURN_IF_ERROR(reader.run(survey));
        if (found.damages.empty()) continue;
        RETURN_IF_ERROR(refuse_newer(found));
        RETURN_IF_ERROR(measure_files(fs, found));
        RETURN_IF_ERROR(find_used_ends(fs, survey, found));
        RETURN_IF_ERROR(GapFiller(found).fill());
        if (extent != known.end())
            found.lost_bytes += bytes_missing_at_the_end(found, extent->second);
        RETURN_IF_ERROR(tell_what_is_lost(fs, found, lost));
        plan.streams.push_back(std::move(found));
    }
    return plan;
}

}  // namespace insula::journal
