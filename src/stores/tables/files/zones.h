// Zones of rows in chunks: null counts and bounds of each column, which the planner prunes by.
// Those of a file come from the chunks that it is written from.
#pragma once

#include <span>
#include <vector>

#include "core/catalog/types.h"
#include "platform/engine/chunk.h"

namespace insula::tables {

// One zone for each of `columns` (as the file will hold them) over the first rows of `chunks`.
std::vector<catalog::Zone> compute_zones(std::span<const catalog::Column> columns,
                                         std::span<const ChunkRows> chunks);

// Of one column that shows as `type`.
catalog::Zone compute_zone(ColumnId column, ColumnType type, std::span<const ChunkRows> chunks);

}  // namespace insula::tables
