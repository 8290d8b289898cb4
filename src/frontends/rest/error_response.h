// Errors as HTTP: one table from code to status, one JSON shape.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace insula::rest {

int http_status(Code code);

// The error with a hint: its own, or what helps with any error of its code.
Error with_hint_of_code(const Error& error);

// {"error":{"code","message","hint","request_id"}}
std::string error_body(const Error& error, std::string_view request_id);

}  // namespace insula::rest
