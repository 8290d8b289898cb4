// A SQLite database in WAL mode on one connection, all of its I/O through our FileSystem. A commit
// that returned success survives a power cut. Not thread-safe: its owner holds a mutex around every
// call, also those of its Statements and Transactions. The FileSystem must outlive it.
//
// After a failed sync the database can still be read, but every later change fails; open it anew.
//
// Errors: a full disk is storage_exhausted; damage is data_loss; a broken uniqueness is
// already_exists; a broken foreign key is failed_precondition; a failed call of the file system
// keeps that call's code. Everything else is internal. Details hold the SQL, for operators.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "platform/fs/file_system.h"
#include "platform/sqlite/statement.h"

struct sqlite3;
struct sqlite3_stmt;

namespace insula::sqlite {

class FileSystemVfs;

// The log is copied into the database once it has this many pages of 4 KiB, by the commit that
// reached it.
inline constexpr uint32_t kCheckpointPages = 1000;
// If copying fails, the log grows; beyond this no further transaction begins.
inline constexpr uint32_t kLogPagesMax = 16 * kCheckpointPages;
// The log is cut to this size when it is begun anew after a checkpoint.
inline constexpr uint64_t kLogBytesKept = 16 * kMiB;
inline constexpr uint64_t kPageCacheBytes = 16 * kMiB;
inline constexpr size_t kCachedStatementsMax = 128;

class Database {
  public:
    // Opens or creates `path`, whose directory must exist. What a process that died had written to
    // the log is made durable before this returns. data_loss if the log is damaged before a commit
    // that counts. Pages of a database from before they had checksums are written anew, with them.
    static Result<std::unique_ptr<Database>> open(FileSystem& fs, std::string path);
    // As close(), whose error is lost.
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Runs any number of statements without parameters; their rows are dropped.
    Status exec(std::string_view sql);
    // One statement.
    Result<Statement> prepare(std::string_view sql);
    // Rows that the last INSERT, UPDATE or DELETE changed.
    int64_t changes() const;

    // Copies the whole log into the database; the next commit begins the log anew.
    Status checkpoint();
    // Checkpoints and closes. Statements and Transactions must be gone. Idempotent.
    Status close();

  private:
    friend class Statement;
    friend class Transaction;

    Database(std::string path, std::unique_ptr<FileSystemVfs> vfs);
    static Result<std::unique_ptr<Database>> open_as_it_is(FileSystem& fs, std::string path);
    static Status seal_pages_of(FileSystem& fs, const std::string& path);
    Status start();
    Status begin();
    void roll_back();
    Error error(int code, std::string_view doing) const;
    void forget_errors();
    void give_back(sqlite3_stmt* statement);
    static int log_grew(void* self, sqlite3* connection, const char* name, int pages);

    const std::string path_;
    const std::unique_ptr<FileSystemVfs> vfs_;
    sqlite3* connection_ = nullptr;
    bool started_ = false;  // start() succeeded
    std::map<std::string, sqlite3_stmt*, std::less<>> cache_;
    uint32_t log_pages_ = 0;
    std::optional<Error> checkpoint_error_;  // of the last try
    std::optional<Error>
        rollback_error_;  // what is in memory may be wrong: nothing begins any more
};

// One transaction, rolled back unless committed. Takes the write lock at once.
class [[nodiscard]] Transaction {
  public:
    static Result<Transaction> begin(Database& database);
    Transaction(Transaction&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

    // Durable on success. After an error nothing of it is visible; it may still turn up after a
    // crash, wholly.
    Status commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;  // nullptr once committed or moved from
};

}  // namespace insula::sqlite
