// A file system that fails a chosen call, for sweeps over every call that a piece of work makes:
//
//   FaultyFileSystem fs(inner);
//   work(fs);                                   // counts
//   const uint64_t calls = fs.calls();
//   for (uint64_t n = 1; n <= calls; ++n) {
//       fs.arm({.at_call = n, .fault = Fault::io_error});
//       const Status status = work(fs);         // on fresh state
//       // fs.faults() > 0 => status is an error, or the work proves that it did without the call
//   }
//
// Every call of FileSystem and File counts (File: read_at, write_at, sync_data, truncate, size).
// Thread-safe; `inner` and this must outlive the files. Destroying a File or FileLock is no call.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "platform/fs/file_system.h"

namespace insula {

enum class StorageCall {
    open,
    read,
    write,
    sync,
    truncate,
    size,
    rename,
    remove,
    create_directory,
    remove_directory,
    sync_directory,
    list,
    exists,
    space,
    lock,
};

std::string_view storage_call_name(StorageCall call_kind);

enum class Fault {
    io_error,       // EIO, no effect: any call
    late_io_error,  // EIO though the call took effect: any call
    disk_full,      // ENOSPC, no effect: what needs room (open for creating, write, sync, truncate,
                    // rename, create_directory, lock)
    short_write,    // the first half of the bytes reaches the inner file, then EIO: write
    interrupted,  // the inner read or write is cut in two, as by a signal, and goes on: must not be
                  // noticed
    too_many_files,  // EMFILE, no effect: open, list, sync_directory, lock
};

struct FaultPlan {
    uint64_t at_call = 0;  // 1 is the next call; 0 only counts
    Fault fault = Fault::io_error;
    bool from_then_on = false;  // else only that one call
    // Counts and fails only calls of this kind ("the third sync").
    std::optional<StorageCall> only = std::nullopt;
    // After a failed sync_data(), later ones of that file return success and do nothing, as the
    // kernel does after it dropped dirty pages: over a CrashFileSystem the data is then gone after
    // crash().
    bool later_syncs_pretend = false;
};

class FaultyFileSystem final : public FileSystem {
  public:
    explicit FaultyFileSystem(FileSystem& inner) : inner_(inner) {}

    // Sets calls() and faults() to 0. A fault that does not apply to the call it falls on lets it
    // pass.
    void arm(FaultPlan plan);
    void disarm() { arm({}); }
    // Is told the number of each counted call that the plan's fault applies to, before the call is
    // made and whether it fails or not; in the thread that calls, under this object's lock. Set
    // while nobody calls.
    void watch(std::function<void(uint64_t call)> watcher) { watcher_ = std::move(watcher); }

    uint64_t calls() const;   // counted since arm()
    uint64_t faults() const;  // calls that failed, or were interrupted, since arm()
    // "write data/1.seg (call 17)": the last call that met the fault; for test messages.
    std::string last_fault() const;

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status create_directory(std::string_view path) override;
    Status remove_directory(std::string_view path) override;
    Status sync_directory(std::string_view path) override;
    Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
    Result<bool> exists(std::string_view path) override;
    Result<SpaceInfo> space(std::string_view path) override;
    Result<std::unique_ptr<FileLock>> lock(std::string_view path) override;

  private:
    friend class FaultyFile;
    struct SyncHistory {
        bool failed = false;
    };

    // Counts the call and says which fault it meets.
    std::optional<Fault> count(StorageCall call_kind, std::string_view path, bool creates = false);
    template <class Call>
    auto run(StorageCall call_kind, std::string_view path, Call call, bool creates = false)
        -> decltype(call());
    bool pretends(const SyncHistory& history) const;
    void sync_failed(SyncHistory& history);

    FileSystem& inner_;
    mutable std::mutex mutex_;
    FaultPlan plan_;
    uint64_t calls_ = 0;
    uint64_t faults_ = 0;
    std::string last_fault_;
    std::function<void(uint64_t)> watcher_;
    // By path, so that a second File of the same path shares it. Files keep theirs through a
    // rename.
    std::map<std::string, std::shared_ptr<SyncHistory>, std::less<>> histories_;
};

}  // namespace insula
