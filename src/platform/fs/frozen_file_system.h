// A view of another file system in which nothing on the disk ever changes: what is written to files
// stays in memory, and is seen by whoever opens them through this view; files are removed and
// renamed in the view alone. So a database that can only be opened for writing can be looked at
// where it lies. Changes of directories are refused, syncs do nothing.
//
// Thread-safe as any FileSystem. `inner` must outlive it. Memory: the pages that were written.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "platform/fs/file_system.h"

namespace insula {

class FrozenFileSystem final : public FileSystem {
  public:
    explicit FrozenFileSystem(FileSystem& inner) : inner_(inner) {}

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status create_directory(std::string_view path) override;
    Status remove_directory(std::string_view path) override;
    Status sync_directory(std::string_view path) override;
    // What the inner one has: what changed in this view makes no difference.
    Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
    Result<bool> exists(std::string_view path) override;
    Result<SpaceInfo> space(std::string_view path) override;
    Result<std::unique_ptr<FileLock>> lock(std::string_view path) override;

  private:
    friend class FrozenFile;
    struct Content;

    static std::shared_ptr<Content> removed();
    // Null if there is no such file. With mutex_ held.
    Result<std::shared_ptr<Content>> find(const std::string& path);

    FileSystem& inner_;
    std::mutex mutex_;
    // Of the files that were opened or removed.
    std::map<std::string, std::shared_ptr<Content>, std::less<>> contents_;
};

}  // namespace insula
