#include "platform/journal/segment_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "platform/runtime/random.h"

namespace insula::journal {

namespace {

// Released segments kept for the future; more are removed.
constexpr size_t kSpareSegmentsMax = 2;
// Of an older stream: the one that was written last and the one made ahead of it.
constexpr size_t kLastSegments = 2;

Bytes zeros(uint64_t count) {
    static constexpr uint64_t kMost = 256 * kKiB;
    static const std::array<std::byte, kMost> kZeros{};
    return Bytes(kZeros).first(std::min(count, kMost));
}

}  // namespace

Status Segment::sync() {
    const std::lock_guard lock(sync_mutex_);
    if (sync_failed_) return fail(internal_error("an earlier sync of the segment failed"));
    const Status synced = file->sync_data();
    sync_failed_ = !synced;
    return synced;
}

SegmentFiles::SegmentFiles(FileSystem& fs, std::string directory, StreamId stream,
                           const Options& options)
    : fs_(&fs),
      root_(std::move(directory)),
      directory_(root_ + "/" + stream_name(stream)),
      stream_(stream),
      segment_bytes_(options.segment_bytes),
      zero_step_bytes_(options.zero_step_bytes),
      planted_fault_(options.planted_fault),
      keeps_(options.retention.time.count() > 0) {}

Result<SegmentFiles> SegmentFiles::create(FileSystem& fs, std::string directory, StreamId stream,
                                          const Options& options, uint64_t now_seconds) {
    SegmentFiles files(fs, std::move(directory), stream, options);
    RETURN_IF_ERROR(create_directories(fs, files.root_));
    ASSIGN_OR_RETURN(files.kept_, KeptSegments::load(fs, files.root_, now_seconds));
    RETURN_IF_ERROR(fs.create_directory(files.directory_));
    RETURN_IF_ERROR(files.sync_directory(files.root_));
    return files;
}

std::string SegmentFiles::segment_path(uint32_t sequence) const {
    return directory_ + "/" + segment_name(sequence);
}

std::string SegmentFiles::next_spare_path() {
    return fmt::format("{}/{:08x}.spare", directory_, spares_made_++);
}

Status SegmentFiles::sync_directory(const std::string& path) {
    if (planted_fault_ == PlantedFault::skip_directory_sync) return {};
    const Status status = fs_->sync_directory(path);
    if (!status) unusable_ = true;
    return status;
}

Result<std::unique_ptr<Segment>> SegmentFiles::prepare(uint32_t sequence, uint64_t zeroed_end) {
    const bool recycled = !spares_.empty();
    std::string spare = recycled ? std::move(spares_.back()) : next_spare_path();
    if (recycled) spares_.pop_back();
    auto segment = fill(spare, sequence, recycled ? segment_bytes_ : zeroed_end, recycled);
    if (segment || unusable_) return segment;
    // The half-made file only takes room. If it cannot be removed now, it goes with the stream's
    // directory.
    Error error = std::move(segment).error();
    if (const Status removed = fs_->remove(spare);
        !removed && removed.error().code() != Code::not_found) {
        error =
            error.with_detail(fmt::format("and removing it failed ({})", removed.error().detail()));
    }
    return fail(std::move(error));
}

Result<std::unique_ptr<Segment>> SegmentFiles::fill(const std::string& spare, uint32_t sequence,
                                                    uint64_t zeroed_end, bool recycled) {
    auto segment = std::make_unique<Segment>();
    segment->sequence = sequence;
    segment->salt = static_cast<uint32_t>(SystemRandom().next());
    ASSIGN_OR_RETURN(segment->file,
                     fs_->open(spare, recycled ? OpenMode::read_write : OpenMode::create));
    if (planted_fault_ == PlantedFault::skip_zeroing && recycled) {
        segment->zeroed_end = zeroed_end;
    }
    while (segment->zeroed_end < zeroed_end) {
        const uint64_t end = std::min(segment->zeroed_end + zero_step_bytes_, zeroed_end);
        bool sync_failed = false;
        RETURN_IF_ERROR(extend(*segment, end, sync_failed));
        segment->zeroed_end = end;
    }
    RETURN_IF_ERROR(write_header(*segment));
    RETURN_IF_ERROR(segment->sync());
    RETURN_IF_ERROR(fs_->rename(spare, segment_path(sequence)));
    RETURN_IF_ERROR(sync_directory(directory_));
    return segment;
}

Status SegmentFiles::write_header(const Segment& segment) {
    std::array<std::byte, kSegmentHeaderBytes> block;
    encode_segment_header({.stream = stream_,
                           .sequence = segment.sequence,
                           .segment_bytes = segment_bytes_,
                           .salt = segment.salt},
                          block);
    return segment.file->write_at(block, 0);
}

Status SegmentFiles::write_zeros(File& file, uint64_t start, uint64_t end) {
    while (start < end) {
        const Bytes piece = zeros(end - start);
        RETURN_IF_ERROR(file.write_at(piece, start));
        start += piece.size();
    }
    return {};
}

Status SegmentFiles::extend(Segment& segment, uint64_t zeroed_end, bool& sync_failed) {
    RETURN_IF_ERROR(write_zeros(*segment.file, segment.zeroed_end, zeroed_end));
    const Status synced = segment.sync();
    sync_failed = !synced;
    return synced;
}

Status SegmentFiles::recycle(uint32_t sequence) {
    if (unusable_)
        return fail(internal_error("the journal's directory could not be synced before"));
    const std::string path = segment_path(sequence);
    // An earlier try may have had its effect and reported an error all the same.
    ASSIGN_OR_RETURN(const bool present, fs_->exists(path));
    if (!present) return sync_directory(directory_);
    if (spares_.size() < kSpareSegmentsMax) return adopt(directory_, path);
    RETURN_IF_ERROR(fs_->remove(path));
    return sync_directory(directory_);
}

Status SegmentFiles::adopt(const std::string& directory, const std::string& path) {
    std::string spare = next_spare_path();
    RETURN_IF_ERROR(fs_->rename(path, spare));
    RETURN_IF_ERROR(sync_directory(directory_));
    if (directory != directory_) RETURN_IF_ERROR(sync_directory(directory));
    spares_.push_back(std::move(spare));
    return {};
}

Result<bool> SegmentFiles::fits_as_spare(const std::string& path) {
    ASSIGN_OR_RETURN(const auto file, fs_->open(path, OpenMode::read));
    ASSIGN_OR_RETURN(const uint64_t size, file->size());
    return size <= segment_bytes_;  // a larger one comes from other settings
}

Status SegmentFiles::note_extent(const StreamExtent& extent) {
    ASSIGN_OR_RETURN(StreamExtents extents, load_extents(*fs_, root_));
    extents[stream_] = extent;
    return store_extents(*fs_, root_, extents);
}

Status SegmentFiles::keep(uint32_t sequence, uint64_t now_seconds) {
    if (unusable_)
        return fail(internal_error("the journal's directory could not be synced before"));
    return keep_file(stream_, sequence, now_seconds);
}

Status SegmentFiles::keep_file(StreamId stream, uint32_t sequence, uint64_t now_seconds) {
    const std::string directory = directory_of(stream);
    const std::string path = directory + "/" + segment_name(sequence);
    // An earlier try may have had its effect and reported an error all the same.
    ASSIGN_OR_RETURN(const bool present, fs_->exists(path));
    if (!present) return sync_directory(directory);
    uint64_t bytes = 0;
    {
        ASSIGN_OR_RETURN(const auto file, fs_->open(path, OpenMode::read));
        ASSIGN_OR_RETURN(bytes, file->size());
    }
    std::string kept =
        directory + "/" + kept_name({.sequence = sequence, .released_at_seconds = now_seconds});
    RETURN_IF_ERROR(fs_->rename(path, kept));
    kept_.add({.stream = stream,
               .sequence = sequence,
               .released_at_seconds = now_seconds,
               .path = std::move(kept),
               .bytes = bytes});
    return sync_directory(directory);
}

Status SegmentFiles::give_up_oldest() {
    if (unusable_)
        return fail(internal_error("the journal's directory could not be synced before"));
    const KeptSegment oldest = kept_.oldest();
    const std::string directory = directory_of(oldest.stream);
    ASSIGN_OR_RETURN(const bool present, fs_->exists(oldest.path));
    if (present) {
        // As in remove_stream(): the last ones of an older stream are not trusted.
        const bool trusted =
            oldest.stream == stream_ || kept_.count_of(oldest.stream) > kLastSegments;
        const bool adopted =
            trusted && oldest.bytes <= segment_bytes_ && spares_.size() < kSpareSegmentsMax;
        RETURN_IF_ERROR(adopted ? adopt(directory, oldest.path)
                                : remove_file(directory, oldest.path));
    }
    kept_.remove_oldest();
    if (oldest.stream == stream_ || kept_.count_of(oldest.stream) > 0) return {};
    return remove_if_empty(oldest.stream);
}

Status SegmentFiles::remove_file(const std::string& directory, const std::string& path) {
    RETURN_IF_ERROR(fs_->remove(path));
    return sync_directory(directory);
}

// The folder of an older stream goes with the last file in it.
Status SegmentFiles::remove_if_empty(StreamId stream) {
    const std::string directory = directory_of(stream);
    ASSIGN_OR_RETURN(const bool present, fs_->exists(directory));
    if (!present) return {};
    ASSIGN_OR_RETURN(const auto entries, fs_->list(directory));
    if (!entries.empty()) return {};
    RETURN_IF_ERROR(fs_->remove_directory(directory));
    return sync_directory(root_);
}

Result<uint64_t> SegmentFiles::available_bytes() const {
    ASSIGN_OR_RETURN(const SpaceInfo space, fs_->space(root_));
    return space.available_bytes;
}

// All segments of an older stream are kept, lowest sequence first; what else lies there goes.
Status SegmentFiles::keep_stream(StreamId stream, uint64_t now_seconds) {
    const std::string directory = directory_of(stream);
    ASSIGN_OR_RETURN(const auto entries, fs_->list(directory));
    for (const DirectoryEntry& entry : entries) {
        if (parse_kept_name(entry.name)) continue;
        if (const auto sequence = parse_segment_name(entry.name)) {
            RETURN_IF_ERROR(keep_file(stream, *sequence, now_seconds));
        } else {
            RETURN_IF_ERROR(remove_file(directory, directory + "/" + entry.name));
        }
    }
    return remove_if_empty(stream);
}

Status SegmentFiles::remove_stream(StreamId stream, uint64_t now_seconds) {
    if (unusable_)
        return fail(internal_error("the journal's directory could not be synced before"));
    const std::string directory = directory_of(stream);
    // Before a file of it goes: half a stream that is still expected would be damage.
    RETURN_IF_ERROR(forget_extent(*fs_, root_, stream));
    ASSIGN_OR_RETURN(const bool present, fs_->exists(directory));
    if (!present) return sync_directory(root_);
    if (keeps_) return keep_stream(stream, now_seconds);
    ASSIGN_OR_RETURN(const auto entries, fs_->list(directory));
    // If a sync failed, it was of the segment that was written last, of the one made ahead of it or
    // of a spare, and what failed once is not trusted again.
    size_t untainted =
        static_cast<size_t>(std::ranges::count_if(entries, [](const DirectoryEntry& entry) {
            return parse_segment_name(entry.name).has_value();
        }));
    untainted -= std::min(untainted, kLastSegments);
    for (const DirectoryEntry& entry : entries) {
        if (parse_kept_name(entry.name)) continue;  // of a start that kept segments
        const std::string path = directory + "/" + entry.name;
        bool spare = false;
        if (parse_segment_name(entry.name) && untainted > 0) {
            --untainted;
            ASSIGN_OR_RETURN(spare, fits_as_spare(path));
        }
        spare = spare && spares_.size() < kSpareSegmentsMax;
        RETURN_IF_ERROR(spare ? adopt(directory, path) : remove_file(directory, path));
    }
    return remove_if_empty(stream);
}

}  // namespace insula::journal
