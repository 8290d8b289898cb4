// The statements and checks around Parquet files that need nothing of the engine.
#pragma once

#include <string>
#include <string_view>

#include "platform/engine/engine.h"

namespace insula::engine {

std::string quote_name(std::string_view name);
std::string quote_text(std::string_view text);

// The statement that writes scan_0 to the query's output. Renames the scan's columns to names that
// no two columns share; the file has the given ones, made different where they differ only by case.
Result<std::string> write_parquet_sql(Scan& scan, const ParquetOptions& options);

// Fails with malformed_parquet unless the file begins and ends as a Parquet file does.
Status check_parquet_frame(ReadableFile& file);

}  // namespace insula::engine
