#include "stores/tables/files/flush_writer.h"

#include <algorithm>

#include "core/catalog/catalog.h"
#include "platform/runtime/log.h"
#include "stores/tables/files/data_file_writer.h"
#include "stores/tables/files/file_cuts.h"

namespace insula::tables {

namespace {

// Files come out as large as earlier ones let expect, more or less: room for the more. What is too
// large all the same is written anew in parts.
constexpr double kExpectedShare = 0.85;

// Ids of columns of these names, each once; names that are no column of the source are left out
// until there is one.
void add_keys(const Schema& schema, const std::vector<std::string>& names,
              std::vector<ColumnId>& keys) {
    for (const std::string& name : names) {
        const uint32_t column = schema.find_name(name);
        if (column == Schema::kNone) continue;
        const ColumnId id = schema.column(column).id;
        if (std::ranges::find(keys, id) == keys.end()) keys.push_back(id);
    }
}

std::vector<ColumnId> keys_of(const Schema& schema, const catalog::SourceOptions& options,
                              size_t& partition_keys) {
    std::vector<ColumnId> keys;
    add_keys(schema, options.partition_columns, keys);
    partition_keys = keys.size();
    add_keys(schema, options.index_columns, keys);
    return keys;
}

}  // namespace

FlushWriter::FlushWriter(FileSystem& fs, engine::Instance& engine, const FlushTarget& target,
                         const Schema& schema, const catalog::SourceOptions& options,
                         std::span<const ChunkRows> chunks)
    : fs_(fs),
      engine_(engine),
      target_(target),
      schema_(schema),
      options_(options),
      keys_(keys_of(schema, options, partition_keys_)),
      order_(chunks, keys_) {
    for (const ChunkRows& rows : chunks) {
        raw_bytes_ += rows.chunk->bytes() * rows.rows / std::max(1u, rows.chunk->rows());
    }
}

Result<std::vector<catalog::DataFile>> FlushWriter::write(const FlushSizes& sizes) {
    uint64_t begin = 0;
    for (const uint64_t rows : cut(sizes)) {
        if (const Status written = write_rows(begin, begin + rows); !written) {
            remove_files();
            return fail(written.error());
        }
        begin += rows;
    }
    return std::move(files_);
}

std::vector<uint64_t> FlushWriter::cut(const FlushSizes& sizes) {
    const double expected =
        static_cast<double>(options_.max_file_bytes) * kExpectedShare / sizes.stored_share;
    FileCutLimits limits{.bytes_min = sizes.partition_file_bytes,
                         .bytes_max = static_cast<uint64_t>(std::max(expected, 1.0)),
                         .files_max = sizes.partition_files_max};
    if (!keys_.empty()) limits.bytes_max = std::min(limits.bytes_max, kCopiedBytesMax);
    limits.bytes_max = std::max(limits.bytes_max, raw_bytes_ / kFlushFilesMax);

    std::vector<RowRun> runs;
    if (partition_keys_ == 0 || raw_bytes_ <= limits.bytes_min) {
        runs.push_back({.rows = order_.rows(), .bytes = raw_bytes_});
        return cut_files(runs, limits);
    }
    const std::vector<uint32_t> row_bytes = order_.row_bytes();
    bytes_before_.reserve(row_bytes.size() + 1);
    bytes_before_.push_back(0);
    for (const uint32_t bytes : row_bytes) bytes_before_.push_back(bytes_before_.back() + bytes);
    for (uint64_t place = 0, begin = 0; place < order_.rows(); ++place) {
        const bool ends =
            place + 1 == order_.rows() || !order_.equal(place, place + 1, partition_keys_);
        if (!ends) continue;
        runs.push_back({.rows = place + 1 - begin, .bytes = raw_bytes(begin, place + 1)});
        begin = place + 1;
    }
    return cut_files(runs, limits);
}

uint64_t FlushWriter::raw_bytes(uint64_t begin, uint64_t end) const {
    const auto part = static_cast<double>(
        bytes_before_.empty() ? end - begin : bytes_before_[end] - bytes_before_[begin]);
    const auto all =
        static_cast<double>(bytes_before_.empty() ? order_.rows() : bytes_before_.back());
    return static_cast<uint64_t>(static_cast<double>(raw_bytes_) * part / std::max(all, 1.0));
}

Status FlushWriter::write_rows(uint64_t begin, uint64_t end) {
    ASSIGN_OR_RETURN(const FileId id, target_.next_file_id());
    // Rows that are too large one by one are in files one by one.
    const bool may_part = end - begin > 1 && files_.size() < kFlushFilesMax;
    const DataFileTarget target{
        .data_directory = target_.data_directory,
        .tenant = target_.tenant,
        .incarnation = target_.incarnation,
        .id = id,
        .epoch = target_.epoch,
        .generation = target_.generation,
        .part = static_cast<uint32_t>(files_.size()),
        .content_bytes_max = may_part ? options_.max_file_bytes : UINT64_MAX};
    ASSIGN_OR_RETURN(WrittenFile written, write_data_file(fs_, engine_, target, schema_, options_,
                                                          order_.rows_at(begin, end)));
    if (!written.kept) {
        const double times = static_cast<double>(written.file.content_bytes) /
                             static_cast<double>(options_.max_file_bytes) / kExpectedShare;
        return write_parts(begin, end, static_cast<uint64_t>(times) + 1);
    }
    written.file.raw_bytes = raw_bytes(begin, end);
    files_.push_back(std::move(written.file));
    return {};
}

Status FlushWriter::write_parts(uint64_t begin, uint64_t end, uint64_t parts) {
    const uint64_t rows = end - begin;
    parts = std::clamp<uint64_t>(parts, 2, rows);
    for (uint64_t part = 0; part < parts; ++part) {
        RETURN_IF_ERROR(write_rows(begin + rows * part / parts, begin + rows * (part + 1) / parts));
    }
    return {};
}

void FlushWriter::remove_files() {
    for (const catalog::DataFile& file : files_) {
        const std::string path = catalog::file_path(target_.tenant, target_.incarnation, file);
        // What cannot be removed now has no name in the catalog, and goes at the next start.
        if (const Status removed = fs_.remove(target_.data_directory + "/" + path); !removed) {
            log::warn("file of a failed flush not removed",
                      {{"file", path}, {"error", removed.error().describe()}});
        }
    }
}

}  // namespace insula::tables
