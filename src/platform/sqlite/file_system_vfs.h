// SQLite's view of storage, over our FileSystem: so that fault injection and crash simulation reach
// every byte that SQLite reads and writes. One instance serves one Database and is registered under
// a name of its own while it lives. The FileSystem must outlive it.
//
// Threads: used by the one connection of its Database, under that owner's mutex.
//
// Always holds:
//  1. A file that SQLite may have created has its directory synced at its first sync: what a sync
//     made durable can be found again.
//  2. A failed sync fences the instance: later writes and syncs fail with the same error, because
//     the kernel forgets what it could not write and a second sync that succeeds proves nothing.
//     Only closing and opening anew leads on.
//  3. Pages of a database file carry checksums (page_checksum.h): added as they are written,
//     compared as they are read, which fails with data_loss.
//  4. Locks are no-ops: one connection, in the one process that holds the data directory's lock.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "platform/fs/file_system.h"

// NOLINTNEXTLINE(readability-identifier-naming): the library's name
struct sqlite3_vfs;

namespace insula::sqlite {

class FileSystemVfs {
  public:
    static Result<std::unique_ptr<FileSystemVfs>> create(FileSystem& fs);
    ~FileSystemVfs();
    FileSystemVfs(const FileSystemVfs&) = delete;
    FileSystemVfs& operator=(const FileSystemVfs&) = delete;

    const std::string& name() const { return name_; }
    FileSystem& file_system() { return fs_; }

    // The error of the last call that failed since forget_error(): SQLite's result codes cannot
    // carry it.
    const std::optional<Error>& last_error() const { return last_error_; }
    void forget_error() { last_error_.reset(); }
    // Set once a sync has failed.
    const std::optional<Error>& fence() const { return fence_; }

    // For the callbacks: keep `error` and return the code that SQLite should see, which is
    // SQLITE_FULL for a full disk and `code` otherwise.
    int record(int code, const Error& error);
    int record_failed_sync(int code, const Error& error);

  private:
    FileSystemVfs(FileSystem& fs, std::string name);

    FileSystem& fs_;
    const std::string name_;
    std::unique_ptr<sqlite3_vfs> vfs_;
    std::optional<Error> last_error_;
    std::optional<Error> fence_;
};

}  // namespace insula::sqlite
