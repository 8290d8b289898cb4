// insula_foreign(n): the table function that shows the n-th shape of foreign Parquet files of the
// running query, as the engine itself reads such files; and the SQL that makes a scan's columns of
// it.
#pragma once

#include <string>

#include "duckdb/function/table_function.hpp"
#include "platform/engine/query_state.h"

namespace insula::engine {

inline constexpr const char* kForeignFunction = "insula_foreign";
// The same, without batch numbers: see chunk_scan.h.
inline constexpr const char* kUnnumberedForeignFunction = "insula_unnumbered_foreign";

// `parquet_scan` is the engine's function of that name.
duckdb::TableFunction foreign_function(const duckdb::TableFunction& parquet_scan);
duckdb::TableFunction unnumbered_foreign_function(const duckdb::TableFunction& parquet_scan);

// Selects the columns of `source`, in their order, from the rows of its shape `index`. `function`
// is one of the two above.
std::string foreign_select(const ScanSource& source, size_t index, const char* function);

}  // namespace insula::engine
