// StreamReader: reads one stream from its first needed segment to its end and tells a torn tail
// from damage (docs/formats/journal.md, "Reading"). Holds one segment in memory. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/journal/format.h"
#include "platform/journal/journal.h"

namespace insula::journal {

class StreamReader {
  public:
    using Handler = std::function<Status(const Record&)>;

    // `buffer` is lent, so that streams share it.
    StreamReader(FileSystem& fs, std::string directory, StreamId stream, Lsn from,
                 PlantedFault planted_fault, std::string& buffer);

    // Adds to `stats`; sets clean_stop to whether this stream ended with an end record.
    Status run(const Handler& handle, ReplayStats& stats);

  private:
    enum class Next { record, end_of_segment, end_of_stream };

    Status find_segments();
    Status check_first_needed();
    // False if the segment lies wholly below `from_`.
    Result<bool> load(uint32_t sequence);
    Status read_segment(const Handler& handle, ReplayStats& stats);
    Result<Next> look_at(uint64_t offset, StoredRecord& record);
    Result<Next> bad(uint64_t offset, std::string_view what);
    Status check_record(uint64_t offset, const StoredRecord& record);
    bool sound_body(uint64_t offset, const StoredRecord& record) const;
    Status hand_on(uint64_t offset, const StoredRecord& record, const Handler& handle,
                   ReplayStats& stats);
    Status check_untouched(size_t first);
    Status settle();

    std::string path(uint32_t sequence) const;
    Error damage(uint64_t offset, std::string_view what) const;
    Bytes content() const { return as_bytes(buffer_); }

    FileSystem& fs_;
    const std::string directory_;
    const StreamId stream_;
    const uint64_t from_;  // position; 0 for all
    const bool complete_;  // the stream must begin with its first segment
    const PlantedFault planted_fault_;
    std::string& buffer_;  // the segment's bytes as far as its file goes

    std::vector<uint32_t> sequences_;
    size_t index_ = 0;  // of the segment in buffer_
    SegmentHeader segment_;
    std::optional<uint64_t> segment_bytes_;
    std::optional<uint64_t> end_;           // end of the last good record
    std::optional<uint32_t> end_sequence_;  // its segment
    uint64_t durable_before_ = 0;           // of the last good record
    bool ended_ = false;                    // by an end record
    bool torn_ = false;
    uint64_t cut_bytes_ = 0;
};

}  // namespace insula::journal
