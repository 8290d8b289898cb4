#include "platform/journal/salvage.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "platform/journal/inspection.h"
#include "platform/journal/stream_extents.h"
#include "platform/runtime/random.h"

namespace insula::journal {

namespace {

constexpr uint64_t kCopyStepBytes = kMiB;
// Names that a start does not look at.
constexpr std::string_view kUnfinished = ".unfinished";
constexpr std::string_view kNewSegment = ".salvaged";

Status copy_file(FileSystem& fs, const std::string& from, const std::string& to) {
    ASSIGN_OR_RETURN(const auto source, fs.open(from, OpenMode::read));
    ASSIGN_OR_RETURN(const auto copy, fs.open(to, OpenMode::create));
    std::string piece(kCopyStepBytes, '\0');
    for (uint64_t offset = 0;;) {
        ASSIGN_OR_RETURN(const size_t got,
                         source->read_at(std::as_writable_bytes(std::span(piece)), offset));
        if (got == 0) break;
        RETURN_IF_ERROR(copy->write_at(as_bytes(piece).first(got), offset));
        offset += got;
    }
    return copy->sync_data();
}

// "journal/damaged-<stream>-<n>": whole, or not there.
Result<std::string> copy_stream(FileSystem& fs, const std::string& directory,
                                const StreamPlan& plan) {
    std::string copy;
    for (uint32_t n = 1;; ++n) {
        copy = fmt::format("{}/damaged-{}-{}", directory, stream_name(plan.stream), n);
        ASSIGN_OR_RETURN(const bool taken, fs.exists(copy));
        if (!taken) break;
    }
    const std::string unfinished = copy + std::string(kUnfinished);
    RETURN_IF_ERROR(remove_tree(fs, unfinished));
    RETURN_IF_ERROR(create_directories(fs, unfinished));
    ASSIGN_OR_RETURN(const auto entries, fs.list(plan.directory));
    for (const DirectoryEntry& entry : entries) {
        if (entry.is_directory) continue;
        RETURN_IF_ERROR(
            copy_file(fs, plan.directory + "/" + entry.name, unfinished + "/" + entry.name));
    }
    RETURN_IF_ERROR(fs.sync_directory(unfinished));
    RETURN_IF_ERROR(fs.rename(unfinished, copy));
    RETURN_IF_ERROR(fs.sync_directory(directory));
    return copy;
}

void put_lost_record(std::string& image, const StreamPlan& plan, uint64_t base, uint32_t salt,
                     const LostRange& range) {
    const uint64_t offset = range.position - base;
    StoredRecord record{.kind = static_cast<uint8_t>(RecordKind::lost),
                        .stream = plan.stream,
                        .position = range.position,
                        .durable_before = range.durable_before};
    record.body_bytes = static_cast<uint32_t>(range.end - range.position - kRecordHeaderBytes);
    record.body_crc =
        crc32c(as_bytes(image).subspan(offset + kRecordHeaderBytes, record.body_bytes));
    encode_record_header(
        record, salt, std::as_writable_bytes(std::span(image)).subspan(offset, kRecordHeaderBytes));
}

// The segment as it will be: its header, what is kept, records for what is lost, zeros.
Result<std::string> make_image(FileSystem& fs, const StreamPlan& plan, uint32_t sequence,
                               const SegmentPlan& segment) {
    const uint64_t base = sequence * plan.segment_bytes;
    uint64_t end = kSegmentHeaderBytes;
    for (const KeptRange& kept : segment.kept) end = std::max(end, kept.end);
    for (const LostRange& lost : segment.lost) end = std::max(end, lost.end - base);
    // A segment that others follow has its whole length.
    if (segment.present) end = std::max(end, std::min(segment.file_bytes, plan.segment_bytes));
    end = (end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    std::string image(end, '\0');
    const SegmentHeader header{
        .stream = plan.stream,
        .sequence = sequence,
        .segment_bytes = plan.segment_bytes,
        .salt = segment.salt.value_or(static_cast<uint32_t>(SystemRandom().next()))};
    encode_segment_header(header,
                          std::as_writable_bytes(std::span(image)).first(kSegmentHeaderBytes));
    if (!segment.kept.empty()) {
        ASSIGN_OR_RETURN(const std::string old, read_file(fs, segment.path, 2 * kSegmentBytesMax));
        for (const KeptRange& kept : segment.kept) {
            if (kept.end > old.size()) {
                return fail(data_loss(segment.path + ": became shorter since it was read"));
            }
            image.replace(kept.offset, kept.end - kept.offset, old, kept.offset,
                          kept.end - kept.offset);
        }
    }
    for (const LostRange& lost : segment.lost) {
        if (lost.recorded) put_lost_record(image, plan, base, header.salt, lost);
    }
    return image;
}

Status replace_segment(FileSystem& fs, const StreamPlan& plan, uint32_t sequence,
                       const SegmentPlan& segment) {
    ASSIGN_OR_RETURN(const std::string image, make_image(fs, plan, sequence, segment));
    const std::string path = plan.directory + "/" + segment_name(sequence);
    const std::string fresh = path + std::string(kNewSegment);
    {
        ASSIGN_OR_RETURN(const auto file, fs.open(fresh, OpenMode::create_or_open));
        RETURN_IF_ERROR(file->truncate(0));
        RETURN_IF_ERROR(file->write_at(as_bytes(image), 0));
        RETURN_IF_ERROR(file->sync_data());
    }
    RETURN_IF_ERROR(fs.rename(fresh, path));
    return fs.sync_directory(plan.directory);
}

Result<SalvagedStream> salvage_stream(FileSystem& fs, const std::string& directory,
                                      const StreamPlan& plan) {
    SalvagedStream done{.stream = plan.stream};
    // What is left of the stream is all that it has from here on.
    if (plan.missing) {
        RETURN_IF_ERROR(forget_extent(fs, directory, plan.stream));
        return done;
    }
    ASSIGN_OR_RETURN(done.copy, copy_stream(fs, directory, plan));
    for (const std::string& path : plan.misnamed) {
        RETURN_IF_ERROR(fs.rename(path, path + ".unknown"));
        RETURN_IF_ERROR(fs.sync_directory(plan.directory));
    }
    for (const auto& [sequence, segment] : plan.segments) {
        if (!segment.replaced) continue;
        RETURN_IF_ERROR(replace_segment(fs, plan, sequence, segment));
        ++done.segments_replaced;
    }
    // Only now: a salvage that is interrupted must find it damaged again.
    RETURN_IF_ERROR(forget_extent(fs, directory, plan.stream));
    return done;
}

Status check_room(FileSystem& fs, const std::string& directory, const SalvagePlan& plan) {
    uint64_t wanted = 0;
    for (const StreamPlan& stream : plan.streams)
        wanted += stream.copy_bytes + stream.segment_bytes;
    ASSIGN_OR_RETURN(const SpaceInfo space, fs.space(directory));
    if (space.available_bytes >= wanted) return {};
    return fail(Error(Code::storage_exhausted, "disk_full",
                      fmt::format("A salvage copies what is damaged first and needs {} bytes; {} "
                                  "are free.",
                                  wanted, space.available_bytes))
                    .with_hint("Make room on the disk that holds the data directory."));
}

class AnyDamage final : public JournalInspector {
  public:
    Status record(const FoundRecord& /*found*/) override { return {}; }
    Status damage(const Damage& damage) override { return fail(damage.error()); }
    Status stream(const StreamSummary& /*summary*/) override { return {}; }
};

}  // namespace

Result<std::vector<SalvagedStream>> salvage(FileSystem& fs, const std::string& directory,
                                            const SalvagePlan& plan) {
    std::vector<SalvagedStream> done;
    if (plan.streams.empty()) return done;
    RETURN_IF_ERROR(check_room(fs, directory, plan));
    for (const StreamPlan& stream : plan.streams) {
        ASSIGN_OR_RETURN(SalvagedStream salvaged, salvage_stream(fs, directory, stream));
        done.push_back(std::move(salvaged));
    }
    AnyDamage check;
    for (const SalvagedStream& salvaged : done) {
        if (const Status sound = inspect(fs, directory, salvaged.stream, check); !sound) {
            return fail(internal_error("the journal is damaged after its salvage: " +
                                       std::string(sound.error().detail())));
        }
    }
    return done;
}

}  // namespace insula::journal
