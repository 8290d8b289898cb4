// Errors as HTTP: one table from code to status, one JSON shape.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace insula::rest {

int http_status(Code code);
// That of the error's code, but for reasons that HTTP has a status of its own for.
int http_status(const Error& error);

// The error with a hint: its own, or what helps with any error of its code.
Error with_hint_of_code(const Error& error);

// {"error":{"code","message","hint","request_id"}}
std::string error_body(const Error& error, std::string_view request_id);

}  // namespace insula::rest
