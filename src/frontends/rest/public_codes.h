// The codes that an answer may have: the interface's promise, described one by one in
// docs/reference/errors.md (tools/check_error_codes.py compares). What else happens below, in
// storage or at a start, reaches clients as `internal`, and the log as it was.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"

namespace insula::rest {

std::span<const std::string_view> public_codes();  // sorted

// `error` where its reason is a public code; else an internal error that holds it as its detail.
Error public_error(const Error& error);

}  // namespace insula::rest
