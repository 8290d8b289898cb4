// insula_chunks(n): the table function that shows the chunks of the running query's n-th scan, in
// place. Chunks stay alive as long as the query does. Rows come in the order of the chunks; threads
// take turns at runs of them.
#pragma once

#include "duckdb/function/table_function.hpp"

namespace insula::engine {

inline constexpr const char* kChunkFunction = "insula_chunks";

duckdb::TableFunction chunk_function();

}  // namespace insula::engine
