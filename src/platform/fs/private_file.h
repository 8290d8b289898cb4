// A small file of the operating system's that only the server's user may read: keys. It is not read
// through a FileSystem, which knows nothing of users and rights. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace insula {

// The whole of a regular file that belongs to this process's user or to root and that neither group
// nor others may touch. not_found if there is none; failed_precondition `private_file_exposed`
// where others may read or write it, is a symbolic link, or is no file: the detail says what and
// how to put it right; payload_too_large above `bytes_max`.
Result<std::string> read_private_file(const std::string& path, uint64_t bytes_max);

// Mode 0600, whatever the umask. Durable on return, wholly there or not at all after a crash, and
// never in the place of another: already_exists then.
Status create_private_file(const std::string& path, std::string_view content);

}  // namespace insula
