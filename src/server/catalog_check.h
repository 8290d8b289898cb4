// Whether the catalog belongs to the journal beside it. A catalog that is missing, or was put back
// from an earlier day, does not name what has happened since: files that it does not know would be
// removed, and records of sources that it does not know read over.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::server {

// Before the catalog is opened, which would make a new one: data_loss if there is a journal and no
// catalog in the file.
Status check_catalog_present(FileSystem& fs, const std::string& catalog_path,
                             const std::string& journal_path);
// `next` is a stream's id that the catalog has just given out: data_loss if the journal has that
// stream or a later one, since ids are never given out twice.
Status check_catalog_age(FileSystem& fs, const std::string& journal_path, StreamId next);

}  // namespace insula::server
