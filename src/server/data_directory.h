// The data directory: layout, version and lock (docs/formats/data-directory.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::server {

inline constexpr std::string_view kRootKeyFile = "root.key";
// A setting of the catalog: whether the root key is the directory's own file.
inline constexpr std::string_view kRootKeyPlace = "root_key_place";
inline constexpr std::string_view kRootKeyHere = "directory";
inline constexpr std::string_view kRootKeyElsewhere = "elsewhere";

// Holds the directory's lock while it lives.
class DataDirectory {
  public:
    // Makes what is missing, refuses a directory of another version or one that another process
    // uses, and empties tmp/.
    static Result<DataDirectory> open(FileSystem& fs, const std::string& path);
    // The directory of a node that is not running, for those who look at it: nothing is made or
    // emptied, and what holds no insula data is refused.
    static Result<DataDirectory> open_stopped(FileSystem& fs, const std::string& path);

    const std::string& path() const { return path_; }
    std::string catalog_path() const { return path_ + "/control.db"; }
    // Names the catalog on PostgreSQL that the directory belongs to, if it does.
    std::string pair_path() const { return path_ + "/CATALOG"; }
    std::string journal_path() const { return path_ + "/journal"; }
    std::string audit_path() const { return path_ + "/audit"; }
    std::string spill_path() const { return path_ + "/tmp/spill"; }
    // The root key, unless it is kept elsewhere.
    std::string root_key_path() const { return path_ + "/" + std::string(kRootKeyFile); }
    std::string probe_path() const { return path_ + "/tmp/probe"; }

  private:
    DataDirectory(std::string path, std::unique_ptr<FileLock> lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    std::unique_ptr<FileLock> lock_;
};

}  // namespace insula::server
