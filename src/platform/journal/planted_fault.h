// Faults that tests plant into the journal, to prove that their harness can fail. Always `none` in
// the product.
#pragma once

#include <cstdint>

namespace insula::journal {

enum class PlantedFault : uint8_t {
    none,
    // writing
    acknowledge_before_sync,  // durable() moves before the bytes are synced
    skip_sync,                // segments are never synced
    retry_failed_sync,        // a failed sync is tried once more and then believed
    skip_directory_sync,      // new segments and removals are not made durable
    skip_zeroing,             // a recycled segment keeps its old content
    overlap_segments,         // the next segment is written before the last one is synced
    recycle_early,            // recycles the segment that holds the oldest record needed
    // replaying
    ignore_checksums,       // CRCs are not compared
    accept_foreign_stream,  // stream and position of segments and records are not compared
    cut_all_damage,         // every bad record counts as a torn tail
    skip_settling,          // what is replayed from the tail is not made durable
};

}  // namespace insula::journal
