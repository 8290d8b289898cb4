#include "core/catalog/postgres/migrations.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <vector>

#include "platform/runtime/fail_point.h"

namespace insula::catalog::postgres_schema {
namespace {

using postgres::Access;
using postgres::Connection;
using postgres::Failure;
using postgres::Outcome;
using postgres::Parameters;
using postgres::Query;
using postgres::Rows;

// A step may rewrite a large table; none is cut off in its middle for being slow.
constexpr std::chrono::hours kStepTimeout{4};
constexpr std::chrono::seconds kReadTimeout{30};
// Of all advisory locks of the database those of the catalog: "insu".
constexpr int64_t kLockClass = 0x696e7375;

constexpr std::array<std::string_view, 11> kTenantsSourcesFiles{
    R"sql(
CREATE TABLE commands (
    command   uuid PRIMARY KEY,
    answer    bigint,
    cancelled boolean NOT NULL DEFAULT false,
    done_at   timestamptz NOT NULL DEFAULT clock_timestamp()
))sql",
    R"sql(
CREATE TABLE tenants (
    tenant     uuid PRIMARY KEY,
    slug       text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    epoch      bigint NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT tenants_slug_key UNIQUE (slug)
))sql",
    R"sql(
CREATE TABLE sources (
    incarnation       bigint PRIMARY KEY,
    tenant            uuid NOT NULL CONSTRAINT sources_tenant_fkey REFERENCES tenants (tenant),
    source_id         text COLLATE "C" NOT NULL,
    name              text COLLATE "C" NOT NULL,
    connection_string text COLLATE "C" NOT NULL,
    data_path         text COLLATE "C" NOT NULL,
    partition_columns bytea NOT NULL,
    index_columns     bytea NOT NULL,
    compression       text COLLATE "C" NOT NULL,
    max_file_bytes    bigint NOT NULL,
    wal_enabled       boolean NOT NULL,
    flushed_stream    bigint NOT NULL,
    flushed_position  bigint NOT NULL,
    last_generation   bigint NOT NULL,
    next_row_id       bigint NOT NULL,
    idempotency_keys  bigint NOT NULL,
    created_at        bigint NOT NULL,
    last_flush_at     bigint NOT NULL,
    CONSTRAINT sources_source_id_key UNIQUE (tenant, source_id)
))sql",
    R"sql(
CREATE TABLE source_columns (
    incarnation     bigint NOT NULL REFERENCES sources (incarnation) ON DELETE CASCADE,
    column_id       bigint NOT NULL,
    path            bytea NOT NULL,
    name            text COLLATE "C" NOT NULL,
    type            bigint NOT NULL,
    declared        boolean NOT NULL,
    exact_in_double boolean NOT NULL,
    PRIMARY KEY (incarnation, column_id)
))sql",
    R"sql(
CREATE TABLE files (
    file_id       bigint PRIMARY KEY,
    incarnation   bigint NOT NULL REFERENCES sources (incarnation),
    epoch         bigint NOT NULL,
    generation    bigint NOT NULL,
    part          bigint NOT NULL,
    rows          bigint NOT NULL,
    content_bytes bigint NOT NULL,
    stored_bytes  bigint NOT NULL,
    raw_bytes     bigint NOT NULL,
    zones         bytea NOT NULL,
    origin        bytea NOT NULL,
    CONSTRAINT files_place_key UNIQUE (incarnation, epoch, generation, part)
))sql",
    R"sql(
CREATE TABLE garbage (
    file_id     bigint PRIMARY KEY,
    tenant      uuid NOT NULL,
    incarnation bigint NOT NULL,
    epoch       bigint NOT NULL,
    generation  bigint NOT NULL,
    part        bigint NOT NULL,
    since       bigint NOT NULL,
    CONSTRAINT garbage_place_key UNIQUE (incarnation, epoch, generation, part)
))sql",
    R"sql(
CREATE TABLE idempotency (
    incarnation bigint NOT NULL REFERENCES sources (incarnation) ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL,
    body_hash   bigint NOT NULL,
    rows        bigint NOT NULL,
    stream      bigint NOT NULL,
    position    bigint NOT NULL,
    created_at  bigint NOT NULL,
    PRIMARY KEY (incarnation, key)
))sql",
    R"sql(
CREATE INDEX idempotency_by_age ON idempotency (incarnation, created_at, stream, position))sql",
    R"sql(
CREATE TABLE counters (
    kind bigint PRIMARY KEY,
    next bigint NOT NULL
))sql",
    R"sql(
CREATE TABLE settings (
    key   text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
))sql",
    // Ends a transaction whose precondition does not hold, so that the whole of it can be sent
    // before anything is answered.
    R"sql(
CREATE FUNCTION catalog_require(held boolean, reason text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF held IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'IN001', MESSAGE = reason;
    END IF;
    RETURN true;
END
$$)sql",
};

// One row: bytes are on the disks of one node.
constexpr std::array<std::string_view, 2> kNodes{
    R"sql(
CREATE TABLE nodes (
    node        uuid PRIMARY KEY,
    incarnation bigint NOT NULL
))sql",
    R"sql(
CREATE UNIQUE INDEX nodes_only_one ON nodes ((true)))sql",
};

// Tenants of before are active and have nobody in their directories.
constexpr std::array<std::string_view, 3> kDirectory{
    R"sql(
ALTER TABLE tenants
    ADD COLUMN status   bigint NOT NULL DEFAULT 1,
    ADD COLUMN profile  bytea NOT NULL DEFAULT '',
    ADD COLUMN revision bigint NOT NULL DEFAULT 0)sql",
    R"sql(
CREATE TABLE directory (
    tenant   uuid NOT NULL,
    kind     bigint NOT NULL,
    name     text COLLATE "C" NOT NULL,
    lookup   bytea,
    value    bytea NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT directory_pkey PRIMARY KEY (tenant, kind, name),
    CONSTRAINT directory_lookup_key UNIQUE (lookup)
))sql",
    R"sql(
CREATE TABLE audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id     uuid NOT NULL,
    tenant uuid NOT NULL,
    record bytea NOT NULL
))sql",
};

constexpr std::array kMigrations{
    Migration{.version = 1, .name = "tenants, sources, files", .statements = kTenantsSourcesFiles},
    Migration{.version = 2, .name = "nodes", .statements = kNodes},
    Migration{.version = 3, .name = "directory and audit", .statements = kDirectory},
};

FailPoint migration_made("catalog.postgres.migration_made");  // and not sent
FailPoint migration_done("catalog.postgres.migration_done");

Outcome<std::vector<Rows>> read(Connection& connection, std::string_view sql,
                                Parameters parameters) {
    const Query query{{.name = "", .sql = sql}, std::move(parameters)};
    return connection.transact(Access::read, {&query, 1}, Deadline::after(kReadTimeout));
}

std::unexpected<Failure> refused(Error error) {
    return std::unexpected(Failure{.error = std::move(error)});
}

struct Found {
    uint32_t version = 0;  // 0: nothing is there
    bool schema = false;   // the schema is there, though it may be empty
};

Outcome<Found> find_version(Connection& connection, const std::string& schema) {
    auto tables = read(connection,
                       "SELECT count(c.oid), count(*) FILTER (WHERE c.relname = "
                       "'schema_migrations'), count(n.oid)"
                       " FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid"
                       " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') WHERE n.nspname = $1",
                       std::move(Parameters().text(schema)));
    if (!tables) return std::unexpected(std::move(tables).error());
    const bool exists = tables->front().int64(0, 2) > 0;
    if (tables->front().int64(0, 0) == 0) return Found{.schema = exists};
    if (tables->front().int64(0, 1) == 0) {
        return refused(Error(Code::failed_precondition, "not_a_catalog",
                             fmt::format("The schema {} of the database holds tables of another "
                                         "program.",
                                         schema))
                           .with_hint("Choose another schema with catalog.schema."));
    }
    auto newest = read(
        connection,
        fmt::format("SELECT coalesce(max(version), 0) FROM \"{}\".schema_migrations", schema), {});
    if (!newest) return std::unexpected(std::move(newest).error());
    return Found{static_cast<uint32_t>(newest->front().int64(0, 0)), true};
}

// Refuses one that is newer.
Outcome<Found> find_known_version(Connection& connection, const std::string& schema,
                                  uint32_t newest) {
    auto found = find_version(connection, schema);
    if (!found || found->version <= newest) return found;
    return refused(
        Error(Code::failed_precondition, "catalog_too_new",
              fmt::format("The catalog was written by a newer release: it has version {}, this "
                          "release knows versions up to {}.",
                          found->version, newest))
            .with_hint("Start the release that wrote it, or restore a backup from before."));
}

// What all steps of one run share.
struct Step {
    const std::string& schema;
    bool create_schema = false;
    WallNanos now = 0;
    PlantedFault planted = PlantedFault::none;
};

// The statements of one step; `text` keeps what is made up here.
std::vector<Query> queries_of(const Migration& migration, const Step& step,
                              std::vector<std::string>& text) {
    std::vector<Query> queries;
    const auto add = [&](std::string_view sql, Parameters parameters = {}) {
        queries.push_back({{.name = "", .sql = sql}, std::move(parameters)});
    };
    add("SELECT set_config('statement_timeout', '0', true)");
    if (step.planted != PlantedFault::migrate_unguarded) {
        add("SELECT pg_advisory_xact_lock($1::integer, hashtext($2))",
            std::move(Parameters().int64(kLockClass).text(step.schema)));
    }
    text.reserve(migration.statements.size() + 1);
    if (migration.version == 1) {
        // Whoever may create schemas is asked only where one has to be created.
        if (step.create_schema) {
            add(text.emplace_back(fmt::format("CREATE SCHEMA IF NOT EXISTS \"{}\"", step.schema)));
        }
        add("CREATE TABLE schema_migrations (version bigint CONSTRAINT schema_migrations_pkey"
            " PRIMARY KEY, name text NOT NULL, applied_at bigint NOT NULL)");
    }
    // First, so that of two nodes the later one stops here.
    add("INSERT INTO schema_migrations VALUES ($1, $2, $3)",
        std::move(Parameters().int64(migration.version).text(migration.name).int64(step.now)));
    for (const std::string_view statement : migration.statements) {
        if (step.planted != PlantedFault::natural_collation) {
            add(statement);
            continue;
        }
        std::string& changed = text.emplace_back(statement);
        constexpr std::string_view kBytewise = "COLLATE \"C\"";
        while (changed.contains(kBytewise)) {
            changed.erase(changed.find(kBytewise), kBytewise.size());
        }
        add(changed);
    }
    return queries;
}

Outcome<void> apply(Connection& connection, const Migration& migration, const Step& step) {
    std::vector<std::string> text;
    const std::vector<Query> queries = queries_of(migration, step, text);
    std::vector<std::span<const Query>> transactions{queries};
    if (step.planted == PlantedFault::migrate_in_pieces) {
        const size_t begin = queries.size() - migration.statements.size();
        transactions = {std::span(queries).first(begin), std::span(queries).subspan(begin)};
    }
    for (const std::span<const Query> transaction : transactions) {
        migration_made.reach();
        auto applied =
            connection.transact(Access::write, transaction, Deadline::after(kStepTimeout));
        migration_done.reach();
        if (applied) continue;
        Failure failure = std::move(applied).error();
        failure.error = failure.error.with_detail(
            fmt::format("migration {} ({})", migration.version, migration.name));
        return std::unexpected(std::move(failure));
    }
    return {};
}

// Another node was first.
bool was_done_meanwhile(const Failure& failure) {
    return failure.constraint == "schema_migrations_pkey" ||
           failure.sqlstate == postgres::kDuplicateTable;
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Outcome<void> require_current(Connection& connection, const std::string& schema) {
    auto found = find_known_version(connection, schema, kMigrations.back().version);
    if (!found) return std::unexpected(std::move(found).error());
    if (found->version == kMigrations.back().version) return {};
    return refused(
        Error(Code::failed_precondition, "catalog_too_old",
              found->version == 0
                  ? fmt::format("There is no catalog in the schema {} of the database.", schema)
                  : fmt::format("The catalog was written by an older release: it has version {}, "
                                "this release needs version {}.",
                                found->version, kMigrations.back().version))
            .with_hint("Check catalog.url and catalog.schema; a start of the server brings an "
                       "older catalog to this version."));
}

Outcome<void> migrate(Connection& connection, const std::string& schema,
                      std::span<const Migration> migrations, WallNanos now, PlantedFault planted) {
    auto found =
        find_known_version(connection, schema, migrations.empty() ? 0 : migrations.back().version);
    if (!found) return std::unexpected(std::move(found).error());
    const Step step{schema, !found->schema, now, planted};
    for (const Migration& migration : migrations) {
        if (migration.version <= found->version) continue;
        auto applied = apply(connection, migration, step);
        if (!applied && !was_done_meanwhile(applied.error())) return applied;
    }
    return {};
}

}  // namespace insula::catalog::postgres_schema
