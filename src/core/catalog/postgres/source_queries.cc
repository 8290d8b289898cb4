#include "core/catalog/postgres/source_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "core/catalog/codec.h"
#include "core/catalog/postgres/postgres_catalog.h"
#include "core/catalog/postgres/stored_text.h"
#include "core/catalog/refusals.h"

namespace insula::catalog::queries {
namespace {

using postgres::Parameters;
using postgres::Statement;

constexpr std::string_view kRequirementFailed = "IN001";

constexpr Statement kSelectSources{
    .name = "select_sources",
    .sql =
        "SELECT incarnation, source_id, name, connection_string, data_path, partition_columns,"
        " index_columns, compression, max_file_bytes, wal_enabled, flushed_stream,"
        " flushed_position, last_generation, next_row_id, created_at, last_flush_at"
        " FROM sources WHERE tenant = $1 ORDER BY source_id"};
constexpr Statement kSelectColumns{
    .name = "select_columns",
    .sql =
        "SELECT c.incarnation, c.column_id, c.path, c.name, c.type, c.declared,"
        " c.exact_in_double FROM sources s JOIN source_columns c USING (incarnation)"
        " WHERE s.tenant = $1 ORDER BY c.incarnation, c.column_id"};
constexpr Statement kSelectFiles{
    .name = "select_files",
    .sql =
        "SELECT f.incarnation, f.file_id, f.epoch, f.generation, f.part, f.rows,"
        " f.content_bytes, f.stored_bytes, f.raw_bytes, f.zones, f.origin"
        " FROM sources s JOIN files f USING (incarnation)"
        " WHERE s.tenant = $1 ORDER BY f.incarnation, f.file_id"};

constexpr Statement kInsertSource{
    .name = "insert_source",
    .sql =
        "INSERT INTO sources (incarnation, tenant, source_id, name, connection_string,"
        " data_path, partition_columns, index_columns, compression, max_file_bytes, wal_enabled,"
        " flushed_stream, flushed_position, last_generation, next_row_id, idempotency_keys,"
        " created_at, last_flush_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
        " $13, $14, $15, 0, $16, $17)"};
constexpr Statement kUpsertColumns{
    .name = "upsert_columns",
    .sql =
        "INSERT INTO source_columns (incarnation, column_id, path, name, type, declared,"
        " exact_in_double) SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (incarnation, column_id) DO UPDATE SET path = excluded.path,"
        " name = excluded.name, type = excluded.type, declared = excluded.declared,"
        " exact_in_double = excluded.exact_in_double"};

// Locks the row, so that commits to the source are over before its files are looked at.
constexpr Statement kLockSource{
    .name = "lock_source",
    .sql =
        "WITH found AS (SELECT FROM sources WHERE incarnation = $1 AND tenant = $2 FOR UPDATE)"
        " SELECT catalog_require(EXISTS (SELECT FROM found), 'source_removed')"};
constexpr Statement kMoveAllFiles{
    .name = "move_all_files",
    .sql =
        "WITH gone AS (DELETE FROM files WHERE incarnation = $1"
        "  RETURNING file_id, epoch, generation, part)"
        " INSERT INTO garbage (file_id, tenant, incarnation, epoch, generation, part, since)"
        " SELECT file_id, $2, $1, epoch, generation, part, $3 FROM gone"};
constexpr Statement kDeleteSource{.name = "delete_source",
                                  .sql = "DELETE FROM sources WHERE incarnation = $1"};

constexpr Statement kLockTenant{.name = "lock_tenant",
                                .sql = "SELECT epoch FROM tenants WHERE tenant = $1 FOR SHARE"};
// $3 says whether $4 and $5, the position, and $8, the time, are given.
constexpr Statement kRaiseProgress{
    .name = "raise_progress",
    .sql =
        "WITH raised AS (UPDATE sources SET"
        "  flushed_stream = CASE WHEN $3 AND (flushed_stream, flushed_position) < ($4, $5)"
        "   THEN $4 ELSE flushed_stream END,"
        "  flushed_position = CASE WHEN $3 AND (flushed_stream, flushed_position) < ($4, $5)"
        "   THEN $5 ELSE flushed_position END,"
        "  last_generation = greatest(last_generation, $6),"
        "  next_row_id = greatest(next_row_id, $7),"
        "  last_flush_at = CASE WHEN $3 THEN greatest(last_flush_at, $8) ELSE last_flush_at END"
        "  WHERE incarnation = $1 AND tenant = $2 RETURNING 1)"
        " SELECT catalog_require(EXISTS (SELECT FROM raised), 'source_removed')"};
constexpr Statement kRequireEpoch{
    .name = "require_epoch",
    .sql =
        "SELECT catalog_require((SELECT epoch FROM tenants WHERE tenant = $1) = $2,"
        " 'stale_epoch')"};
constexpr Statement kMoveFiles{
    .name = "move_files",
    .sql =
        "WITH gone AS (DELETE FROM files WHERE incarnation = $1 AND file_id = ANY ($3)"
        "  RETURNING file_id, epoch, generation, part),"
        " kept AS (INSERT INTO garbage (file_id, tenant, incarnation, epoch, generation, part,"
        "   since) SELECT file_id, $2, $1, epoch, generation, part, $5 FROM gone)"
        " SELECT catalog_require((SELECT count(*) FROM gone) = $4, 'file_removed')"};
constexpr Statement kRequireNoGarbage{
    .name = "require_no_garbage",
    .sql =
        "SELECT catalog_require(NOT EXISTS (SELECT FROM garbage WHERE file_id = ANY ($2))"
        " AND NOT EXISTS (SELECT FROM unnest($3, $4, $5) AS n (epoch, generation, part)"
        "  JOIN garbage g USING (epoch, generation, part) WHERE g.incarnation = $1),"
        " 'file_exists')"};
constexpr Statement kInsertFiles{
    .name = "insert_files",
    .sql =
        "INSERT INTO files (incarnation, file_id, epoch, generation, part, rows, content_bytes,"
        " stored_bytes, raw_bytes, zones, origin)"
        " SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

constexpr Statement kSelectIdempotency{
    .name = "select_idempotency",
    .sql =
        "SELECT key, body_hash, rows, stream, position, created_at FROM idempotency"
        " WHERE incarnation = $1 AND created_at > $2 ORDER BY created_at, stream, position"};
// $2: created so early that it has left the window; $3: replaced; $4: how many come.
constexpr Statement kDropKeys{
    .name = "drop_keys",
    .sql =
        "WITH gone AS (DELETE FROM idempotency WHERE incarnation = $1"
        "  AND (created_at <= $2 OR key = ANY ($3)) RETURNING 1)"
        " UPDATE sources SET idempotency_keys ="
        "  idempotency_keys - (SELECT count(*) FROM gone) + $4"
        " WHERE incarnation = $1 AND ($4 > 0 OR EXISTS (SELECT FROM gone))"};
constexpr Statement kInsertKeys{
    .name = "insert_keys",
    .sql =
        "INSERT INTO idempotency (incarnation, key, body_hash, rows, stream, position,"
        " created_at) SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7)"};
constexpr Statement kEvictKeys{
    .name = "evict_keys",
    .sql =
        "WITH gone AS (DELETE FROM idempotency WHERE incarnation = $1 AND key IN"
        "  (SELECT key FROM idempotency WHERE incarnation = $1"
        "   ORDER BY created_at, stream, position LIMIT greatest(0,"
        "    (SELECT idempotency_keys FROM sources WHERE incarnation = $1) - $2)) RETURNING 1)"
        " UPDATE sources SET idempotency_keys = idempotency_keys - (SELECT count(*) FROM gone)"
        " WHERE incarnation = $1 AND EXISTS (SELECT FROM gone)"};

Error place(const Error& error, std::string_view what, uint64_t id) {
    return error.with_detail(fmt::format("{} {}", what, id));
}

std::string name_in(const Rows& rows, int row, int column) {
    return from_stored_text(rows.text(row, column));
}

Result<Source> source_in(const TenantId& tenant, const Rows& rows, int row) {
    Source source;
    source.incarnation.value = rows.uint64(row, 0);
    source.tenant = tenant;
    source.source_id = name_in(rows, row, 1);
    source.options.name = name_in(rows, row, 2);
    source.options.connection_string = name_in(rows, row, 3);
    source.options.data_path = name_in(rows, row, 4);
    ASSIGN_OR_RETURN(source.options.partition_columns, decode_text_list(rows.bytea(row, 5)));
    ASSIGN_OR_RETURN(source.options.index_columns, decode_text_list(rows.bytea(row, 6)));
    source.options.compression = name_in(rows, row, 7);
    source.options.max_file_bytes = rows.uint64(row, 8);
    source.options.wal_enabled = rows.boolean(row, 9);
    source.flushed_lsn = {StreamId{rows.uint64(row, 10)}, rows.uint64(row, 11)};
    source.last_generation.value = rows.uint64(row, 12);
    source.next_row_id = rows.uint64(row, 13);
    source.created_at = rows.int64(row, 14);
    source.last_flush_at = rows.int64(row, 15);
    return source;
}

Result<Column> column_in(const Rows& rows, int row) {
    Column column;
    column.id.value = rows.uint64(row, 1);
    ASSIGN_OR_RETURN(column.path, decode_text_list(rows.bytea(row, 2)));
    column.name = name_in(rows, row, 3);
    ASSIGN_OR_RETURN(column.type, decode_column_type(rows.uint64(row, 4)));
    column.declared = rows.boolean(row, 5);
    column.exact_in_double = rows.boolean(row, 6);
    return column;
}

Result<DataFile> file_in(const Rows& rows, int row) {
    DataFile file;
    file.id.value = rows.uint64(row, 1);
    file.epoch.value = rows.uint64(row, 2);
    file.generation.value = rows.uint64(row, 3);
    file.part = static_cast<uint32_t>(rows.uint64(row, 4));
    file.rows = rows.uint64(row, 5);
    file.content_bytes = rows.uint64(row, 6);
    file.stored_bytes = rows.uint64(row, 7);
    file.raw_bytes = rows.uint64(row, 8);
    ASSIGN_OR_RETURN(file.zones, decode_zones(file.id, rows.bytea(row, 9)));
    file.origin = as_text(rows.bytea(row, 10));
    return file;
}

// One member of many values, as an array.
template <class Value, class Read>
std::vector<int64_t> numbers(std::span<const Value> values, Read read) {
    std::vector<int64_t> numbers;
    numbers.reserve(values.size());
    for (const Value& value : values) numbers.push_back(static_cast<int64_t>(read(value)));
    return numbers;
}
template <class Value, class Read>
std::vector<std::string> texts(std::span<const Value> values, Read read) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (const Value& value : values) texts.push_back(read(value));
    return texts;
}

Error node_exists() {
    return {Code::failed_precondition, kOtherNodeReason,
            "The catalog belongs to another node, which keeps its data elsewhere."};
}

}  // namespace

std::optional<Error> refusal_of(const postgres::Failure& failure) {
    struct Entry {
        std::string_view word;  // a reason, or the name of a constraint
        Error (*refusal)();
    };
    static constexpr std::array kEntries{
        Entry{"source_removed", source_removed},
        Entry{"stale_epoch", stale_epoch},
        Entry{kNodeFencedReason, node_fenced},
        Entry{"nodes_only_one", node_exists},
        Entry{"file_removed", file_removed},
        Entry{"file_exists", file_exists},
        Entry{"tenant_unknown", tenant_unknown},
        Entry{"tenant_has_sources", tenant_has_sources},
        Entry{"directory_changed", directory_changed},
        Entry{"entry_unknown", entry_unknown},
        Entry{"directory_pkey", entry_exists},
        Entry{"directory_lookup_key", entry_exists},
        Entry{"tenants_pkey", tenant_exists},
        Entry{"tenants_slug_key", tenant_exists},
        Entry{"sources_pkey", source_exists},
        Entry{"sources_source_id_key", source_exists},
        Entry{"files_pkey", file_exists},
        Entry{"files_place_key", file_exists},
        Entry{"sources_tenant_fkey", tenant_unknown},
    };
    const std::string_view word =
        failure.sqlstate == kRequirementFailed ? failure.message : failure.constraint;
    const auto found = std::ranges::find(kEntries, word, &Entry::word);
    if (found == kEntries.end()) return std::nullopt;
    return found->refusal();
}

std::vector<Query> select_sources(const TenantId& tenant) {
    std::vector<Query> queries;
    for (const Statement& statement : {kSelectSources, kSelectColumns, kSelectFiles}) {
        queries.push_back({statement, std::move(Parameters().uuid(tenant.bytes))});
    }
    return queries;
}

Result<std::vector<Source>> sources_of(const TenantId& tenant, const std::vector<Rows>& rows) {
    const Rows& found = rows.at(0);
    std::vector<Source> sources;
    std::unordered_map<uint64_t, size_t> place_of;
    for (int row = 0; row < found.count(); ++row) {
        auto source = source_in(tenant, found, row);
        if (!source) return fail(place(source.error(), "source", found.uint64(row, 0)));
        place_of.emplace(source->incarnation.value, sources.size());
        sources.push_back(*std::move(source));
    }
    for (int row = 0; row < rows.at(1).count(); ++row) {
        const uint64_t incarnation = rows[1].uint64(row, 0);
        auto column = column_in(rows[1], row);
        if (!column) {
            return fail(place(place(column.error(), "column", rows[1].uint64(row, 1)), "source",
                              incarnation));
        }
        sources[place_of.at(incarnation)].columns.push_back(*std::move(column));
    }
    for (int row = 0; row < rows.at(2).count(); ++row) {
        auto file = file_in(rows[2], row);
        if (!file) return fail(place(file.error(), "file", rows[2].uint64(row, 1)));
        sources[place_of.at(rows[2].uint64(row, 0))].files.push_back(*std::move(file));
    }
    return sources;
}

std::vector<Query> insert_source(const Source& source) {
    const SourceOptions& options = source.options;
    const std::string partition_columns = encode_text_list(options.partition_columns);
    const std::string index_columns = encode_text_list(options.index_columns);
    Parameters parameters;
    parameters.uint64(source.incarnation.value)
        .uuid(source.tenant.bytes)
        .text(to_stored_text(source.source_id))
        .text(to_stored_text(options.name))
        .text(to_stored_text(options.connection_string))
        .text(to_stored_text(options.data_path))
        .bytea(as_bytes(partition_columns))
        .bytea(as_bytes(index_columns))
        .text(to_stored_text(options.compression))
        .uint64(options.max_file_bytes)
        .boolean(options.wal_enabled)
        .uint64(source.flushed_lsn.stream.value)
        .uint64(source.flushed_lsn.position)
        .uint64(source.last_generation.value)
        .uint64(source.next_row_id)
        .int64(source.created_at)
        .int64(source.last_flush_at);
    std::vector<Query> queries{{kInsertSource, std::move(parameters)}};
    if (!source.columns.empty()) {
        queries.push_back(upsert_columns(source.incarnation, source.columns));
    }
    return queries;
}

std::vector<Query> delete_source(const RemoveSource& command, WallNanos now) {
    const uint64_t incarnation = command.incarnation.value;
    return {
        {kLockSource, std::move(Parameters().uint64(incarnation).uuid(command.tenant.bytes))},
        {kMoveAllFiles,
         std::move(Parameters().uint64(incarnation).uuid(command.tenant.bytes).int64(now))},
        {kDeleteSource, std::move(Parameters().uint64(incarnation))},
    };
}

Query lock_tenant(const TenantId& tenant) {
    return {kLockTenant, std::move(Parameters().uuid(tenant.bytes))};
}

Query raise_progress(const CommitFiles& command) {
    const Lsn lsn = command.flushed_lsn.value_or(Lsn{});
    return {kRaiseProgress, std::move(Parameters()
                                          .uint64(command.incarnation.value)
                                          .uuid(command.tenant.bytes)
                                          .boolean(command.flushed_lsn.has_value())
                                          .uint64(lsn.stream.value)
                                          .uint64(lsn.position)
                                          .uint64(command.generation.value)
                                          .uint64(command.next_row_id)
                                          .int64(command.now))};
}

Query require_epoch(const TenantId& tenant, Epoch epoch) {
    return {kRequireEpoch, std::move(Parameters().uuid(tenant.bytes).uint64(epoch.value))};
}

Query move_files_to_garbage(const CommitFiles& command) {
    const std::vector<int64_t> files =
        numbers(std::span(command.remove), [](FileId file) { return file.value; });
    return {kMoveFiles, std::move(Parameters()
                                      .uint64(command.incarnation.value)
                                      .uuid(command.tenant.bytes)
                                      .int64s(files)
                                      .uint64(files.size())
                                      .int64(command.now))};
}

std::vector<Query> insert_files(SourceIncarnation incarnation, std::span<const DataFile> files) {
    const auto ids = numbers(files, [](const DataFile& file) { return file.id.value; });
    const auto epochs = numbers(files, [](const DataFile& file) { return file.epoch.value; });
    const auto generations =
        numbers(files, [](const DataFile& file) { return file.generation.value; });
    const auto parts = numbers(files, [](const DataFile& file) { return file.part; });
    Parameters known;
    known.uint64(incarnation.value).int64s(ids).int64s(epochs).int64s(generations).int64s(parts);
    Parameters rows = known;
    for (const auto member : {&DataFile::rows, &DataFile::content_bytes, &DataFile::stored_bytes,
                              &DataFile::raw_bytes}) {
        rows.int64s(numbers(files, [&](const DataFile& file) { return file.*member; }));
    }
    rows.byteas(
        texts(files, [](const DataFile& file) { return encode_zones(file.id, file.zones); }));
    rows.byteas(texts(files, [](const DataFile& file) { return file.origin; }));
    return {{kRequireNoGarbage, std::move(known)}, {kInsertFiles, std::move(rows)}};
}

Query upsert_columns(SourceIncarnation incarnation, std::span<const Column> columns) {
    std::map<ColumnId, const Column*> by_id;
    for (const Column& column : columns) by_id[column.id] = &column;
    std::vector<int64_t> ids;
    std::vector<std::string> paths;
    std::vector<std::string> names;
    std::vector<int64_t> types;
    std::vector<bool> declared;
    std::vector<bool> exact;
    for (const auto& [id, column] : by_id) {
        ids.push_back(static_cast<int64_t>(id.value));
        paths.push_back(encode_text_list(column->path));
        names.push_back(to_stored_text(column->name));
        types.push_back(static_cast<int64_t>(column->type));
        declared.push_back(column->declared);
        exact.push_back(column->exact_in_double);
    }
    return {kUpsertColumns, std::move(Parameters()
                                          .uint64(incarnation.value)
                                          .int64s(ids)
                                          .byteas(paths)
                                          .texts(names)
                                          .int64s(types)
                                          .booleans(declared)
                                          .booleans(exact))};
}

Query select_idempotency(SourceIncarnation incarnation, WallNanos now) {
    return {kSelectIdempotency,
            std::move(Parameters().uint64(incarnation.value).int64(now - kIdempotencyWindow))};
}

std::vector<IdempotencyEntry> idempotency_of(const Rows& rows) {
    std::vector<IdempotencyEntry> entries;
    for (int row = 0; row < rows.count(); ++row) {
        entries.push_back({.key = name_in(rows, row, 0),
                           .body_hash = rows.uint64(row, 1),
                           .rows = rows.uint64(row, 2),
                           .lsn = {StreamId{rows.uint64(row, 3)}, rows.uint64(row, 4)},
                           .created_at = rows.int64(row, 5)});
    }
    return entries;
}

std::vector<Query> store_idempotency(const CommitFiles& command) {
    const WallNanos expired = command.now - kIdempotencyWindow;
    std::map<std::string_view, const IdempotencyEntry*> last;
    for (const IdempotencyEntry& entry : command.idempotency) last[entry.key] = &entry;
    std::vector<std::string> replaced;
    std::vector<const IdempotencyEntry*> entries;
    for (const auto& [key, entry] : last) {
        replaced.push_back(to_stored_text(key));
        if (entry->created_at > expired) entries.push_back(entry);
    }
    const std::span<const IdempotencyEntry* const> kept(entries);
    const auto column = [&](auto read) {
        return numbers(kept, [&](const IdempotencyEntry* entry) { return read(*entry); });
    };
    const uint64_t incarnation = command.incarnation.value;
    std::vector<Query> queries{
        {kDropKeys,
         std::move(
             Parameters().uint64(incarnation).int64(expired).texts(replaced).uint64(kept.size()))}};
    if (kept.empty()) return queries;
    Parameters rows;
    rows.uint64(incarnation)
        .texts(
            texts(kept, [](const IdempotencyEntry* entry) { return to_stored_text(entry->key); }))
        .int64s(column([](const IdempotencyEntry& entry) { return entry.body_hash; }))
        .int64s(column([](const IdempotencyEntry& entry) { return entry.rows; }))
        .int64s(column([](const IdempotencyEntry& entry) { return entry.lsn.stream.value; }))
        .int64s(column([](const IdempotencyEntry& entry) { return entry.lsn.position; }))
        .int64s(column([](const IdempotencyEntry& entry) { return entry.created_at; }));
    queries.push_back({kInsertKeys, std::move(rows)});
    queries.push_back(
        {kEvictKeys, std::move(Parameters().uint64(incarnation).uint64(kIdempotencyKeysMax))});
    return queries;
}

}  // namespace insula::catalog::queries
