// Which files a filter can be answered without: evaluates it over the bounds of columns that the
// catalog holds for each file. Conservative: a file that holds a matching row is never pruned.
// Thread-safe as a constant.
#pragma once

#include <cstdint>
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

    // `zones` are the bounds of the columns of `rows` rows: of a file, or of a chunk's pinned rows.
    // A column without a zone may hold anything.
    Matches matches(uint64_t rows, std::span<const catalog::Zone> zones) const;
    bool may_match(uint64_t rows, std::span<const catalog::Zone> zones) const {
        return rows > 0 && matches(rows, zones) != Matches::none;
    }

  private:
    const BoundFilter& filter_;
};

}  // namespace insula::tables
