// Why a text is not JSON (RFC 8259), and where: a validating scanner, run only after the fast
// parser has refused a text, as that parser does not say where. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace insula::json {

inline constexpr size_t kDepthMax = 64;  // arrays and objects within one another

struct JsonProblem {
    size_t offset = 0;        // in bytes, from 0; the text's length if it ends too early
    std::string_view reason;  // malformed_json | invalid_utf8 | too_deep
    std::string message;      // "expected ',' or '}' after a member", without the offset
};

// The first problem of `text`, or nothing if it is one JSON value of at most `depth_max` levels.
// Numbers may be of any size. Duplicate keys are no problem here.
std::optional<JsonProblem> find_json_problem(std::string_view text, size_t depth_max = kDepthMax);

// The offset of the first problem; the text's length if there is none.
size_t json_error_offset(std::string_view text, size_t depth_max = kDepthMax);

// invalid_argument with the problem's reason: "The <subject> is not valid JSON: … at byte 17."
// `offset_base` is added where the text is a part of what the client sent, such as a line.
Error json_error(const JsonProblem& problem, std::string_view subject, size_t offset_base = 0);

}  // namespace insula::json
