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

// A file that may be open, and be closed by OpenFiles while nobody needs it.
class OpenFile {
  public:
    virtual ~OpenFile() = default;

  private:
    friend class OpenFiles;
    // False if it is in use right now. Called with the lock of OpenFiles held, which comes after
    // the file's own: it must not wait.
    virtual bool try_close() = 0;
    std::list<OpenFile*>::iterator place_;  // in OpenFiles' list while it is open
};

class StoredFile final : public engine::ReadableFile, public OpenFile {
  public:
    // `fs` and `open_files` must outlive the file.
    StoredFile(FileSystem& fs, OpenFiles& open_files, std::string path, FileId id,
               uint64_t content_bytes);
    ~StoredFile() override;

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override;
    uint64_t size() const override { return content_bytes_; }

  private:
    Result<std::shared_ptr<blob::BlobReader>> reader();
    bool try_close() override;

    FileSystem& fs_;
    OpenFiles& open_files_;
    const std::string path_;
    const FileId id_;
    const uint64_t content_bytes_;
    std::mutex mutex_;
    std::shared_ptr<blob::BlobReader> reader_;
};

class OpenFiles {
  public:
    static constexpr size_t kOpenMax = 1024;
    explicit OpenFiles(size_t open_max = kOpenMax) : open_max_(open_max) {}
    size_t count() const;
    // Called with the file's own lock held.
    void opened(OpenFile& file);
    void closed(OpenFile& file);

  private:
    const size_t open_max_;
    mutable std::mutex mutex_;
    std::list<OpenFile*> files_;  // opened longest ago first
};

// The files of one version of a source. Immutable.
struct FileEntry {
    catalog::DataFile meta;
    std::shared_ptr<engine::ReadableFile> file;
    // Of an attached Parquet file, which has neither our field ids nor `_row_id`: how it shows.
    std::shared_ptr<const engine::ForeignLayout> layout = nullptr;
    uint64_t first_row_id = 0;
};
using FileSet = std::vector<FileEntry>;

}  // namespace insula::tables
