// insula_files(n): the table function that shows the Parquet files of the running query's n-th
// scan. It is the engine's own Parquet scan with the schema and the file list given by us: columns
// are found by field id, what a file lacks is null, and int64 in a file shows as float64 where the
// scan says so.
#pragma once

#include <cstdint>

#include "duckdb/function/table_function.hpp"

namespace duckdb {
class BaseFileReader;
class ClientContext;
}  // namespace duckdb

namespace insula::engine {

inline constexpr const char* kFileFunction = "insula_files";
inline constexpr const char* kUnnumberedFileFunction = "insula_unnumbered_files";

// `parquet_scan` is the engine's function of that name.
duckdb::TableFunction file_function(const duckdb::TableFunction& parquet_scan);
// The same, without batch numbers: see chunk_scan.h.
duckdb::TableFunction unnumbered_file_function(const duckdb::TableFunction& parquet_scan);

// Rows that a Parquet reader has decoded: those of skipped row groups do not count.
uint64_t rows_read(const duckdb::BaseFileReader& reader);

}  // namespace insula::engine
