// What an attached source shows once the commit that says so is known to be carried out. Used by
// the thread that holds the attachment's lock.
#pragma once

#include <vector>

#include "core/catalog/catalog.h"
#include "stores/tables/attached/discovery.h"
#include "stores/tables/files/stored_file.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

struct Adoption {
    catalog::CommitFiles command;
    SchemaPtr schema;
    AttachedPlace place;
    std::vector<catalog::DataFile> files;  // all that the source has
    FileSet entries;                       // of them
    bool in_doubt = false;                 // the commit may have been carried out
};

}  // namespace insula::tables
