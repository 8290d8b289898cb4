// Storage as the operating system gives it: the only code that calls it for files. Paths are handed
// on as they are, absolute or relative to the working directory. Descriptors are closed on exec.
// Thread-safe.
#pragma once

#include "platform/fs/file_system.h"

namespace insula {

class OsFileSystem final : public FileSystem {
  public:
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
};

}  // namespace insula
