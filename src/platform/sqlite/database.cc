#include "platform/sqlite/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "platform/sqlite/file_system_vfs.h"
#include "platform/sqlite/log_check.h"
#include "platform/sqlite/page_checksum.h"

namespace insula::sqlite {
namespace {

// EXCLUSIVE before WAL: then the index of the log is kept in memory of ours instead of a shared
// mapping. FULL: each commit is synced. The rest is hardening against damaged files and schemas.
std::string opening_pragmas() {
    return fmt::format(
        "PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON;"
        "PRAGMA temp_store = MEMORY;"
        "PRAGMA trusted_schema = OFF;"
        "PRAGMA cell_size_check = ON;"
        "PRAGMA cache_spill = OFF;"  // see log_check.h
        "PRAGMA cache_size = -{};"
        "PRAGMA journal_size_limit = {};",
        kPageCacheBytes / kKiB, kLogBytesKept);
}

// Makes durable what an earlier process left in its log, for SQLite is about to take it for
// committed. That process may have been killed before it synced; or its last sync failed, and then
// the kernel shows bytes that are not on the disk and that no sync of ours would bring there. So
// the bytes are written once more and synced.
Status write_log_again(FileSystem& fs, const std::string& path) {
    auto log = fs.open(path, OpenMode::read_write);
    if (!log) {
        if (log.error().code() == Code::not_found) return {};
        return fail(log.error());
    }
    ASSIGN_OR_RETURN(const uint64_t size, (*log)->size());
    std::vector<std::byte> piece(std::min<uint64_t>(size, kMiB));
    for (uint64_t offset = 0; offset < size;) {
        ASSIGN_OR_RETURN(const size_t count, (*log)->read_at(piece, offset));
        if (count == 0) break;  // it is ours alone, so it does not shrink; but never loop
        RETURN_IF_ERROR((*log)->write_at(Bytes(piece).first(count), offset));
        offset += count;
    }
    RETURN_IF_ERROR((*log)->sync_data());
    return fs.sync_directory(parent_path(path));
}

Result<bool> is_unsealed(FileSystem& fs, const std::string& path) {
    const auto file = fs.open(path, OpenMode::read);
    if (!file && file.error().code() == Code::not_found) return false;
    if (!file) return fail(file.error());
    std::array<std::byte, kPageBytes> first;
    ASSIGN_OR_RETURN(const size_t got, (*file)->read_at(first, 0));
    return form_of(Bytes(first).first(got)) == FileForm::unsealed;
}

Status remove_if_there(FileSystem& fs, const std::string& path) {
    const Status removed = fs.remove(path);
    if (removed || removed.error().code() == Code::not_found) return {};
    return removed;
}

bool is_uniqueness(int extended_code) {
    return extended_code == SQLITE_CONSTRAINT_PRIMARYKEY ||
           extended_code == SQLITE_CONSTRAINT_UNIQUE || extended_code == SQLITE_CONSTRAINT_ROWID;
}

Error constraint_error(int extended_code, std::string_view detail) {
    if (is_uniqueness(extended_code)) {
        return Error(Code::already_exists, "already_exists", "It exists already.")
            .with_detail(detail);
    }
    if (extended_code == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return Error(Code::failed_precondition, "reference_missing",
                     "Something that this refers to does not exist.")
            .with_detail(detail);
    }
    return internal_error(std::string(detail));
}

}  // namespace

Database::Database(std::string path, std::unique_ptr<FileSystemVfs> vfs)
    : path_(std::move(path)), vfs_(std::move(vfs)) {}

Database::~Database() {
    // Every commit is durable without the checkpoint, which the next open() would do again.
    static_cast<void>(close());
}

Result<std::unique_ptr<Database>> Database::open(FileSystem& fs, std::string path) {
    ASSIGN_OR_RETURN(const bool unsealed, is_unsealed(fs, path));
    if (unsealed) {
        const Status sealed = seal_pages_of(fs, path);
        if (!sealed) return fail(sealed.error().with_detail(path + ": add checksums to the pages"));
    }
    return open_as_it_is(fs, std::move(path));
}

// Writes a copy beside it and renames that over it: a power cut leaves the one or the other.
Status Database::seal_pages_of(FileSystem& fs, const std::string& path) {
    const std::string copy = path + "-sealed";
    RETURN_IF_ERROR(remove_if_there(fs, copy));
    ASSIGN_OR_RETURN(const auto database, open_as_it_is(fs, path));
    {
        ASSIGN_OR_RETURN(auto vacuum, database->prepare("VACUUM INTO ?"));
        RETURN_IF_ERROR(vacuum.bind(copy).run());
    }
    RETURN_IF_ERROR(database->close());
    // The log of the old file must never be read with the new one.
    RETURN_IF_ERROR(remove_if_there(fs, path + "-wal"));
    RETURN_IF_ERROR(fs.sync_directory(parent_path(path)));
    {
        ASSIGN_OR_RETURN(const auto file, fs.open(copy, OpenMode::read_write));
        RETURN_IF_ERROR(file->sync_data());
    }
    RETURN_IF_ERROR(fs.rename(copy, path));
    return fs.sync_directory(parent_path(path));
}

Result<std::unique_ptr<Database>> Database::open_as_it_is(FileSystem& fs, std::string path) {
    ASSIGN_OR_RETURN(auto vfs, FileSystemVfs::create(fs));
    std::unique_ptr<Database> database(new Database(std::move(path), std::move(vfs)));
    RETURN_IF_ERROR(database->start());
    return database;
}

Status Database::start() {
    RETURN_IF_ERROR(check_log(vfs_->file_system(), path_ + "-wal"));
    const auto rewritten = write_log_again(vfs_->file_system(), path_ + "-wal");
    if (!rewritten) return fail(rewritten.error().with_detail(path_ + ": write the log again"));
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                      SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(path_.c_str(), &connection_, flags, vfs_->name().c_str());
    if (code != SQLITE_OK) return fail(error(code, "open"));
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // Of a database that is made now, and of one that VACUUM makes.
    int reserved = kPageReservedBytes;
    sqlite3_file_control(connection_, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    RETURN_IF_ERROR(exec("PRAGMA locking_mode = EXCLUSIVE"));
    {
        ASSIGN_OR_RETURN(auto mode, prepare("PRAGMA journal_mode = WAL"));
        ASSIGN_OR_RETURN(const bool row, mode.step());
        if (!row || mode.text(0) != "wal") {
            return fail(error(SQLITE_ERROR, "the database could not be put into WAL mode"));
        }
    }
    RETURN_IF_ERROR(exec(opening_pragmas()));
    // Replaces SQLite's own checkpoint, which drops the errors.
    sqlite3_wal_hook(connection_, log_grew, this);
    started_ = true;
    return {};
}

Status Database::exec(std::string_view sql) {
    forget_errors();
    const int code = sqlite3_exec(connection_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(error(code, sql));
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    if (const auto cached = cache_.find(sql); cached != cache_.end()) {
        sqlite3_stmt* statement = cached->second;
        cache_.erase(cached);
        return Statement(*this, sqlite3_sql(statement), statement);
    }
    forget_errors();
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, &rest);
    if (code != SQLITE_OK) return fail(error(code, sql));
    INSULA_CHECK(statement != nullptr, "prepare() takes a statement");
    INSULA_CHECK(rest == sql.data() + sql.size(), "prepare() takes one statement");
    return Statement(*this, sqlite3_sql(statement), statement);
}

void Database::give_back(sqlite3_stmt* statement) {
    // The result of the last run, which step() has reported.
    static_cast<void>(sqlite3_reset(statement));
    sqlite3_clear_bindings(statement);
    if (cache_.size() < kCachedStatementsMax &&
        cache_.emplace(sqlite3_sql(statement), statement).second) {
        return;
    }
    static_cast<void>(sqlite3_finalize(statement));
}

int64_t Database::changes() const { return sqlite3_changes64(connection_); }

int Database::log_grew(void* self, sqlite3* connection, const char* name, int pages) {
    auto& database = *static_cast<Database*>(self);
    database.log_pages_ = static_cast<uint32_t>(pages);
    if (database.log_pages_ < kCheckpointPages) return SQLITE_OK;
    const int code =
        sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    // The commit itself is durable in the log, so it succeeds; begin() watches over the log's
    // growth.
    if (code == SQLITE_OK) {
        database.checkpoint_error_.reset();
    } else {
        database.checkpoint_error_ = database.error(code, "checkpoint");
    }
    return SQLITE_OK;
}

Status Database::checkpoint() {
    forget_errors();
    // Not TRUNCATE: a power cut may leave half of a truncated log, whose first commits would then
    // be replayed over the newer database. RESTART leaves the log as it is, and SQLite syncs the
    // new header before it writes over the old frames.
    const int code = sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_RESTART,
                                               nullptr, nullptr);
    if (code != SQLITE_OK) return fail(error(code, "checkpoint"));
    log_pages_ = 0;
    checkpoint_error_.reset();
    return {};
}

Status Database::close() {
    if (connection_ == nullptr) return {};
    for (const auto& [sql, statement] : cache_) static_cast<void>(sqlite3_finalize(statement));
    cache_.clear();
    Status checkpointed;
    if (vfs_->fence()) {
        checkpointed = fail(*vfs_->fence());
    } else if (started_) {
        checkpointed = checkpoint();
    }
    const int code = sqlite3_close(connection_);
    INSULA_CHECK(code == SQLITE_OK, "statements must not outlive their database");
    connection_ = nullptr;
    return checkpointed;
}

Status Database::begin() {
    if (rollback_error_) return fail(*rollback_error_);
    if (vfs_->fence()) return fail(vfs_->fence()->with_detail(path_ + ": an earlier sync failed"));
    if (log_pages_ > kLogPagesMax && checkpoint_error_) {
        return fail(checkpoint_error_->with_detail(
            fmt::format("{}: the log has {} pages and cannot be copied", path_, log_pages_)));
    }
    return exec("BEGIN IMMEDIATE");
}

void Database::roll_back() {
    // Some errors (a full disk, a failed write) have rolled back already.
    if (sqlite3_get_autocommit(connection_) != 0) return;
    if (const auto done = exec("ROLLBACK"); !done) rollback_error_ = done.error();
}

void Database::forget_errors() { vfs_->forget_error(); }

Error Database::error(int code, std::string_view doing) const {
    const char* message =
        connection_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(connection_);
    const std::string detail = fmt::format("{}: {}: {} ({})", path_, doing, message, code);
    const auto& cause = vfs_->last_error();
    switch (code & 0xff) {
        case SQLITE_FULL:
            if (cause) return cause->with_detail(detail);
            return Error(Code::storage_exhausted, "disk_full", "The disk is full.")
                .with_detail(detail);
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
            return cause ? cause->with_detail(detail) : internal_error(detail);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return data_loss(detail);
        case SQLITE_CONSTRAINT:
            return constraint_error(code, detail);
        default:
            return internal_error(detail);
    }
}

Result<Transaction> Transaction::begin(Database& database) {
    RETURN_IF_ERROR(database.begin());
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_ != nullptr) database_->roll_back();
}

Status Transaction::commit() {
    INSULA_CHECK(database_ != nullptr, "a transaction commits once");
    RETURN_IF_ERROR(database_->exec("COMMIT"));
    database_ = nullptr;
    return {};
}

}  // namespace insula::sqlite
