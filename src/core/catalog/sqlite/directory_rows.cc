#include "core/catalog/sqlite/directory_rows.h"

#include <algorithm>

#include "core/catalog/codec.h"
#include "core/catalog/refusals.h"

namespace insula::catalog {
namespace {

using sqlite::Database;

Bytes bytes_of(const std::array<uint8_t, 16>& id) { return std::as_bytes(std::span(id)); }

// The schema keeps ids at 16 bytes.
std::array<uint8_t, 16> id_of(Bytes blob) {
    std::array<uint8_t, 16> id{};
    std::ranges::copy(blob, std::as_writable_bytes(std::span(id)).begin());
    return id;
}

// NULL where there is none: any number of those are unique.
std::optional<Bytes> stored_lookup(const std::string& lookup) {
    if (lookup.empty()) return std::nullopt;
    return as_bytes(lookup);
}

Result<DirectoryEntry> entry_of(const sqlite::Statement& row) {
    ASSIGN_OR_RETURN(const EntryKind kind, decode_entry_kind(row.uint64(1)));
    return DirectoryEntry{.tenant = TenantId{id_of(row.blob(0))},
                          .kind = kind,
                          .name = std::string(row.text(2)),
                          .lookup = std::string(as_text(row.blob(3))),
                          .value = std::string(as_text(row.blob(4))),
                          .revision = row.uint64(5)};
}

Result<uint64_t> next_revision(Database& database) {
    ASSIGN_OR_RETURN(auto raise,
                     database.prepare("INSERT INTO counters (kind, next) VALUES (?, 1)"
                                      " ON CONFLICT (kind) DO UPDATE SET next = next + 1"
                                      " RETURNING next"));
    raise.bind(kDirectoryRevisions);
    ASSIGN_OR_RETURN(const bool row, raise.step());
    if (!row) return fail(internal_error("a counter gave no revision"));
    const uint64_t revision = raise.uint64(0);
    RETURN_IF_ERROR(raise.run());
    return revision;
}

// What a broken uniqueness means is known where the row is written.
Status or_exists(Status written, Error (*exists)()) {
    if (!written && written.error().code() == Code::already_exists) return fail(exists());
    return written;
}

Status insert_tenant(Database& database, const Tenant& tenant, uint64_t revision) {
    ASSIGN_OR_RETURN(auto insert,
                     database.prepare("INSERT INTO tenants (tenant, slug, name, epoch, created_at,"
                                      " status, profile, revision) VALUES (?, ?, ?, 0, ?, ?, ?,"
                                      " ?)"));
    return or_exists(
        insert
            .bind(bytes_of(tenant.id.bytes), tenant.slug, tenant.name, tenant.created_at,
                  static_cast<uint8_t>(tenant.status), as_bytes(tenant.profile), revision)
            .run(),
        tenant_exists);
}

Status update_tenant(Database& database, const Tenant& tenant, uint64_t revision) {
    ASSIGN_OR_RETURN(
        auto update,
        database.prepare("UPDATE tenants SET slug = ?, name = ?, status = ?, profile = ?,"
                         " revision = ? WHERE tenant = ? AND revision = ? AND status <> ?"));
    RETURN_IF_ERROR(
        or_exists(update
                      .bind(tenant.slug, tenant.name, static_cast<uint8_t>(tenant.status),
                            as_bytes(tenant.profile), revision, bytes_of(tenant.id.bytes),
                            tenant.revision, static_cast<uint8_t>(TenantStatus::removing))
                      .run(),
                  tenant_exists));
    if (database.changes() != 1) return fail(directory_changed());
    if (tenant.status != TenantStatus::removing) return {};
    ASSIGN_OR_RETURN(auto clear, database.prepare("DELETE FROM directory WHERE tenant = ?"));
    return clear.bind(bytes_of(tenant.id.bytes)).run();
}

Status remove_tenant(Database& database, const TenantId& tenant) {
    ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM tenants"
                                                   " WHERE tenant = ? AND status = ?"));
    const Status removed =
        remove.bind(bytes_of(tenant.bytes), static_cast<uint8_t>(TenantStatus::removing)).run();
    if (!removed && removed.error().code() == Code::failed_precondition) {
        return fail(tenant_has_sources());  // the only references to a tenant
    }
    RETURN_IF_ERROR(removed);
    if (database.changes() != 1) return fail(tenant_unknown());
    return {};
}

Status remove_entry(Database& database, const EntryName& name) {
    ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM directory"
                                                   " WHERE tenant = ? AND kind = ? AND name = ?"));
    RETURN_IF_ERROR(
        remove.bind(bytes_of(name.tenant.bytes), static_cast<uint8_t>(name.kind), name.name).run());
    if (database.changes() != 1) return fail(entry_unknown());
    return {};
}

Status insert_entry(Database& database, const DirectoryEntry& entry, uint64_t revision) {
    RETURN_IF_ERROR(check_tenant(database, entry.tenant));
    ASSIGN_OR_RETURN(auto insert,
                     database.prepare("INSERT INTO directory (tenant, kind, name, lookup, value,"
                                      " revision) VALUES (?, ?, ?, ?, ?, ?)"));
    return or_exists(
        insert
            .bind(bytes_of(entry.tenant.bytes), static_cast<uint8_t>(entry.kind), entry.name,
                  stored_lookup(entry.lookup), as_bytes(entry.value), revision)
            .run(),
        entry_exists);
}

Status replace_entry(Database& database, const PutEntry& put, uint64_t revision) {
    const DirectoryEntry& entry = put.entry;
    ASSIGN_OR_RETURN(auto update,
                     database.prepare("UPDATE directory SET lookup = ?, value = ?, revision = ?"
                                      " WHERE tenant = ? AND kind = ? AND name = ?"
                                      " AND revision = ?"));
    RETURN_IF_ERROR(or_exists(update
                                  .bind(stored_lookup(entry.lookup), as_bytes(entry.value),
                                        revision, bytes_of(entry.tenant.bytes),
                                        static_cast<uint8_t>(entry.kind), entry.name, put.replaces)
                                  .run(),
                              entry_exists));
    if (database.changes() != 1) return fail(directory_changed());
    return {};
}

}  // namespace

Result<std::vector<Tenant>> load_tenants(Database& database) {
    ASSIGN_OR_RETURN(auto rows, database.prepare("SELECT tenant, slug, name, epoch, created_at,"
                                                 " status, profile, revision"
                                                 " FROM tenants ORDER BY tenant"));
    std::vector<Tenant> tenants;
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return tenants;
        ASSIGN_OR_RETURN(const TenantStatus status, decode_tenant_status(rows.uint64(5)));
        tenants.push_back({.id = TenantId{id_of(rows.blob(0))},
                           .slug = std::string(rows.text(1)),
                           .name = std::string(rows.text(2)),
                           .epoch = Epoch{rows.uint64(3)},
                           .created_at = rows.int64(4),
                           .status = status,
                           .profile = std::string(as_text(rows.blob(6))),
                           .revision = rows.uint64(7)});
    }
}

Result<std::vector<DirectoryEntry>> load_directory(Database& database, const TenantId& tenant) {
    ASSIGN_OR_RETURN(auto rows,
                     database.prepare("SELECT tenant, kind, name, lookup, value, revision"
                                      " FROM directory WHERE tenant = ? ORDER BY kind, name"));
    rows.bind(bytes_of(tenant.bytes));
    std::vector<DirectoryEntry> entries;
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return entries;
        ASSIGN_OR_RETURN(DirectoryEntry entry, entry_of(rows));
        entries.push_back(std::move(entry));
    }
}

Result<std::optional<DirectoryEntry>> load_entry(Database& database, std::string_view lookup) {
    ASSIGN_OR_RETURN(auto rows,
                     database.prepare("SELECT tenant, kind, name, lookup, value, revision"
                                      " FROM directory WHERE lookup = ?"));
    rows.bind(as_bytes(lookup));
    ASSIGN_OR_RETURN(const bool found, rows.step());
    if (!found) return std::nullopt;
    ASSIGN_OR_RETURN(DirectoryEntry entry, entry_of(rows));
    return entry;
}

Result<std::vector<AuditRecord>> load_audit_records(Database& database, size_t count) {
    ASSIGN_OR_RETURN(auto rows, database.prepare("SELECT number, id, tenant, record FROM audit"
                                                 " ORDER BY number LIMIT ?"));
    rows.bind(count);
    std::vector<AuditRecord> records;
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return records;
        records.push_back({.number = rows.uint64(0),
                           .id = id_of(rows.blob(1)),
                           .tenant = TenantId{id_of(rows.blob(2))},
                           .record = std::string(as_text(rows.blob(3)))});
    }
}

Status check_tenant(Database& database, const TenantId& tenant) {
    if (tenant == TenantId()) return {};
    ASSIGN_OR_RETURN(auto select, database.prepare("SELECT 1 FROM tenants"
                                                   " WHERE tenant = ? AND status <> ?"));
    select.bind(bytes_of(tenant.bytes), static_cast<uint8_t>(TenantStatus::removing));
    ASSIGN_OR_RETURN(const bool found, select.step());
    if (!found) return fail(tenant_unknown());
    return {};
}

Result<uint64_t> apply_change(Database& database, const ChangeDirectory& command) {
    ASSIGN_OR_RETURN(const uint64_t revision, next_revision(database));
    if (command.add_tenant) {
        RETURN_IF_ERROR(insert_tenant(database, *command.add_tenant, revision));
    }
    if (command.update_tenant) {
        RETURN_IF_ERROR(update_tenant(database, *command.update_tenant, revision));
    }
    for (const EntryName& name : command.remove) RETURN_IF_ERROR(remove_entry(database, name));
    for (const PutEntry& put : command.put) {
        RETURN_IF_ERROR(put.replaces == 0 ? insert_entry(database, put.entry, revision)
                                          : replace_entry(database, put, revision));
    }
    if (command.remove_tenant) RETURN_IF_ERROR(remove_tenant(database, *command.remove_tenant));
    RETURN_IF_ERROR(insert_audit_records(database, command.audit));
    return revision;
}

Status insert_audit_records(Database& database, std::span<const AuditRecord> records) {
    if (records.empty()) return {};
    ASSIGN_OR_RETURN(auto insert, database.prepare("INSERT INTO audit (id, tenant, record)"
                                                   " VALUES (?, ?, ?)"));
    for (const AuditRecord& record : records) {
        RETURN_IF_ERROR(
            insert.bind(bytes_of(record.id), bytes_of(record.tenant.bytes), as_bytes(record.record))
                .run());
    }
    return {};
}

Status delete_audit_records(Database& database, std::span<const uint64_t> numbers) {
    ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM audit WHERE number = ?"));
    for (const uint64_t number : numbers) RETURN_IF_ERROR(remove.bind(number).run());
    return {};
}

}  // namespace insula::catalog
