#include "platform/journal/journal.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "platform/journal/stream_journal.h"

namespace insula::journal {

namespace {

Status check(const Options& options) {
    const bool sound =
        options.segment_bytes % kBlockBytes == 0 &&
        options.segment_bytes >= 2 * kSegmentHeaderBytes &&
        options.segment_bytes <= kSegmentBytesMax && options.record_bytes_max > 0 &&
        options.zero_step_bytes >= kBlockBytes && options.zero_step_bytes % kBlockBytes == 0 &&
        options.record_bytes_max < options.segment_bytes &&
        record_bytes(options.record_bytes_max) <= options.segment_bytes - kSegmentHeaderBytes &&
        record_bytes(options.record_bytes_max) <= options.pending_bytes_max;
    if (sound) return {};
    return fail(
        invalid_argument(
            "journal_options",
            "The journal's segments must be a multiple of 4096 bytes and at most 1 GiB, "
            "and its largest record must fit a segment and the bytes that may be pending.")
            .with_detail(fmt::format("segment {}, record {}, pending {}", options.segment_bytes,
                                     options.record_bytes_max, options.pending_bytes_max)));
}

Result<OldStream> measure(FileSystem& fs, const std::string& directory, StreamId stream) {
    OldStream old{.stream = stream};
    const std::string path = directory + "/" + stream_name(stream);
    ASSIGN_OR_RETURN(const auto entries, fs.list(path));
    for (const DirectoryEntry& entry : entries) {
        if (!parse_segment_name(entry.name)) continue;
        ASSIGN_OR_RETURN(const auto file, fs.open(path + "/" + entry.name, OpenMode::read));
        ASSIGN_OR_RETURN(const uint64_t size, file->size());
        old.bytes += size;
        ++old.segments;
    }
    return old;
}

Result<std::vector<OldStream>> find_old_streams(FileSystem& fs, const std::string& directory,
                                                StreamId stream) {
    std::vector<OldStream> found;
    ASSIGN_OR_RETURN(const bool exists, fs.exists(directory));
    if (!exists) return found;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    for (const DirectoryEntry& entry : entries) {
        const auto old = parse_stream_name(entry.name);
        if (!entry.is_directory || !old) continue;
        if (*old >= stream) {
            return fail(Error(Code::failed_precondition, "journal_stream_exists",
                              "The journal already has this stream or a later one.")
                            .with_detail(fmt::format("{}/{} stands before stream {}", directory,
                                                     entry.name, stream_name(stream))));
        }
        ASSIGN_OR_RETURN(OldStream measured, measure(fs, directory, *old));
        found.push_back(measured);
    }
    return found;
}

}  // namespace

Result<StreamId> newest_stream(FileSystem& fs, const std::string& directory) {
    StreamId newest;
    ASSIGN_OR_RETURN(const bool exists, fs.exists(directory));
    if (!exists) return newest;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    for (const DirectoryEntry& entry : entries) {
        const auto stream = parse_stream_name(entry.name);
        if (entry.is_directory && stream) newest = std::max(newest, *stream);
    }
    return newest;
}

Result<std::unique_ptr<Journal>> Journal::create(FileSystem& fs, Clock& clock,
                                                 std::string directory, StreamId stream,
                                                 const Options& options) {
    RETURN_IF_ERROR(check(options));
    ASSIGN_OR_RETURN(auto old_streams, find_old_streams(fs, directory, stream));
    ASSIGN_OR_RETURN(auto files, SegmentFiles::create(fs, std::move(directory), stream, options,
                                                      seconds_since_1970(clock)));
    ASSIGN_OR_RETURN(auto first,
                     files.prepare(0, std::min(options.segment_bytes, options.zero_step_bytes)));
    // From here on the stream has a segment, whichever.
    RETURN_IF_ERROR(files.note_extent({.first_sequence = kAnySegment, .end = kSegmentHeaderBytes}));
    return std::make_unique<StreamJournal>(clock, stream, options, std::move(files),
                                           std::move(first), std::move(old_streams));
}

StreamJournal::StreamJournal(Clock& clock, StreamId stream, const Options& options,
                             SegmentFiles files, std::unique_ptr<Segment> first,
                             std::vector<OldStream> old_streams)
    : clock_(clock),
      stream_(stream),
      options_(options),
      files_(std::move(files)),
      current_(first.get()),
      next_position_(kSegmentHeaderBytes),
      last_end_(kSegmentHeaderBytes),
      hybrid_time_(options.hybrid_time_floor),
      groups_{Group(options.pending_bytes_max), Group(options.pending_bytes_max)},
      durable_(kSegmentHeaderBytes),
      old_streams_(std::move(old_streams)) {
    segments_.push_back(std::move(first));
    note_kept();
    look_at_kept();
    if (options_.manual) return;
    commit_thread_ = std::thread([this] { run_commits(); });
    housekeeping_thread_ = std::thread([this] { run_housekeeping(); });
    pthread_setname_np(commit_thread_.native_handle(), "journal-commit");
    pthread_setname_np(housekeeping_thread_.native_handle(), "journal-room");
}

StreamJournal::~StreamJournal() {
    stop_threads(/*abandon=*/true);
    std::vector<Waiter> waiters;
    {
        const std::lock_guard lock(mutex_);
        if (state_ == State::open) state_ = State::closed;
        std::swap(waiters, waiters_);
    }
    for (Waiter& waiter : waiters) {
        waiter.done(fail(unavailable("journal_closed", "The server is stopping.")));
    }
}

Status StreamJournal::health() const {
    const std::lock_guard lock(mutex_);
    if (fence_error_) return fail(*fence_error_);
    return {};
}

}  // namespace insula::journal
