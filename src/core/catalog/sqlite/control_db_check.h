// What must hold in control.db beside what reading it shows: SQLite's own integrity, references,
// and the counters that identities come from. For verification; the database is not changed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::catalog {

// What is wrong, for operators; nothing if all is well. Opens the database, so that the file system
// should be one in which writes have no effect (FrozenFileSystem). data_loss where it cannot be
// read.
Result<std::vector<std::string>> check_control_db(FileSystem& fs, const std::string& path);

}  // namespace insula::catalog
