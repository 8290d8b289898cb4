// Rows of a pinned view: chunks are read as they are, files through the engine, each content once.
#include <fmt/format.h>

#include <map>

#include "base/units.h"
#include "stores/tables/columns.h"
#include "stores/tables/tests/store_harness.h"

namespace insula::tables::durability {

namespace {

using json::JsonValue;

Error wrong(std::string what) { return data_loss(std::move(what)); }

Status add_value(const catalog::Column& column, ColumnType type, const std::byte* values,
                 uint32_t row, Leaves& leaves) {
    switch (type) {
        case ColumnType::boolean:
            leaves[column.name] =
                reinterpret_cast<const uint8_t*>(values)[row] != 0 ? "true" : "false";
            return {};
        case ColumnType::int64:
            leaves[column.name] = canonical_number(reinterpret_cast<const int64_t*>(values)[row]);
            return {};
        case ColumnType::float64:
            leaves[column.name] = canonical_number(reinterpret_cast<const double*>(values)[row]);
            return {};
        case ColumnType::string: {
            const auto text = reinterpret_cast<const StringRef*>(values)[row].view();
            leaves[column.name] = JsonValue(std::string(text)).text();
            return {};
        }
        case ColumnType::json: {
            const auto text = reinterpret_cast<const StringRef*>(values)[row].view();
            ASSIGN_OR_RETURN(const JsonValue value, JsonValue::parse(text));
            add_leaves(value, column.id == kRestColumn ? "" : column.name, leaves);
            return {};
        }
        default:
            return fail(wrong("no document holds a column of this type: " + column.name));
    }
}

const catalog::Column& rest_column() {
    static const catalog::Column column{.id = kRestColumn,
                                        .path = {kRestColumnName},
                                        .name = kRestColumnName,
                                        .type = ColumnType::json};
    return column;
}

// The column that rows in storage have under `id`; an error if the schema could not read them.
Result<const catalog::Column*> known_column(const Schema& schema, ColumnId id, ColumnType stored) {
    if (id == kRestColumn) return &rest_column();
    const uint32_t index = schema.find_id(id);
    if (index == Schema::kNone) {
        return fail(
            wrong(fmt::format("rows have column {}, which the schema does not know", id.value)));
    }
    const catalog::Column& column = schema.column(index);
    const bool widened = stored == ColumnType::int64 && column.type == ColumnType::float64;
    if (column.type == stored || widened) return &column;
    return fail(
        wrong(fmt::format("rows have {} in column {}, which is {} in the schema",
                          column_type_name(stored), column.name, column_type_name(column.type))));
}

Status read_chunk(const Schema& schema, const ChunkRows& rows, std::vector<FoundRow>& found) {
    const size_t first = found.size();
    for (uint32_t row = 0; row < rows.rows; ++row) found.push_back({rows.first_row_id + row, {}});
    for (const ChunkColumn& stored : rows.chunk->columns()) {
        ASSIGN_OR_RETURN(const catalog::Column* column,
                         known_column(schema, stored.id, stored.type));
        for (uint32_t row = 0; row < rows.rows; ++row) {
            if (stored.valid[row] == 0) continue;
            RETURN_IF_ERROR(
                add_value(*column, stored.type, stored.data, row, found[first + row].leaves));
        }
    }
    return {};
}

Result<std::vector<FoundRow>> query_file(const SourceView& view, const FileEntry& file) {
    // The engine caches by id, and files of different disks have the same ones.
    static uint64_t next_id = uint64_t{1} << 40;
    engine::Scan scan;
    std::vector<const catalog::Column*> columns;
    for (const catalog::Column& column : view.schema->columns()) columns.push_back(&column);
    columns.push_back(&rest_column());
    for (const auto* column : columns)
        scan.columns.push_back({column->id, column->name, column->type});
    scan.files.push_back({FileId{next_id++}, file.file});
    engine::Query query{.sql = "SELECT * FROM scan_0"};
    query.scans.push_back(std::move(scan));

    ASSIGN_OR_RETURN(const auto engine, shared_engines().maintenance());
    ASSIGN_OR_RETURN(const auto stream,
                     engine->query(std::move(query), Deadline::never(), CancelToken()));
    std::vector<FoundRow> found;
    engine::ResultBatch batch;
    for (;;) {
        ASSIGN_OR_RETURN(const bool more, stream->next(batch));
        if (!more) return found;
        for (uint32_t row = 0; row < batch.rows; ++row) {
            FoundRow& out = found.emplace_back();
            out.row_id = static_cast<uint64_t>(batch.columns.back().values<int64_t>()[row]);
            for (size_t i = 0; i < columns.size(); ++i) {
                if (!batch.columns[i].valid(row)) continue;
                RETURN_IF_ERROR(add_value(*columns[i], columns[i]->type, batch.columns[i].data, row,
                                          out.leaves));
            }
        }
    }
}

// Files with the same bytes hold the same rows, and most restarts find the files that others found.
Result<std::vector<FoundRow>> read_file(const SourceView& view, const FileEntry& file) {
    constexpr size_t kFilesKept = 4096;
    static std::map<std::string, std::vector<FoundRow>> known;
    for (const catalog::Zone& zone : file.meta.zones) {
        ASSIGN_OR_RETURN([[maybe_unused]] const catalog::Column* column,
                         known_column(*view.schema, zone.column, zone.type));
    }
    std::string key(file.meta.content_bytes, '\0');
    ASSIGN_OR_RETURN(const size_t bytes,
                     file.file->read_at(std::as_writable_bytes(std::span(key)), 0));
    if (bytes != key.size()) return fail(wrong("a file ends early"));
    for (const catalog::Column& column : view.schema->columns()) {
        key +=
            fmt::format("|{} {} {}", column.id.value, static_cast<int>(column.type), column.name);
    }
    if (const auto at = known.find(key); at != known.end()) return at->second;
    ASSIGN_OR_RETURN(auto rows, query_file(view, file));
    if (known.size() > kFilesKept) known.clear();
    known.emplace(std::move(key), rows);
    return rows;
}

}  // namespace

Result<std::vector<FoundRow>> read_rows(const SourceView& view) {
    std::vector<FoundRow> found;
    for (const FileEntry& file : *view.files) {
        ASSIGN_OR_RETURN(auto rows, read_file(view, file));
        if (rows.size() != file.meta.rows) {
            return fail(wrong(fmt::format("file {} holds {} rows, the catalog says {}",
                                          file.meta.id.value, rows.size(), file.meta.rows)));
        }
        found.insert(found.end(), std::make_move_iterator(rows.begin()),
                     std::make_move_iterator(rows.end()));
    }
    for (const ChunkRows& rows : view.chunks)
        RETURN_IF_ERROR(read_chunk(*view.schema, rows, found));
    return found;
}

}  // namespace insula::tables::durability
