// Search and aggregate requests as they come over the wire, read and bounded, before any schema is
// known. Plain values. Unknown keys are errors that name the nearest known one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/json/json_value.h"
#include "stores/tables/planner/bucket.h"
#include "stores/tables/planner/filter.h"

namespace insula::tables {

inline constexpr size_t kRequestSourcesMax = 512;
inline constexpr size_t kRequestColumnsMax = 1000;
inline constexpr size_t kOrderKeysMax = 16;
inline constexpr uint64_t kSearchLimitDefault = 100;
inline constexpr uint64_t kSearchLimitMax = 10'000;
inline constexpr uint64_t kSearchWindowMax =
    100'000;  // offset + limit: what is before it is read each time
inline constexpr size_t kAggregationsMax = 100;
inline constexpr size_t kGroupKeysMax = 16;
inline constexpr uint64_t kGroupLimitDefault = 10'000;
inline constexpr uint64_t kGroupLimitMax = 100'000;

struct OrderKey {
    std::string column;
    bool descending = false;
};

// A page has a limit by default and at most kSearchLimitMax rows; a stream has neither.
enum class SearchMode : uint8_t { page, stream };

// {"sources": ["a"], "filters": {…}, "columns": ["a", "b.c"], "order_by": ["x", {"column": "y",
//  "descending": true}], "limit": 100, "offset": 0, "include": ["document"]}
struct SearchRequest {
    std::vector<std::string> sources;  // empty: all of the tenant's
    Filter filter;
    std::optional<std::vector<std::string>> columns;  // absent: every column
    std::vector<OrderKey> order_by;
    std::optional<uint64_t> limit;  // absent only in streams
    uint64_t offset = 0;
    bool include_document = false;
};

enum class AggregateType : uint8_t {
    count,
    count_distinct,
    sum,
    avg,
    min,
    max,
    stddev,    // of a sample: divides by n - 1
    variance,  // of a sample
    median,
};

struct Aggregation {
    AggregateType type = AggregateType::count;
    std::optional<std::string> column;  // absent only for count: counts rows
    std::string alias;                  // "sum_amount", or "count" without a column, unless given
};

struct GroupKey {
    std::string column;
    std::optional<Bucket> bucket;
    std::string alias;  // the column's name unless given
};

// {"sources": [...], "filters": {...}, "aggregations": [{"type": "sum", "column": "amount",
// "alias":
//  "total"}], "group_by": ["country", {"column": "ts", "bucket": "1h", "alias": "hour"}], "having":
//  {"total": {"gt": 10}}, "order_by": [{"column": "total", "descending": true}], "limit": 100}
// having and order_by speak of aliases. Aliases differ from one another.
struct AggregateRequest {
    std::vector<std::string> sources;
    Filter filter;
    std::vector<Aggregation> aggregations;
    std::vector<GroupKey> group_by;
    std::optional<Filter> having;
    std::vector<OrderKey> order_by;
    uint64_t limit = kGroupLimitDefault;
};

// Errors are invalid_argument: invalid_request, unknown_key, unknown_operator, unknown_aggregation,
// duplicate_alias, invalid_bucket, page_too_deep, too_many_filters.
Result<SearchRequest> parse_search(const json::JsonValue& body, SearchMode mode = SearchMode::page);
Result<AggregateRequest> parse_aggregate(const json::JsonValue& body);

std::string_view aggregate_name(AggregateType type);

}  // namespace insula::tables
