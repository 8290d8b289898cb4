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
    uint32_t part = 0;
    uint64_t content_bytes_max = UINT64_MAX;
};

// A file of more than content_bytes_max is not kept: its size is all that is left of it.
struct WrittenFile {
    catalog::DataFile file;  // without raw_bytes
    bool kept = true;
};

// Rows stand in the file in the order of `chunks`. On failure nothing is left behind but perhaps a
// temporary file, which the next start removes.
Result<WrittenFile> write_data_file(FileSystem& fs, engine::Instance& engine,
                                    const DataFileTarget& target, const Schema& schema,
                                    const catalog::SourceOptions& options,
                                    std::span<const ChunkRows> chunks);

}  // namespace insula::tables
