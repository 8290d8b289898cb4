// Patterns of like and ilike, taken apart so that the common ones become plain searches and the
// others a regular expression that runs in linear time (a naive matcher is exponential in the
// number of %).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "stores/tables/planner/bound_filter.h"

namespace insula::tables {

struct Pattern {
    TextMatch match = TextMatch::exact;
    std::string text;            // literal text, or for TextMatch::pattern the regular expression
    std::string literal_prefix;  // what every match begins with
};

// `pattern` with % _ and \ as filter.h describes. invalid_pattern if it ends within an escape.
Result<Pattern> parse_pattern(std::string_view pattern);

}  // namespace insula::tables
