// What a request cost, as every answer says it.
#pragma once

#include <cstdint>

#include "platform/json/json_writer.h"

namespace insula::tables {

struct RequestStats {
    uint64_t rows_scanned = 0;
    uint64_t bytes_scanned = 0;
    uint64_t files_read = 0;
    uint64_t files_skipped = 0;
    uint64_t rows_returned = 0;
    double elapsed_ms = 0;
};

// {"rows_scanned": …, …}
void write_stats(json::JsonWriter& writer, const RequestStats& stats);

}  // namespace insula::tables
