// Fail points around every call to storage: a file system that kills the process before, within or
// after the n-th write, sync, rename, … of a kind of file. Only there while such a point is armed,
// so it costs nothing otherwise.
//
// Names: storage.FILE.CALL.MOMENT
//   FILE    segment, spare (of the journal), stream, journal (their directories), temporary (a data
//           file being written), data_file, data_directory, catalog, catalog_log, root (the data
//           directory itself), other
//   CALL    create, write, sync, truncate, rename, remove, and create_directory, remove_directory
//           for directories, whose sync is "sync" too
//   MOMENT  before, half (of a write: its first half is in the file), after
//
// Threads: thread-safe. `inner` must outlive this, and this its files.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/fs/forwarding_file_system.h"
#include "platform/runtime/fail_point.h"

namespace insula::server {

inline constexpr std::string_view kStorageFailPointPrefix = "storage.";

// In the order of the names above.
enum class StoredKind : uint8_t {
    segment,
    spare,
    stream,
    journal,
    temporary,
    data_file,
    data_directory,
    catalog,
    catalog_log,
    root,
    other,
};
enum class StorageMoment : uint8_t { before, half, after };

class StorageFailPoints final : public ForwardingFileSystem {
  public:
    // invalid_configuration for a name that is none of the above, and for half a call that is no
    // write.
    static Result<std::unique_ptr<StorageFailPoints>> create(FileSystem& inner,
                                                             std::string data_directory,
                                                             std::span<const FailPlan> plans);

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status create_directory(std::string_view path) override;
    Status remove_directory(std::string_view path) override;
    Status sync_directory(std::string_view path) override;

    StoredKind kind_of(std::string_view path) const;

  private:
    friend class FailPointFile;
    StorageFailPoints(FileSystem& inner, std::string data_directory)
        : ForwardingFileSystem(inner), data_directory_(std::move(data_directory)) {}

    // Of an open file; a rename changes it, as that of a spare to a segment.
    using CurrentKind = std::shared_ptr<std::atomic<StoredKind>>;
    CurrentKind current_kind(std::string_view path);

    // An error if the call has to fail at this moment.
    Status reach(StoredKind kind, std::string_view call, StorageMoment moment);
    template <class Call>
    Status around(StoredKind kind, std::string_view call_name, Call call);

    const std::string data_directory_;
    std::vector<std::unique_ptr<ArmedPlan>> plans_;
    std::mutex mutex_;
    std::map<std::string, CurrentKind, std::less<>> kinds_;  // of what was opened, by path
};

}  // namespace insula::server
