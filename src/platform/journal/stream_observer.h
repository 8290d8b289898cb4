// What the reader of a stream meets, in the order of the stream: segments, records, damage. Replay
// and inspection are two observers of the same rules (docs/formats/journal.md, "Reading").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/journal/format.h"

namespace insula::journal {

struct FoundSegment {
    SegmentHeader header;  // where damage was reported for it: as far as it could be worked out
    std::string path;
    uint64_t file_bytes = 0;
    bool kept = false;  // nothing needs it any longer
};

// A record whose checksums are right.
struct FoundRecord {
    StoredRecord header;
    uint32_t sequence = 0;
    uint64_t offset = 0;  // in the segment's file
    Bytes body;           // the reader's: valid during the call
};

// Bytes that are not what they must be; or, for a torn tail, that were never acknowledged.
struct Damage {
    StreamId stream;
    uint32_t sequence = 0;
    std::string path;                // of the segment's file, which may be the one that is missing
    std::optional<uint64_t> offset;  // in the file; nothing where all of it is meant
    uint64_t bytes = 0;  // how many cannot be read from there on; 0 where that is not known
    std::string what;    // for operators
    bool newer = false;  // not damaged, but written by a later version of the program
    std::optional<uint64_t> position;  // in the stream, where that is known
    bool kept = false;                 // of a segment that nothing needs any longer

    // data_loss; its detail names the file and the place.
    Error error() const;
};

class StreamObserver {
  public:
    virtual ~StreamObserver() = default;

    // The records and damage that follow are in this segment. Not called for one that nothing can
    // be read from.
    virtual Status segment(const FoundSegment& /*found*/) { return {}; }
    virtual Status record(const FoundRecord& found) = 0;
    // An error ends the reading; after success it goes on behind the damage, where that is known.
    virtual Status damage(const Damage& damage) = 0;
    // The stream ends here.
    virtual Status torn_tail(const Damage& /*tail*/) { return {}; }
};

}  // namespace insula::journal
