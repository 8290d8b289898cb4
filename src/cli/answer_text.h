// What clients do with the text of a server's answers.
#pragma once

#include <string_view>

#include "base/result.h"
#include "platform/json/json_value.h"

namespace insula::cli {

// The server's JSON; odd_answer() where it is none.
Result<json::JsonValue> parse_answer(std::string_view text);
// The answer has not the form that its route has.
Error odd_answer();

// What a query cost, as a remark: "2 rows in 1.2 ms; scanned 5 rows, 400 B, …".
void remark_stats(const json::JsonValue& stats);

}  // namespace insula::cli
