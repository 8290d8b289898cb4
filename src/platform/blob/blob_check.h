// Looks at all of a blob file and says all that is wrong with it, where a reader stops at the first
// thing. For verification and for the scrub; works on a file in use, which never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::blob {

struct BlobDamage {
    uint64_t offset = 0;  // in the file
    uint64_t bytes = 0;   // from there on that cannot be told apart; 1 for a single flipped bit
    std::string what;
};

struct BlobCheck {
    std::vector<BlobDamage> damages;  // the first kDamagesMax
    uint64_t more_damages = 0;
    uint64_t file_bytes = 0;
};

inline constexpr size_t kDamagesMax = 100;

// Told how many bytes were read since the last call; an error ends the check. Called at least every
// 256 KiB.
using OnRead = std::function<Status(uint64_t)>;

// `id` and `content_bytes` as the catalog says. not_found if there is no file, unimplemented if a
// newer version wrote it.
Result<BlobCheck> check_blob(FileSystem& fs, const std::string& path, FileId id,
                             uint64_t content_bytes, const OnRead& on_read);

}  // namespace insula::blob
