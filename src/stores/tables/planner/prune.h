// Which files and chunks a filter can be answered without: evaluates it over the bounds of their
// columns. Conservative: what holds a matching row is never pruned.
// Thread-safe as a constant.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/catalog/types.h"
#include "stores/tables/planner/bound_filter.h"

namespace insula::tables {

// How many of a file's rows a filter holds for.
enum class Matches : uint8_t { none, some, all };  // `some`: it cannot be told

class Pruner {
  public:
    // `filter` must outlive the pruner.
    explicit Pruner(const BoundFilter& filter) : filter_(filter) {}

    // Gives the bounds of a column; nullptr: it may hold anything. Asked only for columns that
    // matter.
    using ZoneOf = std::function<const catalog::Zone*(ColumnId)>;

    // Over `rows` rows with these bounds: of a file, or of a whole chunk.
    Matches matches(uint64_t rows, const ZoneOf& zone_of) const;
    Matches matches(uint64_t rows, std::span<const catalog::Zone> zones) const;
    bool may_match(uint64_t rows, std::span<const catalog::Zone> zones) const {
        return rows > 0 && matches(rows, zones) != Matches::none;
    }

  private:
    const BoundFilter& filter_;
};

}  // namespace insula::tables
