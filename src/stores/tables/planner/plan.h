// From a request and the sources that it was pinned on to a query for the engine. Pure,
// thread-safe.
//
// Rules:
//  - A column that the request names must be in at least one source (unknown_column), and of one
//    kind in all that have it (kind_conflict); int64 and float64 are one kind. Elsewhere it is
//    null.
//  - Without a projection every source's records hold that source's own columns; those of the same
//    name may differ in kind.
//  - Filters are bound to each source's own types, so that no comparison is rounded. Files and
//    chunks without a row that can match are left out, and so are sources.
//  - Without order_by rows come as the engine delivers them. With it, nulls come last in either
//    direction and rows that are equal come in the order of their source and their `_row_id`.
//  - Groups come in ascending order of their keys (nulls last) unless order_by says otherwise. sum
//    of int64 is exact in 128 bits. Over an int64 and a float64 column of two sources, aggregates
//    work on float64.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "core/catalog/types.h"
#include "platform/engine/engine.h"
#include "stores/tables/files/stored_file.h"
#include "stores/tables/ingest/schema.h"
#include "stores/tables/memtable/chunk_zones.h"
#include "stores/tables/planner/render_plan.h"
#include "stores/tables/planner/request.h"

namespace insula::tables {

// Bound on the select lists of a query over many wide sources.
inline constexpr size_t kPlanExpressionsMax = 200'000;
// Bound on the values of filters, which are bound anew to each source.
inline constexpr size_t kPlanParametersMax = 200'000;

// What a query has pinned of one source. The spans must live until the plan is made.
struct SourceInput {
    std::string source_id;
    const Schema* schema = nullptr;
    std::span<const ChunkRows> chunks;
    std::span<const FileEntry> files;
    // Of the chunks: nullptr, or none at all, where there are no bounds to skip one by.
    std::span<const std::shared_ptr<ChunkZones>> chunk_zones;
};

struct PruneStats {
    uint64_t files_read = 0;
    uint64_t files_skipped = 0;
};

struct SearchPlan {
    engine::Query query;
    SearchRenderPlan render;
    PruneStats pruned;
};

struct AggregatePlan {
    engine::Query query;
    AggregateRenderPlan render;
    PruneStats pruned;
};

// `sources` in the order of the answer; at most kRequestSourcesMax, else invalid_argument
// too_many_sources.
Result<SearchPlan> plan_search(const SearchRequest& request, std::span<const SourceInput> sources);
Result<AggregatePlan> plan_aggregate(const AggregateRequest& request,
                                     std::span<const SourceInput> sources);

}  // namespace insula::tables
