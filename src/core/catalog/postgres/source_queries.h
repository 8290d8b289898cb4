// The statements about sources, their columns, files and idempotency keys, and their rows as
// values. A precondition that does not hold ends the transaction with SQLSTATE IN001 and its reason
// as the message, or violates a constraint: refusal_of() turns both into the catalog's errors.
#pragma once

#include <optional>
#include <vector>

#include "core/catalog/catalog.h"
#include "platform/postgres/connection.h"

namespace insula::catalog::queries {

using postgres::Query;
using postgres::Rows;

std::optional<Error> refusal_of(const postgres::Failure& failure);

// All living sources of a tenant, by source_id; columns and files by id.
std::vector<Query> select_sources(const TenantId& tenant);
Result<std::vector<Source>> sources_of(const TenantId& tenant, const std::vector<Rows>& rows);

std::vector<Query> insert_source(const Source& source);
std::vector<Query> delete_source(const RemoveSource& command, WallNanos now);

// Makes whoever raises the tenant's epoch wait for this transaction.
Query lock_tenant(const TenantId& tenant);
Query raise_progress(const CommitFiles& command);
Query require_epoch(const TenantId& tenant, Epoch epoch);
Query move_files_to_garbage(const CommitFiles& command);
std::vector<Query> insert_files(SourceIncarnation incarnation, std::span<const DataFile> files);
// A later one of the same id counts.
Query upsert_columns(SourceIncarnation incarnation, std::span<const Column> columns);

Query select_idempotency(SourceIncarnation incarnation, WallNanos now);
std::vector<IdempotencyEntry> idempotency_of(const Rows& rows);
// Stores the command's keys, each in place of an older one with its name, and drops what has left
// the window.
std::vector<Query> store_idempotency(const CommitFiles& command);

}  // namespace insula::catalog::queries
