// Filters as people write them on a command line, turned into the interface's JSON:
//
//   amount>=100                               {"amount": {"gte": 100}}
//   country in (DE, FR) and not paid=true     {"and": [{"country": {"in": ["DE", "FR"]}}, …]}
//
//   expression := all { "or" all }            all := term { "and" term }
//   term       := "not" term | "(" expression ")" | column comparison
//   comparison := ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") value
//               | ["not"] "in" "(" value {"," value} ")" | "between" value "and" value
//               | ["not"] ("like" | "ilike" | "prefix" | "contains") value
//               | "is" ["not"] "null"
//
// A value is a number, true or false as JSON writes them, or text: a bare word (up to a blank,
// comma or bracket) or anything in single or double quotes, with a backslash before a quote or
// backslash. Quotes make text of what would be a number: zip="10115". A column is a bare word
// (letters, digits, "_", "." and whatever is no operator) or quoted. Words are known in any case.
//
// Pure, thread-safe.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/json/json_value.h"

namespace insula::cli {

inline constexpr size_t kExpressionBytesMax = 1 << 20;
inline constexpr size_t kExpressionDepthMax = 30;  // the server's bound is 32 with what is around

// A usage error shows the text from the place on that cannot be read.
Result<json::JsonValue> parse_filter_expression(std::string_view text);

// A filter that holds where all of these do; {} for none.
json::JsonValue all_of(std::vector<json::JsonValue> filters);

}  // namespace insula::cli
