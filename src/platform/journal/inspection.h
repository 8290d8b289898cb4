// Reading a journal for people: every stream, segment and record, and all damage, not only the
// first. Nothing is changed. The node must be stopped: a segment that is being written looks torn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "platform/fs/file_system.h"
#include "platform/journal/stream_observer.h"

namespace insula::journal {

struct StreamSummary {
    StreamId stream;
    uint64_t segments = 0;
    uint64_t segment_bytes = 0;  // what their files take
    uint64_t kept = 0;           // segments that nothing needs any longer
    uint64_t kept_bytes = 0;
    uint64_t spares = 0;  // files that hold nothing
    uint64_t spare_bytes = 0;
    bool ended = false;      // by an end record: the node stopped cleanly
    uint64_t cut_bytes = 0;  // of a torn tail
};

class JournalInspector : public StreamObserver {
  public:
    // What was read since the last call was of this stream.
    virtual Status stream(const StreamSummary& summary) = 0;
};

// All streams, oldest first, or only one. A missing directory holds none. Memory: one segment.
Status inspect(FileSystem& fs, const std::string& directory, std::optional<StreamId> only,
               JournalInspector& inspector);

}  // namespace insula::journal
