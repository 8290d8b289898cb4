// FlushWriter: the rows of one flush, or of one direct write, as data files: in the order of the
// source's partition and index columns, cut where the partition changes and where a file would
// become too large. Used once, by one thread.
//
// The files are durable and not yet named by the catalog: all of them, or none.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/catalog/types.h"
#include "platform/engine/engine.h"
#include "platform/fs/file_system.h"
#include "stores/tables/files/row_order.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

// A flush makes no more files than these, even if they become larger than the source's option
// says.
inline constexpr size_t kFlushFilesMax = 1024;
// Rows that do not stay where they are in their chunks are copied: at most so much at a time.
inline constexpr uint64_t kCopiedBytesMax = 256ull << 20;

struct FlushTarget {
    std::string data_directory;
    TenantId tenant;
    SourceIncarnation incarnation;
    Epoch epoch;
    Generation generation;
    std::function<Result<FileId>()> next_file_id;
};

struct FlushSizes {
    uint64_t partition_file_bytes = 0;  // as FileCutLimits::bytes_min
    size_t partition_files_max = SIZE_MAX;
    // Parquet bytes for a byte in memory, as far as earlier files of the source tell.
    double stored_share = 1;
};

class FlushWriter {
  public:
    // Everything must outlive the writer.
    FlushWriter(FileSystem& fs, engine::Instance& engine, const FlushTarget& target,
                const Schema& schema, const catalog::SourceOptions& options,
                std::span<const ChunkRows> chunks);

    Result<std::vector<catalog::DataFile>> write(const FlushSizes& sizes);

  private:
    std::vector<uint64_t> cut(const FlushSizes& sizes);
    uint64_t raw_bytes(uint64_t begin, uint64_t end) const;
    Status write_rows(uint64_t begin, uint64_t end);
    Status write_parts(uint64_t begin, uint64_t end, uint64_t parts);
    void remove_files();

    FileSystem& fs_;
    engine::Instance& engine_;
    const FlushTarget& target_;
    const Schema& schema_;
    const catalog::SourceOptions& options_;
    size_t partition_keys_ = 0;
    std::vector<ColumnId> keys_;
    RowOrder order_;
    uint64_t raw_bytes_ = 0;
    std::vector<uint64_t> bytes_before_;  // each place; empty: all rows count the same
    std::vector<catalog::DataFile> files_;
};

}  // namespace insula::tables
