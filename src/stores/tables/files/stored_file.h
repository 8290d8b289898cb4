// StoredFile: a Parquet file under blob/ as the engine reads it. It is opened at the first read;
// OpenFiles bounds how many are open at once and closes the one that was used longest ago.
// Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/catalog/types.h"
#include "platform/blob/blob_file.h"
#include "platform/engine/engine.h"
#include "platform/fs/file_system.h"

namespace insula::tables {

class OpenFiles;

class StoredFile final : public engine::ReadableFile {
  public:
    // `fs` and `open_files` must outlive the file.
    StoredFile(FileSystem& fs, OpenFiles& open_files, std::string path, FileId id,
               uint64_t content_bytes);
    ~StoredFile() override;

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override;
    uint64_t size() const override { return content_bytes_; }

  private:
    friend class OpenFiles;
    Result<std::shared_ptr<blob::BlobReader>> reader();

    FileSystem& fs_;
    OpenFiles& open_files_;
    const std::string path_;
    const FileId id_;
    const uint64_t content_bytes_;
    std::mutex mutex_;
    std::shared_ptr<blob::BlobReader> reader_;
    std::list<StoredFile*>::iterator place_;  // in OpenFiles' list while reader_ is set
};

class OpenFiles {
  public:
    static constexpr size_t kOpenMax = 1024;
    explicit OpenFiles(size_t open_max = kOpenMax) : open_max_(open_max) {}
    size_t count() const;

  private:
    friend class StoredFile;
    // Called with the file's mutex held.
    void opened(StoredFile& file);
    void closed(StoredFile& file);

    const size_t open_max_;
    mutable std::mutex mutex_;
    std::list<StoredFile*> files_;  // opened longest ago first
};

// The files of one version of a source. Immutable.
struct FileEntry {
    catalog::DataFile meta;
    std::shared_ptr<StoredFile> file;
};
using FileSet = std::vector<FileEntry>;

}  // namespace insula::tables
