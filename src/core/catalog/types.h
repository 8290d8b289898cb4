// What the catalog holds about tenants, sources and files. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "platform/engine/chunk.h"
#include "platform/runtime/clock.h"

namespace insula::catalog {

// Stored: numbers are never reused.
enum class TenantStatus : uint8_t {
    active = 1,
    suspended = 2,  // its data is kept, and nobody may act for it
    removing = 3,   // its directory is empty; its sources are going
};

struct Tenant {
    TenantId id;
    std::string slug;  // unique
    std::string name;
    Epoch epoch;  // raised at each start of the node that owns it
    WallNanos created_at = 0;
    TenantStatus status = TenantStatus::active;
    std::string profile;    // plan, limits and the like, in the words of core/tenancy
    uint64_t revision = 0;  // of its last change
};

// Stored: numbers are never reused.
enum class EntryKind : uint8_t {
    user = 1,
    service_account = 2,
    api_key = 3,
    role = 4,
    policy = 5,
    sealing_key = 6,
    signing_key = 7,
    revocation = 8,
    grant = 9,
    plan = 10,
};

// What a tenant's directory holds: users, keys, roles, … The catalog keeps `value` as it is.
struct DirectoryEntry {
    TenantId tenant;  // the nil id: of the platform
    EntryKind kind = EntryKind::user;
    std::string name;    // unique in the tenant's entries of this kind
    std::string lookup;  // unique among the entries of all tenants; empty: there is none
    std::string value;
    uint64_t revision = 0;  // of its last change
    bool operator==(const DirectoryEntry&) const = default;
};

// What somebody did or was refused, stored with the change that it tells of until the audit log has
// it. `id` is its own, so that a record that the log has already is known there.
struct AuditRecord {
    uint64_t number = 0;  // rises with each; set by the catalog
    std::array<uint8_t, 16> id{};
    TenantId tenant;
    std::string record;
    bool operator==(const AuditRecord&) const = default;
};

// A column of a source. `path` is where the value stands in a document; `name` joins it with dots.
struct Column {
    ColumnId id;
    std::vector<std::string> path;
    std::string name;
    ColumnType type = ColumnType::string;
    bool declared = false;  // by schema_definition, rather than met in a document
    // int64 only: every value stored so far is exact in a double, so the column may still become
    // float64.
    bool exact_in_double = true;
    bool operator==(const Column&) const = default;
};

// What a client asked for when it added the source; defaults when a write created it.
struct SourceOptions {
    std::string name;  // for people; empty: the source id
    std::string connection_string;
    std::string data_path;
    std::vector<std::string> partition_columns;
    std::vector<std::string> index_columns;
    std::string compression = "zstd";  // none | snappy | zstd | lz4 | gzip
    uint64_t max_file_bytes = 256ull << 20;
    bool wal_enabled = true;
    bool operator==(const SourceOptions&) const = default;
};

// Bounds of one column in one file. Text bounds are prefixes of at most kZoneTextMax bytes: `min`
// is at most, `max` at least every value (absent: unbounded above).
inline constexpr size_t kZoneTextMax = 32;
struct Zone {
    ColumnId column;
    ColumnType type = ColumnType::int64;
    uint64_t nulls = 0;
    // int64, boolean, date and timestamp as the integer; float64 by bit_cast; text in
    // min_text/max_text.
    bool has_bounds = false;
    int64_t min = 0;
    int64_t max = 0;
    std::string min_text;
    std::optional<std::string> max_text;
    bool operator==(const Zone&) const = default;
};

struct DataFile {
    FileId id;
    Epoch epoch;
    Generation generation;
    uint32_t part = 0;  // the n of {epoch}-{generation}-{n}.parquet
    uint64_t rows = 0;
    uint64_t content_bytes = 0;  // of the Parquet file
    uint64_t stored_bytes = 0;   // on disk, framed
    uint64_t raw_bytes = 0;      // of the chunks that it was written from
    // Of an attached source: the file outside of the data directory that the rows come from, in the
    // words of the store that attached it. Empty for rows that were written.
    std::string origin;
    // The rows are read where they come from, or there are none: nothing is at the file's path.
    bool stands_outside() const { return !origin.empty() && stored_bytes == 0; }
    std::vector<Zone> zones;
    bool operator==(const DataFile&) const = default;
};

struct IdempotencyEntry {
    std::string key;  // as sent, at most 255 bytes
    uint64_t body_hash = 0;
    uint64_t rows = 0;
    Lsn lsn;
    WallNanos created_at = 0;
    bool operator==(const IdempotencyEntry&) const = default;
};

struct Source {
    SourceIncarnation incarnation;
    TenantId tenant;
    std::string source_id;  // unique in the tenant among living sources
    SourceOptions options;
    std::vector<Column> columns;  // as of flushed_lsn; later ones ride in the journal
    Lsn flushed_lsn;              // records below it are in files
    Generation last_generation;   // the highest that was committed
    uint64_t next_row_id = 0;     // as of flushed_lsn
    std::vector<DataFile> files;
    WallNanos created_at = 0;
    WallNanos last_flush_at = 0;
};

// A file that no version names any longer; deleted after a grace period.
struct GarbageFile {
    FileId id;
    std::string path;  // relative to the data directory
    WallNanos since = 0;
};

}  // namespace insula::catalog
