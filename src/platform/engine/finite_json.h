// insula_finite_json(text): JSON text as the engine writes it, made JSON. The engine writes numbers
// that JSON does not have (NaN, Infinity, -Infinity) as bare words; here they become null.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace duckdb {
class ScalarFunction;
}

namespace insula::engine {

inline constexpr const char* kFiniteJson = "insula_finite_json";

// Nothing if `json` can stay as it is.
std::optional<std::string> finite_json(std::string_view json);

duckdb::ScalarFunction finite_json_function();

}  // namespace insula::engine
