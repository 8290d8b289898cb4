// Looks at all pages of a database file that lies still, for verification: every damaged one, not
// only those that a query meets.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::sqlite {

struct PageDamage {
    uint64_t offset = 0;
    uint64_t bytes = 0;  // 1 for a single flipped bit
    std::string what;
};

struct PageCheck {
    std::vector<PageDamage> damages;
    bool sealed = true;  // false: pages have no checksums yet, nothing could be compared
    uint64_t file_bytes = 0;
    uint64_t log_bytes = 0;
};

// The file at `path` and the log beside it. Pages that the log has anew are not looked at in the
// file, and pages of zeros are taken for unused: a query that reads one fails. data_loss for the
// log as check_log(); not_found if there is no file.
Result<PageCheck> check_pages(FileSystem& fs, const std::string& path);

}  // namespace insula::sqlite
