// Filters of search and aggregate requests, as a tree that has been read but knows no column yet.
//
//   {"amount": {"gte": 10, "lt": 20}, "or": [{"city": {"eq": "Rom"}}, {"not": {"tag": {"in": ["a",
//   "b"]}}}]}
//
// What a filter means:
//  - Keys of an object, and several operators on one column, must all hold. "and" and "or" take
//    arrays of filters, "not" takes one. {} holds for every row; {"or": []} for none.
//  - A row without the column's value (absent, null, or of another kind than the column's)
//    satisfies no operator but is_null: neither eq nor ne, neither in nor not_in. "not" is plain
//    negation: {"not": F} holds for exactly the rows for which F does not, those without a value
//    among them.
//  - eq ne gt gte lt lte between in not_in compare by value, exactly: no number is rounded to the
//    column's type first (eq 1.5 on an int64 column holds for no row, gt 1.5 for 2 and more).
//    between is [low, high], both included. Strings compare by their UTF-8 bytes.
//  - date and timestamp columns are compared with RFC 3339 strings; a date means its midnight in
//    UTC, for timestamps too. bool columns know eq, ne, in and not_in.
//  - like and ilike match the whole string: % is any text, _ one character, \ takes the next
//    literally; ilike ignores case. prefix and contains take plain text. On json columns (arrays,
//    mixed values) these four look at the value's minified JSON text, and nothing but them and
//    is_null/not_null is allowed.
//  - {"is_null": true} and {"not_null": true}; false asks for the opposite.
//  - A column that is itself named and, or, not, or whose name begins with a backslash, is written
//    with a backslash before it: {"\\not": {"eq": 1}}.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/json/json_value.h"

namespace insula::tables {

inline constexpr size_t kFilterNodesMax = 1000;     // operators, and, or, not
inline constexpr size_t kFilterDepthMax = 32;       // and, or, not within one another
inline constexpr size_t kFilterListMax = 10'000;    // values of one in or not_in
inline constexpr size_t kFilterValuesMax = 20'000;  // values of all operators
inline constexpr size_t kPatternBytesMax = 1000;    // of like and ilike
inline constexpr size_t kNameBytesMax = 1000;       // of columns and aliases

enum class Operator : uint8_t {
    eq,
    ne,
    gt,
    gte,
    lt,
    lte,
    between,
    in,
    not_in,
    like,
    ilike,
    prefix,
    contains,
    is_null,
    not_null,
};
inline constexpr std::array<std::string_view, 15> kOperatorNames{
    "eq",     "ne",   "gt",    "gte",    "lt",       "lte",     "between", "in",
    "not_in", "like", "ilike", "prefix", "contains", "is_null", "not_null"};

inline std::string_view operator_name(Operator op) {
    return kOperatorNames[static_cast<size_t>(op)];
}

struct Filter {
    enum class Kind : uint8_t { all, any, negation, predicate };
    Kind kind = Kind::all;
    std::vector<Filter> children;  // all and any: any number; negation: one
    // predicate:
    std::string column;
    Operator op = Operator::eq;
    std::vector<json::JsonValue>
        operands;      // between: 2, in and not_in: any number, is_null, not_null: 0
    std::string path;  // where it stands in the request: "filters.amount.gte"
};

// Reads an object of filters. Errors are invalid_argument: unknown_operator, invalid_request, or
// too_many_filters when a limit above is passed.
Result<Filter> parse_filter(const json::JsonCursor& cursor);

}  // namespace insula::tables
