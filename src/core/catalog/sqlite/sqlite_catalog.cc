#include "core/catalog/sqlite/sqlite_catalog.h"

#include <algorithm>
#include <tuple>

#include "core/catalog/refusals.h"
#include "core/catalog/sqlite/directory_rows.h"
#include "core/catalog/sqlite/idempotency_rows.h"
#include "core/catalog/sqlite/migrations.h"
#include "core/catalog/sqlite/source_rows.h"

namespace insula::catalog {
namespace {

using sqlite::Database;
using sqlite::Transaction;

Bytes tenant_bytes(const TenantId& tenant) { return std::as_bytes(std::span(tenant.bytes)); }

// What a commit may only raise.
struct Progress {
    Lsn flushed_lsn;
    Generation last_generation;
    uint64_t next_row_id = 0;
    WallNanos last_flush_at = 0;
};

struct SourceState {
    Progress progress;
    uint64_t idempotency_keys = 0;
};

// nullopt if the tenant has no such source.
Result<std::optional<SourceState>> read_state(Database& database, const TenantId& tenant,
                                              SourceIncarnation incarnation) {
    ASSIGN_OR_RETURN(auto select,
                     database.prepare("SELECT flushed_stream, flushed_position, last_generation,"
                                      " next_row_id, last_flush_at, idempotency_keys FROM sources"
                                      " WHERE incarnation = ? AND tenant = ?"));
    select.bind(incarnation.value, tenant_bytes(tenant));
    ASSIGN_OR_RETURN(const bool found, select.step());
    if (!found) return std::nullopt;
    return SourceState{.progress = {.flushed_lsn = {StreamId{select.uint64(0)}, select.uint64(1)},
                                    .last_generation = Generation{select.uint64(2)},
                                    .next_row_id = select.uint64(3),
                                    .last_flush_at = select.int64(4)},
                       .idempotency_keys = select.uint64(5)};
}

Progress raised(Progress progress, const CommitFiles& command) {
    if (command.flushed_lsn) {
        progress.flushed_lsn = std::max(progress.flushed_lsn, *command.flushed_lsn);
        progress.last_flush_at = std::max(progress.last_flush_at, command.now);
    }
    progress.last_generation = std::max(progress.last_generation, command.generation);
    progress.next_row_id = std::max(progress.next_row_id, command.next_row_id);
    return progress;
}

// The conditional write that the protocol rests on: it changes exactly one row, at the command's
// epoch.
Status write_progress(Database& database, const CommitFiles& command, const Progress& progress) {
    ASSIGN_OR_RETURN(
        auto update,
        database.prepare("UPDATE sources SET flushed_stream = ?, flushed_position = ?,"
                         " last_generation = ?, next_row_id = ?, last_flush_at = ?"
                         " WHERE incarnation = ? AND tenant = ?"
                         " AND (SELECT epoch FROM tenants WHERE tenant = sources.tenant) = ?"));
    RETURN_IF_ERROR(update
                        .bind(progress.flushed_lsn.stream.value, progress.flushed_lsn.position,
                              progress.last_generation.value, progress.next_row_id,
                              progress.last_flush_at, command.incarnation.value,
                              tenant_bytes(command.tenant), command.epoch.value)
                        .run());
    if (database.changes() != 1) return fail(stale_epoch());
    return {};
}

Status write_idempotency_count(Database& database, SourceIncarnation incarnation, uint64_t keys) {
    ASSIGN_OR_RETURN(auto update, database.prepare("UPDATE sources SET idempotency_keys = ?"
                                                   " WHERE incarnation = ?"));
    return update.bind(keys, incarnation.value).run();
}

Status apply_commit(Database& database, const CommitFiles& command) {
    ASSIGN_OR_RETURN(const auto state, read_state(database, command.tenant, command.incarnation));
    if (!state) return fail(source_removed());
    RETURN_IF_ERROR(write_progress(database, command, raised(state->progress, command)));
    RETURN_IF_ERROR(move_files_to_garbage(database, command.tenant, command.incarnation,
                                          command.remove, command.now));
    RETURN_IF_ERROR(insert_files(database, command.incarnation, command.add));
    RETURN_IF_ERROR(upsert_columns(database, command.incarnation, command.columns));
    RETURN_IF_ERROR(insert_audit_records(database, command.audit));
    uint64_t keys = state->idempotency_keys;
    RETURN_IF_ERROR(
        store_idempotency(database, command.incarnation, command.idempotency, command.now, keys));
    if (keys == state->idempotency_keys) return {};
    return write_idempotency_count(database, command.incarnation, keys);
}

}  // namespace

Result<std::unique_ptr<SqliteCatalog>> SqliteCatalog::open(FileSystem& fs, Clock& clock,
                                                           std::string path) {
    ASSIGN_OR_RETURN(auto database, Database::open(fs, std::move(path)));
    RETURN_IF_ERROR(migrate(*database, catalog_migrations(), clock.wall_now()));
    return std::unique_ptr<SqliteCatalog>(new SqliteCatalog(clock, std::move(database)));
}

Status SqliteCatalog::check_open() const {
    if (database_ == nullptr) {
        return fail(catalog_closed());
    }
    return {};
}

template <class Work>
Status SqliteCatalog::in_transaction(Work work) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    ASSIGN_OR_RETURN(auto transaction, Transaction::begin(*database_));
    RETURN_IF_ERROR(work(*database_));
    return transaction.commit();
}

Result<std::vector<Tenant>> SqliteCatalog::tenants() {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    return load_tenants(*database_);
}

Result<std::vector<DirectoryEntry>> SqliteCatalog::directory(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    return load_directory(*database_, tenant);
}

Result<std::optional<DirectoryEntry>> SqliteCatalog::find_entry(std::string_view lookup) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    return load_entry(*database_, lookup);
}

Result<std::vector<AuditRecord>> SqliteCatalog::audit_records(size_t count) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    return load_audit_records(*database_, count);
}

Result<std::vector<Source>> SqliteCatalog::sources(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    return load_sources(*database_, tenant);
}

Result<std::vector<IdempotencyEntry>> SqliteCatalog::idempotency(SourceIncarnation incarnation,
                                                                 WallNanos now) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    return load_idempotency(*database_, incarnation, now);
}

Result<std::vector<GarbageFile>> SqliteCatalog::garbage() {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    ASSIGN_OR_RETURN(auto rows,
                     database_->prepare("SELECT file_id, tenant, incarnation, epoch, generation,"
                                        " part, since FROM garbage ORDER BY file_id"));
    std::vector<GarbageFile> garbage;
    for (;;) {
        ASSIGN_OR_RETURN(const bool row, rows.step());
        if (!row) return garbage;
        TenantId tenant;
        std::ranges::copy(rows.blob(1), std::as_writable_bytes(std::span(tenant.bytes)).begin());
        const DataFile file{.id = FileId{rows.uint64(0)},
                            .epoch = Epoch{rows.uint64(3)},
                            .generation = Generation{rows.uint64(4)},
                            .part = static_cast<uint32_t>(rows.uint64(5))};
        garbage.push_back({.id = file.id,
                           .path = file_path(tenant, SourceIncarnation{rows.uint64(2)}, file),
                           .since = rows.int64(6)});
    }
}

Result<uint64_t> SqliteCatalog::change_directory(const ChangeDirectory& command) {
    RETURN_IF_ERROR(check(command));
    uint64_t revision = 0;
    RETURN_IF_ERROR(in_transaction([&](Database& database) -> Status {
        ASSIGN_OR_RETURN(revision, apply_change(database, command));
        return {};
    }));
    return revision;
}

Result<Epoch> SqliteCatalog::raise_epoch(const RaiseEpoch& command) {
    Epoch epoch;
    RETURN_IF_ERROR(in_transaction([&](Database& database) -> Status {
        ASSIGN_OR_RETURN(auto update, database.prepare("UPDATE tenants SET epoch = epoch + 1"
                                                       " WHERE tenant = ? RETURNING epoch"));
        update.bind(tenant_bytes(command.tenant));
        ASSIGN_OR_RETURN(const bool found, update.step());
        if (!found) return fail(tenant_unknown());
        epoch.value = update.uint64(0);
        return update.run();
    }));
    return epoch;
}

Status SqliteCatalog::raise_epochs() {
    return in_transaction([&](Database& database) -> Status {
        return database.exec("UPDATE tenants SET epoch = epoch + 1");
    });
}

Status SqliteCatalog::forget_audit_records(const std::vector<uint64_t>& numbers) {
    return in_transaction(
        [&](Database& database) -> Status { return delete_audit_records(database, numbers); });
}

Status SqliteCatalog::add_source(const AddSource& command) {
    const Source& source = command.source;
    RETURN_IF_ERROR(check(command));
    return in_transaction([&](Database& database) -> Status {
        RETURN_IF_ERROR(check_tenant(database, source.tenant));
        const auto inserted = insert_source(database, source);
        if (!inserted && inserted.error().code() == Code::already_exists) {
            return fail(source_exists());
        }
        RETURN_IF_ERROR(inserted);
        RETURN_IF_ERROR(upsert_columns(database, source.incarnation, source.columns));
        return insert_audit_records(database, command.audit);
    });
}

Status SqliteCatalog::remove_source(const RemoveSource& command) {
    return in_transaction([&](Database& database) -> Status {
        RETURN_IF_ERROR(move_all_files_to_garbage(database, command.tenant, command.incarnation,
                                                  clock_.wall_now()));
        ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM sources"
                                                       " WHERE incarnation = ? AND tenant = ?"));
        RETURN_IF_ERROR(remove.bind(command.incarnation.value, tenant_bytes(command.tenant)).run());
        if (database.changes() != 1) return fail(source_removed());
        return insert_audit_records(database, command.audit);
    });
}

Status SqliteCatalog::commit_files(const CommitFiles& command) {
    RETURN_IF_ERROR(check(command));
    return in_transaction(
        [&](Database& database) -> Status { return apply_commit(database, command); });
}

Status SqliteCatalog::forget_garbage(const std::vector<FileId>& files) {
    return in_transaction([&](Database& database) -> Status {
        ASSIGN_OR_RETURN(auto remove, database.prepare("DELETE FROM garbage WHERE file_id = ?"));
        for (const FileId file : files) RETURN_IF_ERROR(remove.bind(file.value).run());
        return {};
    });
}

Result<uint64_t> SqliteCatalog::allocate_ids(IdKind kind, uint64_t count) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    RETURN_IF_ERROR(check_id_count(count));
    IdBlock& block = blocks_[kind];
    if (block.end - block.next < count) RETURN_IF_ERROR(reserve_ids(kind, count, block));
    const uint64_t first = block.next;
    block.next += count;
    return first;
}

Status SqliteCatalog::reserve_ids(IdKind kind, uint64_t count, IdBlock& block) {
    ASSIGN_OR_RETURN(auto transaction, Transaction::begin(*database_));
    IdBlock reserved{.next = 1};  // 0 is no id
    {
        ASSIGN_OR_RETURN(auto select, database_->prepare("SELECT next FROM counters"
                                                         " WHERE kind = ?"));
        ASSIGN_OR_RETURN(const bool found, select.bind(static_cast<uint8_t>(kind)).step());
        if (found) reserved.next = select.uint64(0);
    }
    reserved.end = reserved.next + std::max(count, kIdBlock);
    {
        ASSIGN_OR_RETURN(auto upsert,
                         database_->prepare("INSERT INTO counters (kind, next) VALUES (?, ?)"
                                            " ON CONFLICT (kind) DO UPDATE"
                                            " SET next = excluded.next"));
        RETURN_IF_ERROR(upsert.bind(static_cast<uint8_t>(kind), reserved.end).run());
    }
    RETURN_IF_ERROR(transaction.commit());
    block = reserved;
    return {};
}

Result<std::optional<std::string>> SqliteCatalog::setting(std::string_view key) {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(check_open());
    ASSIGN_OR_RETURN(auto select, database_->prepare("SELECT value FROM settings WHERE key = ?"));
    ASSIGN_OR_RETURN(const bool found, select.bind(key).step());
    if (!found) return std::nullopt;
    return std::string(as_text(select.blob(0)));
}

Status SqliteCatalog::put_setting(std::string_view key, std::string_view value) {
    RETURN_IF_ERROR(check_setting(key, value));
    return in_transaction([&](Database& database) -> Status {
        ASSIGN_OR_RETURN(auto upsert,
                         database.prepare("INSERT INTO settings (key, value) VALUES (?, ?)"
                                          " ON CONFLICT (key) DO UPDATE SET value ="
                                          " excluded.value"));
        return upsert.bind(key, as_bytes(value)).run();
    });
}

Status SqliteCatalog::close() {
    const std::lock_guard lock(mutex_);
    if (database_ == nullptr) return {};
    const Status closed = database_->close();
    database_.reset();
    return closed;
}

Result<std::unique_ptr<Catalog>> open_sqlite_catalog(FileSystem& fs, Clock& clock,
                                                     std::string path) {
    ASSIGN_OR_RETURN(auto catalog, SqliteCatalog::open(fs, clock, std::move(path)));
    return catalog;
}

}  // namespace insula::catalog
