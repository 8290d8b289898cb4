// Writes rows of a source as one Parquet file under blob/, durable and not yet named by the
// catalog.
#pragma once

#include <span>
#include <string>

#include "core/catalog/types.h"
#include "platform/engine/engine.h"
#include "platform/fs/file_system.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

struct DataFileTarget {
    std::string data_directory;
    TenantId tenant;
    SourceIncarnation incarnation;
    FileId id;
    Epoch epoch;
    Generation generation;
};

// Rows are sorted by the options' partition and index columns. On failure nothing is left behind
// but perhaps a temporary file, which the next start removes.
Result<catalog::DataFile> write_data_file(FileSystem& fs, engine::Instance& engine,
                                          const DataFileTarget& target, const Schema& schema,
                                          const catalog::SourceOptions& options,
                                          std::span<const ChunkRows> chunks);

}  // namespace insula::tables
