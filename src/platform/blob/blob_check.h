// Looks at all of a blob file and says all that is wrong with it, where a reader stops at the first
// thing. For verification and for the scrub; works on a file in use, which never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "platform/crypto/key_wrap.h"
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

// What the catalog says of a file.
struct BlobRecord {
    FileId id;
    uint64_t content_bytes = 0;
    crypto::KeyId key_id;  // none: it is not sealed
};

// Needs no key: of a sealed file the checksums, which are of the bytes as they are stored, find
// what a disk does. What someone did on purpose is found by BlobReader::verify(). not_found if
// there is no file, unimplemented if a newer version wrote it.
Result<BlobCheck> check_blob(FileSystem& fs, const std::string& path, const BlobRecord& record,
                             const OnRead& on_read);

}  // namespace insula::blob
