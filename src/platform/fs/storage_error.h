// How every FileSystem reports a failed call, so that callers meet the same codes whichever they
// run on.
#pragma once

#include <string_view>

#include "base/error.h"

namespace insula {

// The reason of an error that came from missing permission or a read-only volume.
inline constexpr std::string_view kAccessDeniedReason = "storage_access_denied";

// `call` on `path` failed with `error_number` (errno). ENOENT is not_found, EEXIST and EWOULDBLOCK
// (a lock) already_exists, ENOSPC storage_exhausted, EMFILE unavailable, a wrong kind of entry
// failed_precondition, everything else internal. Path and call go into the detail.
Error storage_error(std::string_view call, std::string_view path, int error_number);

}  // namespace insula
