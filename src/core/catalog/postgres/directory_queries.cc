#include "core/catalog/postgres/directory_queries.h"

#include "core/catalog/codec.h"
#include "core/catalog/postgres/stored_text.h"
#include "core/catalog/refusals.h"

namespace insula::catalog::queries {
namespace {

using postgres::Parameters;
using postgres::Statement;

constexpr Statement kSelectTenants{
    .name = "select_tenants",
    .sql =
        "SELECT tenant, slug, name, epoch, created_at, status, profile, revision FROM tenants"
        " ORDER BY tenant"};
constexpr Statement kSelectDirectory{
    .name = "select_directory",
    .sql =
        "SELECT tenant, kind, name, lookup, value, revision FROM directory WHERE tenant = $1"
        " ORDER BY kind, name"};
constexpr Statement kSelectEntry{
    .name = "select_entry",
    .sql = "SELECT tenant, kind, name, lookup, value, revision FROM directory WHERE lookup = $1"};
constexpr Statement kSelectAudit{
    .name = "select_audit",
    .sql = "SELECT number, id, tenant, record FROM audit ORDER BY number LIMIT $1"};

// Key, revision and answer are stored in one step: where the key is there, nothing is counted.
constexpr Statement kRaiseRevision{
    .name = "raise_revision",
    .sql =
        "WITH raised AS (INSERT INTO counters AS c (kind, next) VALUES ($2, 1)"
        "  ON CONFLICT (kind) DO UPDATE SET next = c.next + 1 RETURNING next)"
        " INSERT INTO commands (command, answer) SELECT $1, next FROM raised RETURNING answer"};
constexpr Statement kInsertTenant{
    .name = "insert_tenant",
    .sql =
        "INSERT INTO tenants (tenant, slug, name, epoch, created_at, status, profile, revision)"
        " SELECT $2, $3, $4, 0, $5, $6, $7, answer FROM commands WHERE command = $1"};
// $8: removing, of which there is no way back.
constexpr Statement kUpdateTenant{
    .name = "update_tenant",
    .sql =
        "WITH changed AS (UPDATE tenants SET slug = $3, name = $4, status = $5, profile = $6,"
        "  revision = (SELECT answer FROM commands WHERE command = $1)"
        "  WHERE tenant = $2 AND revision = $7 AND status <> $8 RETURNING 1)"
        " SELECT catalog_require(EXISTS (SELECT FROM changed), 'directory_changed')"};
constexpr Statement kClearDirectory{.name = "clear_directory",
                                    .sql = "DELETE FROM directory WHERE tenant = $1"};
constexpr Statement kRemoveEntry{
    .name = "remove_entry",
    .sql =
        "WITH gone AS (DELETE FROM directory WHERE tenant = $1 AND kind = $2 AND name = $3"
        "  RETURNING 1) SELECT catalog_require(EXISTS (SELECT FROM gone), 'entry_unknown')"};
constexpr Statement kInsertEntry{
    .name = "insert_entry",
    .sql =
        "INSERT INTO directory (tenant, kind, name, lookup, value, revision)"
        " SELECT $2, $3, $4, nullif($5, ''::bytea), $6, answer FROM commands WHERE command = $1"};
constexpr Statement kReplaceEntry{
    .name = "replace_entry",
    .sql =
        "WITH changed AS (UPDATE directory SET lookup = nullif($5, ''::bytea), value = $6,"
        "  revision = (SELECT answer FROM commands WHERE command = $1)"
        "  WHERE tenant = $2 AND kind = $3 AND name = $4 AND revision = $7 RETURNING 1)"
        " SELECT catalog_require(EXISTS (SELECT FROM changed), 'directory_changed')"};
constexpr Statement kRequireTenant{
    .name = "require_tenant",
    .sql =
        "WITH found AS (SELECT FROM tenants WHERE tenant = $1 AND status <> $2 FOR SHARE)"
        " SELECT catalog_require(EXISTS (SELECT FROM found), 'tenant_unknown')"};
// Locks the row first, so that whoever adds a source is over before sources are looked for.
constexpr Statement kLockRemoved{
    .name = "lock_removed",
    .sql =
        "WITH found AS (SELECT FROM tenants WHERE tenant = $1 AND status = $2 FOR UPDATE)"
        " SELECT catalog_require(EXISTS (SELECT FROM found), 'tenant_unknown')"};
constexpr Statement kRequireNoSources{
    .name = "require_no_sources",
    .sql =
        "SELECT catalog_require(NOT EXISTS (SELECT FROM sources WHERE tenant = $1),"
        " 'tenant_has_sources')"};
constexpr Statement kDeleteTenant{.name = "delete_tenant",
                                  .sql = "DELETE FROM tenants WHERE tenant = $1"};
constexpr Statement kInsertAudit{
    .name = "insert_audit",
    .sql = "INSERT INTO audit (id, tenant, record) SELECT * FROM unnest($1, $2, $3)"};
constexpr Statement kDeleteAudit{.name = "delete_audit",
                                 .sql = "DELETE FROM audit WHERE number = ANY ($1)"};

constexpr auto kRemoving = static_cast<uint64_t>(TenantStatus::removing);

uint64_t number_of(EntryKind kind) { return static_cast<uint64_t>(kind); }

Query insert_tenant(const CommandKey& key, const Tenant& tenant) {
    return {kInsertTenant, std::move(Parameters()
                                         .uuid(key)
                                         .uuid(tenant.id.bytes)
                                         .text(to_stored_text(tenant.slug))
                                         .text(to_stored_text(tenant.name))
                                         .int64(tenant.created_at)
                                         .uint64(static_cast<uint64_t>(tenant.status))
                                         .bytea(as_bytes(tenant.profile)))};
}

Query update_tenant(const CommandKey& key, const Tenant& tenant) {
    return {kUpdateTenant, std::move(Parameters()
                                         .uuid(key)
                                         .uuid(tenant.id.bytes)
                                         .text(to_stored_text(tenant.slug))
                                         .text(to_stored_text(tenant.name))
                                         .uint64(static_cast<uint64_t>(tenant.status))
                                         .bytea(as_bytes(tenant.profile))
                                         .uint64(tenant.revision)
                                         .uint64(kRemoving))};
}

void put_entry(const CommandKey& key, const PutEntry& put, std::vector<Query>& queries) {
    const DirectoryEntry& entry = put.entry;
    const bool is_new = put.replaces == 0;
    if (is_new && entry.tenant != TenantId()) queries.push_back(require_tenant(entry.tenant));
    Parameters parameters;
    parameters.uuid(key)
        .uuid(entry.tenant.bytes)
        .uint64(number_of(entry.kind))
        .text(to_stored_text(entry.name))
        .bytea(as_bytes(entry.lookup))
        .bytea(as_bytes(entry.value));
    if (!is_new) parameters.uint64(put.replaces);
    queries.push_back({is_new ? kInsertEntry : kReplaceEntry, std::move(parameters)});
}

void remove_tenant(const TenantId& tenant, std::vector<Query>& queries) {
    queries.push_back({kLockRemoved, std::move(Parameters().uuid(tenant.bytes).uint64(kRemoving))});
    for (const Statement& statement : {kRequireNoSources, kDeleteTenant}) {
        queries.push_back({statement, std::move(Parameters().uuid(tenant.bytes))});
    }
}

}  // namespace

Query select_tenants() { return {kSelectTenants, {}}; }

Result<std::vector<Tenant>> tenants_of(const Rows& rows) {
    std::vector<Tenant> tenants;
    for (int row = 0; row < rows.count(); ++row) {
        ASSIGN_OR_RETURN(const TenantStatus status, decode_tenant_status(rows.uint64(row, 5)));
        tenants.push_back({.id = TenantId{rows.uuid(row, 0)},
                           .slug = from_stored_text(rows.text(row, 1)),
                           .name = from_stored_text(rows.text(row, 2)),
                           .epoch = Epoch{rows.uint64(row, 3)},
                           .created_at = rows.int64(row, 4),
                           .status = status,
                           .profile = std::string(as_text(rows.bytea(row, 6))),
                           .revision = rows.uint64(row, 7)});
    }
    return tenants;
}

Query select_directory(const TenantId& tenant) {
    return {kSelectDirectory, std::move(Parameters().uuid(tenant.bytes))};
}

Query select_entry(std::string_view lookup) {
    return {kSelectEntry, std::move(Parameters().bytea(as_bytes(lookup)))};
}

Result<std::vector<DirectoryEntry>> entries_of(const Rows& rows) {
    std::vector<DirectoryEntry> entries;
    for (int row = 0; row < rows.count(); ++row) {
        ASSIGN_OR_RETURN(const EntryKind kind, decode_entry_kind(rows.uint64(row, 1)));
        DirectoryEntry entry{.tenant = TenantId{rows.uuid(row, 0)},
                             .kind = kind,
                             .name = from_stored_text(rows.text(row, 2)),
                             .lookup = {},
                             .value = std::string(as_text(rows.bytea(row, 4))),
                             .revision = rows.uint64(row, 5)};
        if (!rows.is_null(row, 3)) entry.lookup = as_text(rows.bytea(row, 3));
        entries.push_back(std::move(entry));
    }
    return entries;
}

Query select_audit_records(size_t count) {
    return {kSelectAudit, std::move(Parameters().uint64(count))};
}

std::vector<AuditRecord> audit_records_of(const Rows& rows) {
    std::vector<AuditRecord> records;
    for (int row = 0; row < rows.count(); ++row) {
        records.push_back({.number = rows.uint64(row, 0),
                           .id = rows.uuid(row, 1),
                           .tenant = TenantId{rows.uuid(row, 2)},
                           .record = std::string(as_text(rows.bytea(row, 3)))});
    }
    return records;
}

std::vector<Query> change_directory(const CommandKey& key, const ChangeDirectory& command) {
    std::vector<Query> queries{
        {kRaiseRevision, std::move(Parameters().uuid(key).uint64(kDirectoryRevisions))}};
    if (command.add_tenant) queries.push_back(insert_tenant(key, *command.add_tenant));
    if (command.update_tenant) {
        const Tenant& tenant = *command.update_tenant;
        queries.push_back(update_tenant(key, tenant));
        if (tenant.status == TenantStatus::removing) {
            queries.push_back({kClearDirectory, std::move(Parameters().uuid(tenant.id.bytes))});
        }
    }
    for (const EntryName& name : command.remove) {
        queries.push_back({kRemoveEntry, std::move(Parameters()
                                                       .uuid(name.tenant.bytes)
                                                       .uint64(number_of(name.kind))
                                                       .text(to_stored_text(name.name)))});
    }
    for (const PutEntry& put : command.put) put_entry(key, put, queries);
    if (command.remove_tenant) remove_tenant(*command.remove_tenant, queries);
    if (!command.audit.empty()) queries.push_back(insert_audit_records(command.audit));
    return queries;
}

Query require_tenant(const TenantId& tenant) {
    return {kRequireTenant, std::move(Parameters().uuid(tenant.bytes).uint64(kRemoving))};
}

Query insert_audit_records(std::span<const AuditRecord> records) {
    std::vector<std::array<uint8_t, 16>> ids;
    std::vector<std::array<uint8_t, 16>> tenants;
    std::vector<std::string> texts;
    for (const AuditRecord& record : records) {
        ids.push_back(record.id);
        tenants.push_back(record.tenant.bytes);
        texts.push_back(record.record);
    }
    return {kInsertAudit, std::move(Parameters().uuids(ids).uuids(tenants).byteas(texts))};
}

Query delete_audit_records(std::span<const uint64_t> numbers) {
    const std::vector<int64_t> stored(numbers.begin(), numbers.end());
    return {kDeleteAudit, std::move(Parameters().int64s(stored))};
}

}  // namespace insula::catalog::queries
