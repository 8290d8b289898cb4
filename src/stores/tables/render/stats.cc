#include "stores/tables/render/stats.h"

#include <cmath>

namespace insula::tables {

void write_stats(json::JsonWriter& writer, const RequestStats& stats) {
    writer.begin_object();
    writer.key("rows_scanned").uint64(stats.rows_scanned);
    writer.key("bytes_scanned").uint64(stats.bytes_scanned);
    writer.key("files_read").uint64(stats.files_read);
    writer.key("files_skipped").uint64(stats.files_skipped);
    writer.key("rows_returned").uint64(stats.rows_returned);
    writer.key("elapsed_ms").float64(std::round(stats.elapsed_ms * 1000) / 1000);
    writer.end_object();
}

}  // namespace insula::tables
