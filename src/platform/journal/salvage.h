// Salvage: the way out when damage before a good record keeps a node from starting
// (docs/formats/journal.md, "Salvage"). First a plan, which reads only and says what is lost; then
// the salvage, which copies each damaged stream aside, byte by byte, and replaces its damaged
// segments. What can be read keeps its position; what is lost becomes records of kind `lost`.
//
// The node must be stopped. A salvage that was interrupted is begun anew: every step leaves a
// journal that is as damaged as before or less.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "platform/fs/file_system.h"
#include "platform/journal/format.h"
#include "platform/journal/stream_observer.h"

namespace insula::journal {

// A record that stood in a lost range, as far as its bytes still say.
struct LostRecord {
    StoredRecord header;
    // Its header's checksum is right: what it says is certain. Else the body may be anything.
    bool certain = false;
    Bytes body;  // as far as it fits what is lost; valid during the call
};

// What cannot be read. One record of kind `lost` takes its place if good records follow in the
// stream, else zeros.
struct LostRange {
    uint64_t position = 0;
    uint64_t end = 0;
    bool recorded = false;
    uint64_t durable_before = 0;  // of that record
};

// Records that hang together, within one segment; offsets in its file.
struct KeptRange {
    uint64_t offset = 0;
    uint64_t end = 0;
    uint64_t first_durable_before = 0;
    uint64_t last_durable_before = 0;
};

struct SegmentPlan {
    std::optional<uint32_t> salt;  // nothing for a segment that nothing can be read from
    std::string path;
    uint64_t file_bytes = 0;
    uint64_t used_end = 0;  // offset behind its last byte that counts and is not zero
    bool present = false;   // there is a file of this name
    bool replaced = false;
    std::vector<KeptRange> kept;
    std::vector<LostRange> lost;
};

struct StreamPlan {
    StreamId stream;
    std::string directory;
    uint64_t segment_bytes = 0;
    std::vector<Damage> damages;
    std::vector<std::string> misnamed;  // files that are no segments in spite of their ending
    std::map<uint32_t, SegmentPlan> segments;
    uint64_t kept_records = 0;
    uint64_t lost_bytes = 0;
    uint64_t copy_bytes = 0;  // of all its files
    bool missing = false;     // all of it is gone: nothing to copy
};

struct SalvagePlan {
    std::vector<StreamPlan> streams;  // the damaged ones
};

using LostRecordHandler = std::function<void(const LostRecord&)>;

// Fails with unimplemented for a journal of a later version, and with data_loss for damage that has
// no such way out. `lost` is told of every record that can be made out in what is lost.
Result<SalvagePlan> plan_salvage(FileSystem& fs, const std::string& directory,
                                 const LostRecordHandler& lost);

struct SalvagedStream {
    StreamId stream;
    std::string copy;  // the directory that holds the stream as it was
    uint64_t segments_replaced = 0;
};

// storage_exhausted, before anything is written, where there is no room for the copies.
Result<std::vector<SalvagedStream>> salvage(FileSystem& fs, const std::string& directory,
                                            const SalvagePlan& plan);

}  // namespace insula::journal
