// StreamReader: reads one stream from its first needed segment to its end and tells a torn tail
// from damage (docs/formats/journal.md, "Reading"). What it finds goes to an observer, who also
// decides whether reading goes on behind damage. Holds one segment in memory. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/journal/format.h"
#include "platform/journal/journal.h"
#include "platform/journal/stream_extents.h"
#include "platform/journal/stream_observer.h"

namespace insula::journal {

class StreamReader {
  public:
    // `buffer` is lent, so that streams share it. Records below `from` are read over, segments
    // below it skipped.
    StreamReader(FileSystem& fs, std::string directory, StreamId stream, Lsn from,
                 PlantedFault planted_fault, std::string& buffer);
    // Before run(): what was known of the stream, which it must still reach.
    void expect(const StreamExtent& known) { known_ = known; }

    // Before run(): segments that are only kept are read, too.
    void include_kept() { with_kept_ = true; }

    Status run(StreamObserver& observer);
    // Makes the last span durable if it may not be: once run() has come to the end of the stream.
    Status settle();

    bool ended() const { return ended_; }              // by an end record
    uint64_t cut_bytes() const { return cut_bytes_; }  // of a torn tail
    // Nothing for a stream without a segment, and where damage was read over.
    std::optional<StreamExtent> extent() const;

  private:
    enum class Next { record, bad_record, end_of_segment, end_of_stream };
    enum class Loaded { readable, below, unreadable };

    Status find_segments();
    Status add_segment(uint32_t sequence, const std::string& name);
    Status check_first_needed();
    Status check_known_beginning();
    Status check_known_end();
    bool below_known_end(uint64_t offset) const;
    bool cut_within_record(uint64_t offset) const;
    Status check_file_length(uint64_t end);
    Result<Loaded> load(uint32_t sequence);
    Result<bool> accept_header(uint32_t sequence, Bytes block, uint64_t file_bytes);
    bool guess_header(uint32_t sequence, Bytes block, uint64_t file_bytes);
    Status read_content(File& file, uint64_t file_bytes);
    Status read_segment();
    Next look_at(uint64_t offset, StoredRecord& record, std::string_view& what) const;
    Result<uint64_t> read_record(uint64_t offset, const StoredRecord& record);
    // Where reading goes on: nothing if the stream ends here.
    Result<std::optional<uint64_t>> bad(uint64_t offset, std::string_view what);
    std::optional<uint64_t> proof_of_sync(uint64_t offset) const;
    Result<bool> later_segment_touched();
    uint64_t next_good(uint64_t offset) const;
    Result<bool> check_record(uint64_t offset, const StoredRecord& record);
    std::string describe_bad(uint64_t offset, std::string_view what) const;
    bool sound_body(uint64_t offset, const StoredRecord& record) const;
    Status check_untouched(size_t first);

    std::string path(uint32_t sequence) const;
    Status report(Damage damage);
    Damage damage_at(uint64_t offset, uint64_t bytes, std::string what) const;
    Damage damage_of_file(uint32_t sequence, std::string what) const;
    // Bytes from `offset` to the last one that is not zero, up to `end`.
    uint64_t bytes_used(uint64_t offset, uint64_t end) const;
    Bytes content() const { return as_bytes(buffer_); }

    FileSystem& fs_;
    const std::string directory_;
    const StreamId stream_;
    const uint64_t from_;  // position; 0 for all
    const bool complete_;  // the stream must begin with its first segment
    const PlantedFault planted_fault_;
    std::string& buffer_;  // the segment's bytes as far as its file goes
    StreamObserver* observer_ = nullptr;
    std::optional<StreamExtent> known_;
    bool damaged_ = false;  // some was reported

    bool with_kept_ = false;

    std::vector<uint32_t> sequences_;
    std::map<uint32_t, std::string> kept_names_;  // of those that have another name than a segment
    size_t index_ = 0;                            // of the segment in buffer_
    SegmentHeader segment_;
    std::optional<uint64_t> segment_bytes_;
    std::optional<uint64_t> end_;           // end of the last good record; nothing behind damage
    std::optional<uint32_t> end_sequence_;  // its segment
    uint64_t durable_before_ = 0;           // of the last good record
    bool ended_ = false;
    bool torn_ = false;
    uint64_t cut_bytes_ = 0;
};

}  // namespace insula::journal
