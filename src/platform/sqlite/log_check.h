// The log of a database (SQLite's WAL), looked at before SQLite reads it. SQLite takes whatever
// does not pass its checksums for the end of the log, and so forgets commits where one frame in the
// middle is damaged. This tells a torn end from damage before something that was committed later.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::sqlite {

struct LogContent {
    uint64_t frames = 0;      // that SQLite will read
    uint64_t file_bytes = 0;  // 0: there is no log
    // Pages that it has anew: what the file has of them does not count. Numbers begin with 0.
    std::unordered_set<uint64_t> pages;
};

// data_loss, whose detail names the offset, where SQLite would leave out a commit that had been
// synced: a later transaction was written behind it. Damage of the last transaction looks like a
// torn one. Relies on PRAGMA cache_spill = OFF: nothing is written but whole transactions.
Result<LogContent> check_log(FileSystem& fs, const std::string& path);

}  // namespace insula::sqlite
