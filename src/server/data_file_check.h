// One data file against what the catalog says of it: that it is there, its length, the checksum of
// every frame, and, with an engine, its rows. What `insula verify` and the scrub share. Works on a
// file in use, which never changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/catalog/catalog.h"
#include "platform/blob/blob_check.h"
#include "platform/engine/engine.h"
#include "platform/fs/file_system.h"
#include "stores/tables/files/content_check.h"
#include "stores/tables/files/stored_file.h"

namespace insula::server {

struct Finding {
    // note: worth knowing, and no damage: a file that nothing names, a torn tail.
    enum class Severity : uint8_t { damage, note } severity = Severity::damage;
    std::string file;                // below the data directory
    std::optional<uint64_t> offset;  // in it
    uint64_t bytes = 0;              // from there on that cannot be told apart, if known
    std::string what;
};

struct DataFileReport {
    std::vector<Finding> findings;
    uint64_t rows = 0;  // counted, if there was an engine and nothing else was wrong
};

struct DataFileChecker {
    FileSystem& fs;
    tables::OpenFiles& open_files;
    const std::string& data_directory;
    engine::Instance* engine = nullptr;  // null: the rows are not read

    // `row_ids` are those of the source's other files, and becomes theirs and this one's. Fails
    // where the check cannot go on: with the error of `on_read`, or where the disk cannot be read.
    Result<DataFileReport> check(const catalog::Source& source, const catalog::DataFile& file,
                                 tables::RowIdSet& row_ids, const blob::OnRead& on_read) const;
};

}  // namespace insula::server
