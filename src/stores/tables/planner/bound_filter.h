// A filter bound to the columns of one source: literals are converted to the columns' types,
// exactly, and what the schema decides is decided. Both the SQL of a query and the pruning of files
// come from this form.
//
// Always holds: a leaf other than is_null is false where its column is null, so that only negation
// must tell "unknown" from false. Every literal has the column's type. Text patterns are plain text
// or a match that runs in linear time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/engine/engine.h"
#include "stores/tables/planner/filter.h"

namespace insula::tables {

// A column as filters see it: of a source, or of an aggregate's results.
struct FilterColumn {
    std::string_view name;
    ColumnId id;
    ColumnType type = ColumnType::int64;
    bool wide = false;  // int64 in name, up to 128 bits in fact (sums)
};

enum class Comparison : uint8_t { eq, ne, lt, lte, gt, gte };

enum class TextMatch : uint8_t {
    exact,  // only with fold_case, otherwise it is a comparison
    prefix,
    suffix,
    contains,
    pattern,  // a regular expression for the whole value, made of literals, `.` and `.*`
};

struct BoundFilter {
    enum class Kind : uint8_t {
        always,
        never,
        all,
        any,
        negation,
        compare,  // values[0]
        in,       // values, at least one
        not_in,   // values, at least one
        text,     // values[0]
        is_null,
        not_null,
    };
    Kind kind = Kind::always;
    std::vector<BoundFilter> children;
    // Leaves:
    uint32_t column = 0;  // index into the columns that it was bound to
    ColumnId column_id;
    ColumnType type = ColumnType::int64;
    Comparison comparison = Comparison::eq;
    TextMatch match = TextMatch::contains;
    bool fold_case = false;
    std::vector<engine::Value> values;
    std::string literal_prefix;  // of text: what every match begins with, empty if fold_case
};

// `columns` are those of the source that the filter names; one that is missing there is null in all
// its rows (whether any source has it was checked before). Fails with invalid_argument
// kind_mismatch (column, its type and the value's kind in the message), invalid_pattern or
// number_out_of_range.
Result<BoundFilter> bind_filter(const Filter& filter, std::span<const FilterColumn> columns);

}  // namespace insula::tables
