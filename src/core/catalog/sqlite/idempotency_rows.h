// The rows of idempotency keys in control.db, bounded by kIdempotencyWindow and kIdempotencyKeysMax
// a source. Callers hold the catalog's mutex; storing runs inside their transaction.
#pragma once

#include <span>
#include <vector>

#include "core/catalog/catalog.h"
#include "platform/sqlite/database.h"

namespace insula::catalog {

// Those younger than the window at `now`, oldest first.
Result<std::vector<IdempotencyEntry>> load_idempotency(sqlite::Database& database,
                                                       SourceIncarnation incarnation,
                                                       WallNanos now);
// Stores `entries`, each in place of an older one with its key, and drops what has left the window.
// `keys` is how many the source had, and becomes how many it has.
Status store_idempotency(sqlite::Database& database, SourceIncarnation incarnation,
                         std::span<const IdempotencyEntry> entries, WallNanos now, uint64_t& keys);

}  // namespace insula::catalog
