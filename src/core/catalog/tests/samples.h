// Values for tests of the catalog, each field set to something of its own.
#pragma once

#include <string>

#include "core/catalog/catalog.h"

namespace insula::catalog {

inline constexpr WallNanos kSampleTime = 1'700'000'000'000'000'000;

Tenant sample_tenant(uint8_t number);
// A user of sample_tenant(tenant).
DirectoryEntry sample_entry(uint8_t tenant, std::string name);
AuditRecord sample_audit(uint8_t number, std::string record);
Column sample_column(uint64_t id, ColumnType type);
// Of sample_tenant(tenant), with three columns, the ids of which rise.
Source sample_source(uint8_t tenant, uint64_t incarnation);
// Of epoch 1 and a generation of its own, with a zone of each kind.
DataFile sample_file(uint64_t id);
IdempotencyEntry sample_key(std::string key, uint64_t number, WallNanos created_at);
// At epoch 1, with progress and without anything else.
CommitFiles sample_commit(uint8_t tenant, uint64_t incarnation);

}  // namespace insula::catalog
