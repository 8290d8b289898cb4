#include "stores/tables/files/data_file_writer.h"

#include <algorithm>
#include <unordered_set>

#include "core/catalog/catalog.h"
#include "platform/blob/blob_file.h"
#include "stores/tables/columns.h"
#include "stores/tables/files/zones.h"

namespace insula::tables {

namespace {

class BlobSink final : public engine::WritableFile {
  public:
    explicit BlobSink(blob::BlobWriter& writer) : writer_(writer) {}
    Status append(Bytes data) override { return writer_.append(data); }

  private:
    blob::BlobWriter& writer_;
};

engine::ParquetOptions parquet_options(const catalog::SourceOptions& options) {
    using Compression = engine::ParquetOptions::Compression;
    engine::ParquetOptions parquet;
    if (options.compression == "none") parquet.compression = Compression::none;
    if (options.compression == "snappy") parquet.compression = Compression::snappy;
    if (options.compression == "lz4") parquet.compression = Compression::lz4;
    if (options.compression == "gzip") parquet.compression = Compression::gzip;
    return parquet;
}

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
    return text;
}

// The columns that some row has. Parquet readers tell names apart without case, so a second "Name"
// beside "name" gets its id as a suffix; our own scans go by field id and do not care.
std::vector<catalog::Column> present_columns(const Schema& schema,
                                             std::span<const ChunkRows> chunks) {
    std::unordered_set<ColumnId> present;
    for (const ChunkRows& rows : chunks) {
        for (const ChunkColumn& column : rows.chunk->columns()) present.insert(column.id);
    }
    std::vector<catalog::Column> columns;
    for (const catalog::Column& column : schema.columns()) {
        if (present.contains(column.id)) columns.push_back(column);
    }
    if (present.contains(kRestColumn)) {
        columns.push_back({.id = kRestColumn,
                           .path = {kRestColumnName},
                           .name = kRestColumnName,
                           .type = ColumnType::json});
    }
    return columns;
}

engine::Scan scan_of(std::span<const catalog::Column> columns, std::span<const ChunkRows> chunks) {
    engine::Scan scan;
    std::unordered_set<std::string> names;
    for (const catalog::Column& column : columns) {
        std::string name = column.name;
        if (!names.insert(lower_case(name)).second) name += "#" + std::to_string(column.id.value);
        scan.columns.push_back({column.id, std::move(name), column.type});
    }
    scan.chunks.assign(chunks.begin(), chunks.end());
    return scan;
}

// The engine speaks of queries; who writes rows has asked for none.
Error told_of_rows(const Error& error) {
    if (error.reason() != engine::kQueryMemoryReason) return error;
    return Error(Code::resource_exhausted, "memory_exhausted",
                 "The memory for writing rows into a file is in use.")
        .with_hint("Retry after a moment, with fewer rows or smaller values at once.")
        .with_detail(error.describe());
}

}  // namespace

Result<WrittenFile> write_data_file(FileSystem& fs, engine::Instance& engine,
                                    const DataFileTarget& target, const Schema& schema,
                                    const catalog::SourceOptions& options,
                                    std::span<const ChunkRows> chunks) {
    WrittenFile written{.file = {.id = target.id,
                                 .epoch = target.epoch,
                                 .generation = target.generation,
                                 .part = target.part}};
    catalog::DataFile& file = written.file;
    for (const ChunkRows& rows : chunks) file.rows += rows.rows;
    const std::vector<catalog::Column> columns = present_columns(schema, chunks);
    file.zones = compute_zones(columns, chunks);

    const std::string& root = target.data_directory;
    RETURN_IF_ERROR(create_directories(
        fs, root + "/" + catalog::source_directory(target.tenant, target.incarnation)));
    ASSIGN_OR_RETURN(
        auto writer,
        blob::BlobWriter::create(
            fs, root + "/tmp/" + std::to_string(target.id.value) + ".parquet",
            root + "/" + catalog::file_path(target.tenant, target.incarnation, file), target.id));
    BlobSink sink(*writer);
    const auto stats = engine.write_parquet(scan_of(columns, chunks), parquet_options(options),
                                            sink, Deadline::never(), CancelToken());
    if (!stats) return fail(told_of_rows(stats.error()));
    if (stats->rows != file.rows) {
        return fail(internal_error("the engine wrote " + std::to_string(stats->rows) + " of " +
                                   std::to_string(file.rows) + " rows"));
    }
    file.content_bytes = writer->content_bytes();
    written.kept = file.content_bytes <= target.content_bytes_max;
    if (!written.kept) return written;
    ASSIGN_OR_RETURN(file.stored_bytes, writer->finish());
    return written;
}

}  // namespace insula::tables
