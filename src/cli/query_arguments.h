// The short forms in which a command line names columns, order, aggregations and groups, turned
// into the interface's JSON. Names that hold a comma or colon are written with a backslash before
// it. Pure, thread-safe; errors are usage errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/json/json_value.h"

namespace insula::cli {

// "a,b\,c" at ',' gives "a" and "b,c"; other escapes are kept for the next level.
std::vector<std::string> split_names(std::string_view text, char separator);
// Takes the backslashes away that split_names() kept.
std::string plain_name(std::string_view text);

// "a,b" -> ["a", "b"]
Result<json::JsonValue> parse_columns(std::string_view text);
// "a,-b" -> ["a", {"column": "b", "descending": true}]
Result<json::JsonValue> parse_order_by(std::string_view text);
// "count", "sum:amount", "sum:amount:total", "count::orders" -> {"type", "column", "alias"}
Result<json::JsonValue> parse_aggregation(std::string_view text);
// "country,ts:1h,ts:1d:day" -> ["country", {"column": "ts", "bucket": "1h"}, …]
Result<json::JsonValue> parse_group_by(std::string_view text);
// "order_id:string": the type stands behind the last colon.
Result<json::JsonMember> parse_column_type(std::string_view text);

}  // namespace insula::cli
