#include "core/catalog/sqlite/idempotency_rows.h"

namespace insula::catalog {
namespace {

using sqlite::Database;

Status insert_entries(Database& database, SourceIncarnation incarnation,
                      std::span<const IdempotencyEntry> entries, uint64_t& keys) {
    ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM idempotency"
                                                   " WHERE incarnation = ? AND key = ?"));
    ASSIGN_OR_RETURN(auto insert,
                     database.prepare("INSERT INTO idempotency (incarnation, key, body_hash, rows,"
                                      " stream, position, created_at)"
                                      " VALUES (?, ?, ?, ?, ?, ?, ?)"));
    for (const IdempotencyEntry& entry : entries) {
        RETURN_IF_ERROR(remove.bind(incarnation.value, entry.key).run());
        keys -= static_cast<uint64_t>(database.changes());
        RETURN_IF_ERROR(insert
                            .bind(incarnation.value, entry.key, entry.body_hash, entry.rows,
                                  entry.lsn.stream.value, entry.lsn.position, entry.created_at)
                            .run());
        ++keys;
    }
    return {};
}

}  // namespace

Result<std::vector<IdempotencyEntry>> load_idempotency(Database& database,
                                                       SourceIncarnation incarnation,
                                                       WallNanos now) {
    ASSIGN_OR_RETURN(auto rows,
                     database.prepare("SELECT key, body_hash, rows, stream, position, created_at"
                                      " FROM idempotency WHERE incarnation = ? AND created_at > ?"
                                      " ORDER BY created_at, stream, position"));
    rows.bind(incarnation.value, now - kIdempotencyWindow);
    std::vector<IdempotencyEntry> entries;
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return entries;
        entries.push_back({.key = std::string(rows.text(0)),
                           .body_hash = rows.uint64(1),
                           .rows = rows.uint64(2),
                           .lsn = {StreamId{rows.uint64(3)}, rows.uint64(4)},
                           .created_at = rows.int64(5)});
    }
}

Status store_idempotency(Database& database, SourceIncarnation incarnation,
                         std::span<const IdempotencyEntry> entries, WallNanos now, uint64_t& keys) {
    if (entries.empty() && keys == 0) return {};
    RETURN_IF_ERROR(insert_entries(database, incarnation, entries, keys));
    ASSIGN_OR_RETURN(auto expire, database.prepare("DELETE FROM idempotency"
                                                   " WHERE incarnation = ? AND created_at <= ?"));
    RETURN_IF_ERROR(expire.bind(incarnation.value, now - kIdempotencyWindow).run());
    keys -= static_cast<uint64_t>(database.changes());
    if (keys <= kIdempotencyKeysMax) return {};
    ASSIGN_OR_RETURN(auto evict,
                     database.prepare("DELETE FROM idempotency WHERE incarnation = ?1 AND key IN"
                                      " (SELECT key FROM idempotency WHERE incarnation = ?1"
                                      " ORDER BY created_at, stream, position LIMIT ?2)"));
    RETURN_IF_ERROR(evict.bind(incarnation.value, keys - kIdempotencyKeysMax).run());
    keys -= static_cast<uint64_t>(database.changes());
    return {};
}

}  // namespace insula::catalog
