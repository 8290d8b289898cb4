#include "stores/tables/memtable/chunk_zones.h"

#include <algorithm>

#include "stores/tables/files/zones.h"

namespace insula::tables {

const catalog::Zone& ChunkZones::zone(ColumnId column) {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(zones_, column, &catalog::Zone::column);
    if (known != zones_.end()) return *known;
    const ChunkColumn* held = chunk_->find(column);
    if (held == nullptr) {
        zones_.push_back({.column = column, .nulls = rows()});
    } else {
        const ChunkRows all{.chunk = chunk_, .rows = rows()};
        zones_.push_back(compute_zone(column, held->type, std::span(&all, 1)));
    }
    return zones_.back();
}

}  // namespace insula::tables
