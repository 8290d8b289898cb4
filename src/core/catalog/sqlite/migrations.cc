#include "core/catalog/sqlite/migrations.h"

#include <fmt/format.h>

#include <array>

#include "platform/runtime/fail_point.h"

namespace insula::catalog {
namespace {

constexpr std::string_view kCreateSchemaMigrations = R"sql(
CREATE TABLE schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT)sql";

// Described in docs/formats/catalog.md.
constexpr std::string_view kTenantsSourcesFiles = R"sql(
CREATE TABLE tenants (
    tenant     BLOB PRIMARY KEY CHECK (length(tenant) = 16),
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    incarnation       INTEGER PRIMARY KEY,
    tenant            BLOB NOT NULL REFERENCES tenants (tenant),
    source_id         TEXT NOT NULL,
    name              TEXT NOT NULL,
    connection_string TEXT NOT NULL,
    data_path         TEXT NOT NULL,
    partition_columns BLOB NOT NULL,
    index_columns     BLOB NOT NULL,
    compression       TEXT NOT NULL,
    max_file_bytes    INTEGER NOT NULL,
    wal_enabled       INTEGER NOT NULL,
    flushed_stream    INTEGER NOT NULL,
    flushed_position  INTEGER NOT NULL,
    last_generation   INTEGER NOT NULL,
    next_row_id       INTEGER NOT NULL,
    idempotency_keys  INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    last_flush_at     INTEGER NOT NULL,
    UNIQUE (tenant, source_id)
) STRICT;

CREATE TABLE source_columns (
    incarnation     INTEGER NOT NULL REFERENCES sources (incarnation) ON DELETE CASCADE,
    column_id       INTEGER NOT NULL,
    path            BLOB NOT NULL,
    name            TEXT NOT NULL,
    type            INTEGER NOT NULL,
    declared        INTEGER NOT NULL,
    exact_in_double INTEGER NOT NULL,
    PRIMARY KEY (incarnation, column_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    file_id       INTEGER PRIMARY KEY,
    incarnation   INTEGER NOT NULL REFERENCES sources (incarnation),
    epoch         INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    rows          INTEGER NOT NULL,
    content_bytes INTEGER NOT NULL,
    stored_bytes  INTEGER NOT NULL,
    raw_bytes     INTEGER NOT NULL,
    zones         BLOB NOT NULL,
    UNIQUE (incarnation, epoch, generation, part)
) STRICT;

CREATE TABLE garbage (
    file_id     INTEGER PRIMARY KEY,
    tenant      BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    UNIQUE (incarnation, epoch, generation, part)
) STRICT;

CREATE TABLE idempotency (
    incarnation INTEGER NOT NULL REFERENCES sources (incarnation) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    body_hash   INTEGER NOT NULL,
    rows        INTEGER NOT NULL,
    stream      INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (incarnation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (incarnation, created_at, stream, position);

CREATE TABLE counters (
    kind INTEGER PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::string_view kFileOrigins = R"sql(
ALTER TABLE files ADD COLUMN origin BLOB NOT NULL DEFAULT x''
)sql";

// Tenants of before are active and have nobody in their directories.
constexpr std::string_view kDirectory = R"sql(
ALTER TABLE tenants ADD COLUMN status INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenants ADD COLUMN profile BLOB NOT NULL DEFAULT x'';
ALTER TABLE tenants ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

CREATE TABLE directory (
    tenant   BLOB NOT NULL CHECK (length(tenant) = 16),
    kind     INTEGER NOT NULL,
    name     TEXT NOT NULL,
    lookup   BLOB UNIQUE,
    value    BLOB NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id     BLOB NOT NULL CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    record BLOB NOT NULL
) STRICT;
)sql";

constexpr std::array kMigrations{
    Migration{.version = 1, .name = "tenants, sources, files", .sql = kTenantsSourcesFiles},
    Migration{.version = 2, .name = "origins of files", .sql = kFileOrigins},
    Migration{.version = 3, .name = "directory and audit", .sql = kDirectory},
};

FailPoint migration_applied("catalog.migration.applied");  // and not committed
FailPoint migration_committed("catalog.migration.committed");

// 0 for an empty database.
Result<uint32_t> current_version(sqlite::Database& database) {
    ASSIGN_OR_RETURN(auto tables,
                     database.prepare("SELECT count(*), total(name = 'schema_migrations')"
                                      " FROM sqlite_schema WHERE type = 'table'"));
    ASSIGN_OR_RETURN(const bool counted, tables.step());
    if (!counted || tables.int64(0) == 0) return 0;
    if (tables.int64(1) == 0) {
        return fail(Error(Code::failed_precondition, "not_a_catalog",
                          "The catalog's place is taken by a database of another program.")
                        .with_hint("Choose another data directory."));
    }
    ASSIGN_OR_RETURN(auto newest, database.prepare("SELECT max(version) FROM schema_migrations"));
    ASSIGN_OR_RETURN(const bool row, newest.step());
    if (!row) return 0;
    return static_cast<uint32_t>(newest.int64(0));
}

Status apply(sqlite::Database& database, const Migration& migration, WallNanos now) {
    ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(database));
    if (migration.version == 1) RETURN_IF_ERROR(database.exec(kCreateSchemaMigrations));
    RETURN_IF_ERROR(database.exec(migration.sql));
    {
        ASSIGN_OR_RETURN(auto insert,
                         database.prepare("INSERT INTO schema_migrations VALUES (?, ?, ?)"));
        RETURN_IF_ERROR(insert.bind(migration.version, migration.name, now).run());
    }
    migration_applied.reach();
    RETURN_IF_ERROR(transaction.commit());
    migration_committed.reach();
    return {};
}

}  // namespace

std::span<const Migration> catalog_migrations() { return kMigrations; }

Status migrate(sqlite::Database& database, std::span<const Migration> migrations, WallNanos now) {
    ASSIGN_OR_RETURN(const uint32_t version, current_version(database));
    const uint32_t newest = migrations.empty() ? 0 : migrations.back().version;
    if (version > newest) {
        return fail(
            Error(Code::failed_precondition, "catalog_too_new",
                  fmt::format("The catalog was written by a newer release: it has version {}, this "
                              "release knows versions up to {}.",
                              version, newest))
                .with_hint("Start the release that wrote it, or restore a backup from before."));
    }
    for (const Migration& migration : migrations) {
        if (migration.version <= version) continue;
        if (const auto applied = apply(database, migration, now); !applied) {
            return fail(applied.error().with_detail(
                fmt::format("migration {} ({})", migration.version, migration.name)));
        }
    }
    return {};
}

}  // namespace insula::catalog
