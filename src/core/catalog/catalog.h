// The catalog: the truth about tenants, sources and files. A closed set of value commands with
// preconditions, never interactive transactions; each is one transaction, durable when it returns.
// Thread-safe.
//
// Preconditions that do not hold are failed_precondition or already_exists and change nothing. An
// error whose reason is kOutcomeUnknownReason says that the change may have been carried out, or
// may still be, as a whole: repeating it is safe, for what a change adds and removes has ids of its
// own (file_exists and source_removed then say that it was carried out). After any other error
// nothing of it is visible while the catalog is open; it may still turn up after a crash, wholly.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/catalog/types.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/clock.h"

namespace insula::catalog {

enum class IdKind : uint8_t { source_incarnation = 1, file = 2, stream = 3 };

// What a directory entry is, for its removal.
struct EntryName {
    TenantId tenant;
    EntryKind kind = EntryKind::user;
    std::string name;
};
struct PutEntry {
    DirectoryEntry entry;
    // Of the entry that it replaces, as it was read; 0: there is none of this name.
    uint64_t replaces = 0;
};
// A change of tenants and of their directories, all or nothing, carried out in this order. Changes
// are carried out one after another, and each has a revision of its own, higher than all before.
struct ChangeDirectory {
    // With epoch 0. already_exists "tenant_exists" if the id or slug is taken.
    std::optional<Tenant> add_tenant;
    // Slug, name, status and profile of a tenant that was read at `revision`: failed_precondition
    // "directory_changed" if it was changed since. One that begins to be removed loses all entries
    // of its directory; it is never changed again.
    std::optional<Tenant> update_tenant;
    // failed_precondition "entry_unknown" where there is no such entry.
    std::vector<EntryName> remove;
    // already_exists "entry_exists" where name or lookup is taken; "directory_changed" as above;
    // "tenant_unknown" for a tenant that is not there, or being removed.
    std::vector<PutEntry> put;
    // One that is being removed and has no sources any more: failed_precondition "tenant_unknown",
    // "tenant_has_sources".
    std::optional<TenantId> remove_tenant;
    std::vector<AuditRecord> audit;
};
inline constexpr size_t kDirectoryEntriesMax = 256;  // of one change
inline constexpr size_t kEntryNameBytesMax = 255;    // also of a lookup
inline constexpr size_t kEntryValueBytesMax = 64 * 1024;
inline constexpr size_t kAuditRecordBytesMax = 64 * 1024;

// Raises the tenant's epoch by one: the caller owns it from now on, older epochs are refused.
struct RaiseEpoch {
    TenantId tenant;
};
// already_exists if a living source of the tenant has this source_id. Columns are the declared
// ones.
struct AddSource {
    Source source;  // with its incarnation, from allocate_ids()
    std::vector<AuditRecord> audit{};
};
// The source stops existing; its files become garbage (paths by file_path()).
struct RemoveSource {
    TenantId tenant;
    SourceIncarnation incarnation;
    std::vector<AuditRecord> audit{};
};
// One flush, direct write or compaction: exactly one source row must be at `epoch`, or nothing
// changes (failed_precondition "stale_epoch" or "source_removed").
struct CommitFiles {
    TenantId tenant;
    SourceIncarnation incarnation;
    Epoch epoch;
    std::vector<DataFile> add;
    std::vector<FileId> remove;                 // become garbage
    std::vector<Column> columns;                // upserted by id
    std::optional<Lsn> flushed_lsn;             // never moves back
    Generation generation;                      // becomes last_generation if higher
    uint64_t next_row_id = 0;                   // never moves back
    std::vector<IdempotencyEntry> idempotency;  // kept for the window
    WallNanos now = 0;
    std::vector<AuditRecord> audit{};
};

// How long and how many idempotency keys are kept, a source.
inline constexpr WallNanos kIdempotencyWindow = 24LL * 3600 * 1'000'000'000;
inline constexpr size_t kIdempotencyKeysMax = 100'000;

inline constexpr std::string_view kOutcomeUnknownReason = "catalog_outcome_unknown";
inline constexpr std::string_view kNodeFencedReason = "node_fenced";
// Whether a change that failed may have been carried out all the same, or may turn up later.
bool is_in_doubt(const Error& error);

// For metrics. A catalog that is in this process is always reachable.
struct CatalogHealth {
    bool reachable = true;  // as far as is known
    size_t connections = 0;
    uint64_t repeats = 0;           // tries of commands beyond the first
    uint64_t unknown_outcomes = 0;  // commands that ended with kOutcomeUnknownReason
};

class Catalog {
  public:
    virtual ~Catalog() = default;

    // Everything a node needs at start.
    virtual Result<std::vector<Tenant>> tenants() = 0;
    virtual Result<std::vector<Source>> sources(const TenantId& tenant) = 0;
    // Entries that a commit has stored and that are younger than the window, oldest first.
    virtual Result<std::vector<IdempotencyEntry>> idempotency(SourceIncarnation incarnation,
                                                              WallNanos now) = 0;
    virtual Result<std::vector<GarbageFile>> garbage() = 0;

    // By kind, then by name's bytes.
    virtual Result<std::vector<DirectoryEntry>> directory(const TenantId& tenant) = 0;
    virtual Result<std::optional<DirectoryEntry>> find_entry(std::string_view lookup) = 0;
    // The oldest ones, at most `count`.
    virtual Result<std::vector<AuditRecord>> audit_records(size_t count) = 0;

    // Returns the change's revision.
    virtual Result<uint64_t> change_directory(const ChangeDirectory& command) = 0;
    virtual Result<Epoch> raise_epoch(const RaiseEpoch& command) = 0;
    // Of all tenants, in one transaction.
    virtual Status raise_epochs() = 0;
    // By their numbers; those that are not there are passed over.
    virtual Status forget_audit_records(const std::vector<uint64_t>& numbers) = 0;
    virtual Status add_source(const AddSource& command) = 0;
    virtual Status remove_source(const RemoveSource& command) = 0;
    virtual Status commit_files(const CommitFiles& command) = 0;
    virtual Status forget_garbage(const std::vector<FileId>& files) = 0;
    // The first of `count` ids that were never given out before; gaps are allowed.
    virtual Result<uint64_t> allocate_ids(IdKind kind, uint64_t count) = 0;

    // Small settings of the node, such as the hash of the administrator's key.
    virtual Result<std::optional<std::string>> setting(std::string_view key) = 0;
    virtual Status put_setting(std::string_view key, std::string_view value) = 0;

    virtual CatalogHealth health() const { return {}; }
    // kNodeFencedReason once it is known that another process has taken over: every change will be
    // refused, so nothing more may be promised. Asks nobody.
    virtual Status check_owned() const { return {}; }
    virtual Status close() = 0;
};

// Adds `tenant` and nothing else.
Status add_tenant(Catalog& catalog, const Tenant& tenant);

// control.db at `path`: SQLite over `fs`, created and migrated as needed. One process at a time
// (the data directory's lock sees to that).
Result<std::unique_ptr<Catalog>> open_sqlite_catalog(FileSystem& fs, Clock& clock,
                                                     std::string path);

// "blob/t/<tenant>/s/<incarnation>/<epoch>-<generation>-<n>.parquet", below the data directory.
std::string file_path(const TenantId& tenant, SourceIncarnation incarnation, const DataFile& file);
std::string source_directory(const TenantId& tenant, SourceIncarnation incarnation);

}  // namespace insula::catalog
