#include "core/catalog/sqlite/source_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/catalog/codec.h"
#include "core/catalog/refusals.h"

namespace insula::catalog {
namespace {

using sqlite::Database;
using sqlite::Statement;

using SourceByIncarnation = std::unordered_map<uint64_t, Source*>;

Error place(const Error& error, std::string_view what, uint64_t id) {
    return error.with_detail(fmt::format("{} {}", what, id));
}

Result<Source> read_source(const Statement& row, const TenantId& tenant) {
    Source source;
    source.incarnation.value = row.uint64(0);
    source.tenant = tenant;
    source.source_id = row.text(1);
    source.options.name = row.text(2);
    source.options.connection_string = row.text(3);
    source.options.data_path = row.text(4);
    ASSIGN_OR_RETURN(source.options.partition_columns, decode_text_list(row.blob(5)));
    ASSIGN_OR_RETURN(source.options.index_columns, decode_text_list(row.blob(6)));
    source.options.compression = row.text(7);
    source.options.max_file_bytes = row.uint64(8);
    source.options.wal_enabled = row.boolean(9);
    source.flushed_lsn = {StreamId{row.uint64(10)}, row.uint64(11)};
    source.last_generation.value = row.uint64(12);
    source.next_row_id = row.uint64(13);
    source.created_at = row.int64(14);
    source.last_flush_at = row.int64(15);
    return source;
}

Result<Column> read_column(const Statement& row) {
    Column column;
    column.id.value = row.uint64(1);
    ASSIGN_OR_RETURN(column.path, decode_text_list(row.blob(2)));
    column.name = row.text(3);
    ASSIGN_OR_RETURN(column.type, decode_column_type(row.uint64(4)));
    column.declared = row.boolean(5);
    column.exact_in_double = row.boolean(6);
    return column;
}

Result<DataFile> read_file(const Statement& row) {
    DataFile file;
    file.id.value = row.uint64(1);
    file.epoch.value = row.uint64(2);
    file.generation.value = row.uint64(3);
    file.part = static_cast<uint32_t>(row.uint64(4));
    file.rows = row.uint64(5);
    file.content_bytes = row.uint64(6);
    file.stored_bytes = row.uint64(7);
    file.raw_bytes = row.uint64(8);
    ASSIGN_OR_RETURN(file.zones, decode_zones(file.id, row.blob(9)));
    file.origin = as_text(row.blob(10));
    return file;
}

Status load_columns(Database& database, const TenantId& tenant, SourceByIncarnation& sources) {
    ASSIGN_OR_RETURN(auto rows,
                     database.prepare("SELECT c.incarnation, c.column_id, c.path, c.name, c.type,"
                                      " c.declared, c.exact_in_double FROM sources s"
                                      " JOIN source_columns c USING (incarnation)"
                                      " WHERE s.tenant = ?"));
    rows.bind(Bytes(std::as_bytes(std::span(tenant.bytes))));
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return {};
        auto column = read_column(rows);
        if (!column) {
            return fail(
                place(place(column.error(), "column", rows.uint64(1)), "source", rows.uint64(0)));
        }
        sources.at(rows.uint64(0))->columns.push_back(*std::move(column));
    }
}

Status load_files(Database& database, const TenantId& tenant, SourceByIncarnation& sources) {
    ASSIGN_OR_RETURN(auto rows,
                     database.prepare("SELECT f.incarnation, f.file_id, f.epoch, f.generation,"
                                      " f.part, f.rows, f.content_bytes, f.stored_bytes,"
                                      " f.raw_bytes, f.zones, f.origin FROM sources s"
                                      " JOIN files f USING (incarnation) WHERE s.tenant = ?"));
    rows.bind(Bytes(std::as_bytes(std::span(tenant.bytes))));
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return {};
        auto file = read_file(rows);
        if (!file) return fail(place(file.error(), "file", rows.uint64(1)));
        sources.at(rows.uint64(0))->files.push_back(*std::move(file));
    }
}

Error named(const Error& error, FileId file) {
    return error.with_detail(fmt::format("file {}", file.value));
}

}  // namespace

Result<std::vector<Source>> load_sources(Database& database, const TenantId& tenant) {
    std::vector<Source> sources;
    {
        ASSIGN_OR_RETURN(
            auto rows,
            database.prepare("SELECT incarnation, source_id, name, connection_string, data_path,"
                             " partition_columns, index_columns, compression, max_file_bytes,"
                             " wal_enabled, flushed_stream, flushed_position, last_generation,"
                             " next_row_id, created_at, last_flush_at"
                             " FROM sources WHERE tenant = ? ORDER BY source_id"));
        rows.bind(Bytes(std::as_bytes(std::span(tenant.bytes))));
        for (;;) {
            ASSIGN_OR_RETURN(const bool row, rows.step());
            if (!row) break;
            auto source = read_source(rows, tenant);
            if (!source) return fail(place(source.error(), "source", rows.uint64(0)));
            sources.push_back(*std::move(source));
        }
    }
    SourceByIncarnation by_incarnation;
    for (Source& source : sources) by_incarnation.emplace(source.incarnation.value, &source);
    RETURN_IF_ERROR(load_columns(database, tenant, by_incarnation));
    RETURN_IF_ERROR(load_files(database, tenant, by_incarnation));
    for (Source& source : sources) {
        std::ranges::sort(source.columns, {}, &Column::id);
        std::ranges::sort(source.files, {}, &DataFile::id);
    }
    return sources;
}

Status insert_source(Database& database, const Source& source) {
    const SourceOptions& options = source.options;
    ASSIGN_OR_RETURN(
        auto insert,
        database.prepare("INSERT INTO sources (incarnation, tenant, source_id, name,"
                         " connection_string, data_path, partition_columns, index_columns,"
                         " compression, max_file_bytes, wal_enabled, flushed_stream,"
                         " flushed_position, last_generation, next_row_id, idempotency_keys,"
                         " created_at, last_flush_at)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"));
    const std::string partition_columns = encode_text_list(options.partition_columns);
    const std::string index_columns = encode_text_list(options.index_columns);
    return insert
        .bind(source.incarnation.value, Bytes(std::as_bytes(std::span(source.tenant.bytes))),
              source.source_id, options.name, options.connection_string, options.data_path,
              as_bytes(partition_columns), as_bytes(index_columns), options.compression,
              options.max_file_bytes, options.wal_enabled, source.flushed_lsn.stream.value,
              source.flushed_lsn.position, source.last_generation.value, source.next_row_id,
              source.created_at, source.last_flush_at)
        .run();
}

Status upsert_columns(Database& database, SourceIncarnation incarnation,
                      std::span<const Column> columns) {
    ASSIGN_OR_RETURN(
        auto upsert,
        database.prepare("INSERT INTO source_columns (incarnation, column_id, path, name, type,"
                         " declared, exact_in_double) VALUES (?, ?, ?, ?, ?, ?, ?)"
                         " ON CONFLICT (incarnation, column_id) DO UPDATE SET path = excluded.path,"
                         " name = excluded.name, type = excluded.type,"
                         " declared = excluded.declared,"
                         " exact_in_double = excluded.exact_in_double"));
    for (const Column& column : columns) {
        const std::string path = encode_text_list(column.path);
        RETURN_IF_ERROR(upsert
                            .bind(incarnation.value, column.id.value, as_bytes(path), column.name,
                                  static_cast<uint8_t>(column.type), column.declared,
                                  column.exact_in_double)
                            .run());
    }
    return {};
}

Status insert_files(Database& database, SourceIncarnation incarnation,
                    std::span<const DataFile> files) {
    ASSIGN_OR_RETURN(auto find_garbage,
                     database.prepare("SELECT 1 FROM garbage WHERE file_id = ?1 OR (incarnation ="
                                      " ?2 AND epoch = ?3 AND generation = ?4 AND part = ?5)"));
    ASSIGN_OR_RETURN(
        auto insert,
        database.prepare("INSERT INTO files (file_id, incarnation, epoch, generation, part, rows,"
                         " content_bytes, stored_bytes, raw_bytes, zones, origin)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    for (const DataFile& file : files) {
        find_garbage.bind(file.id.value, incarnation.value, file.epoch.value, file.generation.value,
                          file.part);
        ASSIGN_OR_RETURN(const bool is_garbage, find_garbage.step());
        if (is_garbage) return fail(named(file_exists(), file.id));
        const std::string zones = encode_zones(file.id, file.zones);
        const auto inserted =
            insert
                .bind(file.id.value, incarnation.value, file.epoch.value, file.generation.value,
                      file.part, file.rows, file.content_bytes, file.stored_bytes, file.raw_bytes,
                      as_bytes(zones), as_bytes(file.origin))
                .run();
        if (inserted) continue;
        if (inserted.error().code() == Code::already_exists)
            return fail(named(file_exists(), file.id));
        return inserted;
    }
    return {};
}

Status move_files_to_garbage(Database& database, const TenantId& tenant,
                             SourceIncarnation incarnation, std::span<const FileId> files,
                             WallNanos now) {
    ASSIGN_OR_RETURN(auto copy,
                     database.prepare("INSERT INTO garbage (file_id, tenant, incarnation, epoch,"
                                      " generation, part, since) SELECT file_id, ?, incarnation,"
                                      " epoch, generation, part, ? FROM files"
                                      " WHERE file_id = ? AND incarnation = ?"));
    ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM files WHERE file_id = ?"));
    const Bytes tenant_bytes = std::as_bytes(std::span(tenant.bytes));
    for (const FileId file : files) {
        RETURN_IF_ERROR(copy.bind(tenant_bytes, now, file.value, incarnation.value).run());
        if (database.changes() != 1) {
            return fail(named(file_removed(), file));
        }
        RETURN_IF_ERROR(remove.bind(file.value).run());
    }
    return {};
}

Status move_all_files_to_garbage(Database& database, const TenantId& tenant,
                                 SourceIncarnation incarnation, WallNanos now) {
    ASSIGN_OR_RETURN(auto copy,
                     database.prepare("INSERT INTO garbage (file_id, tenant, incarnation, epoch,"
                                      " generation, part, since) SELECT file_id, ?, incarnation,"
                                      " epoch, generation, part, ? FROM files"
                                      " WHERE incarnation = ?"));
    const Bytes tenant_bytes = std::as_bytes(std::span(tenant.bytes));
    RETURN_IF_ERROR(copy.bind(tenant_bytes, now, incarnation.value).run());
    ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM files WHERE incarnation = ?"));
    return remove.bind(incarnation.value).run();
}

}  // namespace insula::catalog
