// SegmentFiles: the files of one stream: making, zeroing, recycling and removing segments.
//
// A segment is made under the name of a spare ("0000002a.spare", which replay ignores), wholly
// zeroed (the first one of a stream in steps), given its header, synced, renamed, and its directory
// synced. Only then may a record be written into it. What is released is renamed back to a spare,
// durably, before a byte of it changes, lowest sequence first, so that what is left of a stream is
// never interrupted.
//
// Not thread-safe. The FileSystem must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/journal/format.h"
#include "platform/journal/journal.h"
#include "platform/journal/kept_segments.h"
#include "platform/journal/stream_extents.h"

namespace insula::journal {

// The committing and the housekeeping thread may both sync a segment.
struct Segment {
    // One sync at a time, and none after one that failed: the system reports a failure once, to
    // whoever syncs first, though it concerns the bytes of both.
    Status sync();

    uint32_t sequence = 0;
    uint32_t salt = 0;
    std::unique_ptr<File> file;
    // Offset in the file up to which its zeros are on disk; behind it the file ends (or holds
    // zeros).
    uint64_t zeroed_end = 0;
    bool extending = false;  // the housekeeping thread is writing zeros to it

  private:
    std::mutex sync_mutex_;
    bool sync_failed_ = false;
};

class SegmentFiles {
  public:
    // Makes the stream's directory, durably.
    static Result<SegmentFiles> create(FileSystem& fs, std::string directory, StreamId stream,
                                       const Options& options, uint64_t now_seconds);

    // Makes segment `sequence` a durable part of the stream, zeroed up to `zeroed_end`: all of it,
    // but for a stream's first one. After an error the file that was being made is never used
    // again.
    Result<std::unique_ptr<Segment>> prepare(uint32_t sequence, uint64_t zeroed_end);
    // Zeroes and syncs from segment.zeroed_end on; the caller publishes the new end. A failure of
    // the sync is final for the segment: `sync_failed` tells it from a failed write, which may be
    // tried again.
    Status extend(Segment& segment, uint64_t zeroed_end, bool& sync_failed);
    // Takes a segment out of the stream: it becomes a spare, or is removed if there are enough.
    Status recycle(uint32_t sequence);
    // Takes a segment out of the stream and keeps it.
    Status keep(uint32_t sequence, uint64_t now_seconds);
    // The oldest kept segment becomes a spare, or is removed.
    Status give_up_oldest();
    const KeptSegments& kept() const { return kept_; }
    Result<uint64_t> available_bytes() const;
    // Removes another stream: its segments become spares, or are kept.
    Status remove_stream(StreamId stream, uint64_t now_seconds);
    // Of this stream, which is written no longer.
    Status note_extent(const StreamExtent& extent);

    // After a failed directory sync nothing is known about names any more: the stream must be
    // fenced.
    bool unusable() const { return unusable_; }
    std::string segment_path(uint32_t sequence) const;

  private:
    SegmentFiles(FileSystem& fs, std::string directory, StreamId stream, const Options& options);

    Result<std::unique_ptr<Segment>> fill(const std::string& spare, uint32_t sequence,
                                          uint64_t zeroed_end, bool recycled);
    Status write_zeros(File& file, uint64_t start, uint64_t end);
    Status write_header(const Segment& segment);
    Status sync_directory(const std::string& path);
    // Renames `path`, a file of `directory`, to a spare of this stream.
    Status adopt(const std::string& directory, const std::string& path);
    Result<bool> fits_as_spare(const std::string& path);
    Status keep_file(StreamId stream, uint32_t sequence, uint64_t now_seconds);
    Status remove_file(const std::string& directory, const std::string& path);
    Status keep_stream(StreamId stream, uint64_t now_seconds);
    Status remove_if_empty(StreamId stream);
    std::string directory_of(StreamId stream) const { return root_ + "/" + stream_name(stream); }
    std::string next_spare_path();

    FileSystem* fs_;
    std::string root_;       // holds the streams
    std::string directory_;  // this stream's
    StreamId stream_;
    uint64_t segment_bytes_;
    // Zeros are written and synced in steps, so that a sync of records never waits behind much of
    // it.
    uint64_t zero_step_bytes_;
    PlantedFault planted_fault_;
    uint32_t spares_made_ = 0;
    std::vector<std::string> spares_;
    KeptSegments kept_;
    bool keeps_;  // retention is on
    bool unusable_ = false;
};

}  // namespace insula::journal
