// The rows of tenants, of their directories and of audit records in control.db. Callers hold the
// catalog's mutex; what writes runs inside their transaction.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/catalog/catalog.h"
#include "platform/sqlite/database.h"

namespace insula::catalog {

// By the bytes of their ids.
Result<std::vector<Tenant>> load_tenants(sqlite::Database& database);
Result<std::vector<DirectoryEntry>> load_directory(sqlite::Database& database,
                                                   const TenantId& tenant);
Result<std::optional<DirectoryEntry>> load_entry(sqlite::Database& database,
                                                 std::string_view lookup);
Result<std::vector<AuditRecord>> load_audit_records(sqlite::Database& database, size_t count);

// tenant_unknown where there is none, or where it is being removed. The platform is always there.
Status check_tenant(sqlite::Database& database, const TenantId& tenant);
// All of the command. Returns its revision.
Result<uint64_t> apply_change(sqlite::Database& database, const ChangeDirectory& command);
Status insert_audit_records(sqlite::Database& database, std::span<const AuditRecord> records);
Status delete_audit_records(sqlite::Database& database, std::span<const uint64_t> numbers);

}  // namespace insula::catalog
