// insula_chunks(n): the table function that shows the chunks of the running query's n-th scan, in
// place. Chunks stay alive as long as the query does. Rows come in the order of the chunks; threads
// take turns at runs of them.
//
// insula_unnumbered_chunks(n): the same without numbering the runs, so that whoever keeps the order
// of the rows reads them on one thread. For chunks below a UNION ALL that is the right side of
// another: DuckDB 1.4.4 gives the pipelines of UNION ALL a, (b UNION ALL c) batch numbers in
// another order (a, c, b) than it runs them in, and a streamed result then stops for good, fails or
// loses rows (PhysicalUnion::BuildPipelines assigns the outer pipeline's number after the inner
// one's).
#pragma once

#include "duckdb/function/table_function.hpp"

namespace insula::engine {

inline constexpr const char* kChunkFunction = "insula_chunks";
inline constexpr const char* kUnnumberedChunkFunction = "insula_unnumbered_chunks";

duckdb::TableFunction chunk_function();
duckdb::TableFunction unnumbered_chunk_function();

}  // namespace insula::engine
