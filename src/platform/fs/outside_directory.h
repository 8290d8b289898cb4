// OutsideDirectory: a directory that the operator allowed, whose files other programs write and we
// only read. The names below it come from clients, so nothing leads out of it: each name is looked
// up in the directory before it, symbolic links are not followed, and only regular files are
// opened. The directory's own path may hold symbolic links: the operator wrote it.
//
// Whatever cannot be used is not_found "outside_file_not_found", whether it is absent, forbidden or
// of another kind: the answer must not tell what there is. The detail does.
//
// Thread-safe. Nothing is kept open but OutsideFiles.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace insula {

// Which content a file has, as far as the file system tells without reading it: a change of the
// content changes one of these. But a file that was written in the last moments may be written
// again without a trace, as clocks of file systems tick every few milliseconds: it is not settled.
struct FileIdentity {
    uint64_t inode = 0;
    uint64_t bytes = 0;
    int64_t modified_at = 0;  // nanoseconds since 1970
    int64_t changed_at = 0;   // the same; also of its name, owner and rights
    bool settled = true;
    bool same_content(const FileIdentity& other) const {
        return inode == other.inode && bytes == other.bytes && modified_at == other.modified_at &&
               changed_at == other.changed_at;
    }
};

// Thread-safe. Does not refer to its OutsideDirectory.
class OutsideFile {
  public:
    virtual ~OutsideFile() = default;
    // Reads until `out` is full or the file ends; returns how many bytes were read.
    virtual Result<size_t> read_at(MutableBytes out, uint64_t offset) = 0;
    // As it is now, whatever name it has.
    virtual Result<FileIdentity> identity() = 0;
};

struct OutsideEntry {
    std::string name;
    FileIdentity identity;
};

class OutsideDirectory {
  public:
    using Names = std::span<const std::string>;
    static constexpr size_t kNamesMax = 64;  // of one path

    // `path` is absolute. Nothing at or below `closed` (a path, or empty) is ever shown.
    OutsideDirectory(std::string path, std::string closed)
        : path_(std::move(path)), closed_(std::move(closed)) {}

    const std::string& path() const { return path_; }

    // The regular file at `names`, below this directory.
    Result<std::unique_ptr<OutsideFile>> open(Names names) const;
    Result<FileIdentity> identity(Names names) const;
    // The regular files whose names are `wanted` in the directory at `names` (none: this one),
    // sorted by name. payload_too_large "too_many_outside_files" above `files_max`.
    Result<std::vector<OutsideEntry>> files(Names names,
                                            const std::function<bool(std::string_view)>& wanted,
                                            size_t files_max) const;

  private:
    std::string path_;
    std::string closed_;
};

}  // namespace insula
