// The statements about tenants, their directories and audit records, and their rows as values.
// Preconditions as in source_queries.h.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/catalog/postgres/transactor.h"
#include "platform/postgres/connection.h"

namespace insula::catalog::queries {

using postgres::Query;
using postgres::Rows;

Query select_tenants();
Result<std::vector<Tenant>> tenants_of(const Rows& rows);
Query select_directory(const TenantId& tenant);
Query select_entry(std::string_view lookup);
Result<std::vector<DirectoryEntry>> entries_of(const Rows& rows);
Query select_audit_records(size_t count);
std::vector<AuditRecord> audit_records_of(const Rows& rows);

// All of the command, under `key`: its answer is the revision. Changes wait for one another at the
// counter of revisions.
std::vector<Query> change_directory(const CommandKey& key, const ChangeDirectory& command);
// Keeps the tenant from being removed until the transaction is over; tenant_unknown where that has
// begun.
Query require_tenant(const TenantId& tenant);
Query insert_audit_records(std::span<const AuditRecord> records);
Query delete_audit_records(std::span<const uint64_t> numbers);

}  // namespace insula::catalog::queries
