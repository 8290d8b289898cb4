// Errors as HTTP: one table from code to status, one JSON shape.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace insula::rest {

int http_status(Code code);

// {"error":{"code","message","hint","request_id"}}; hint and request_id only where there is one.
std::string error_body(const Error& error, std::string_view request_id);

}  // namespace insula::rest
