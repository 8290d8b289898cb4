// The columns of several sources, united by name. Refers to its input, which must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stores/tables/planner/bound_filter.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/planner/prune.h"

namespace insula::tables {

// A column that a request names, in every source.
struct UnitedColumn {
    std::string name;
    ColumnType type = ColumnType::int64;  // float64 if some sources say int64 and some float64
    std::vector<const catalog::Column*> per_source;  // nullptr where a source has no such column
};

class SchemaUnion {
  public:
    explicit SchemaUnion(std::span<const SourceInput> sources) : sources_(sources) {}

    // nullptr if the source has no such column (`_rest` is none that a request may name).
    const catalog::Column* find(size_t source, std::string_view name) const;
    // unknown_column, or kind_conflict.
    Result<UnitedColumn> resolve(std::string_view name) const;
    // Checks all names of a filter as resolve() does.
    Status check(const Filter& filter) const;

  private:
    Error unknown_column(std::string_view name) const;

    std::span<const SourceInput> sources_;
};

// One source's part of a query: its scan, and the names that its columns go by in SQL.
class ScanBuilder {
  public:
    explicit ScanBuilder(const SourceInput& source) : source_(source) {}

    // The SQL name of the column, which the scan then holds.
    std::string use(ColumnId id, ColumnType type);
    // Binds the filter and adds its columns.
    Status bind(const Filter& filter, const SchemaUnion& schemas, size_t source);
    const BoundFilter& filter() const { return filter_; }
    // The name of the column at an index of what filter() was bound to.
    const std::string& filter_column(uint32_t index) const { return filter_names_[index]; }

    // Leaves out what the filter prunes. False if nothing is left.
    bool prune(PruneStats& stats);
    engine::Scan take() { return std::move(scan_); }

  private:
    bool chunk_may_match(const Pruner& pruner, size_t chunk) const;

    const SourceInput& source_;
    engine::Scan scan_;
    BoundFilter filter_;
    std::vector<std::string> filter_names_;
};

// A request is about at most kRequestSourcesMax sources: invalid_argument too_many_sources.
Status check_source_count(size_t count);

}  // namespace insula::tables
