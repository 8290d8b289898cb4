// The rows of sources, their columns and their files in control.db. Callers hold the catalog's
// mutex; what writes runs inside their transaction.
#pragma once

#include <span>
#include <vector>

#include "core/catalog/catalog.h"
#include "platform/sqlite/database.h"

namespace insula::catalog {

// All living sources of a tenant, by source_id; columns and files by id. Three queries, however
// many there are.
Result<std::vector<Source>> load_sources(sqlite::Database& database, const TenantId& tenant);

Status insert_source(sqlite::Database& database, const Source& source);
Status upsert_columns(sqlite::Database& database, SourceIncarnation incarnation,
                      std::span<const Column> columns);
// already_exists "file_exists" if the id or the place {epoch, generation, part} is taken, also by
// garbage.
Status insert_files(sqlite::Database& database, SourceIncarnation incarnation,
                    std::span<const DataFile> files);
// failed_precondition "file_removed" if the source has no such file.
Status move_files_to_garbage(sqlite::Database& database, const TenantId& tenant,
                             SourceIncarnation incarnation, std::span<const FileId> files,
                             WallNanos now);
Status move_all_files_to_garbage(sqlite::Database& database, const TenantId& tenant,
                                 SourceIncarnation incarnation, WallNanos now);

}  // namespace insula::catalog
