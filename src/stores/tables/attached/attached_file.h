// AttachedFile: a Parquet file outside of the data directory as the engine reads it, while it is
// the one that was attached. Opened at the first read; counts among OpenFiles. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "platform/engine/engine.h"
#include "platform/fs/outside_directory.h"
#include "stores/tables/attached/discovery.h"
#include "stores/tables/files/stored_file.h"

namespace insula::tables {

class AttachedFile final : public engine::ReadableFile, public OpenFile {
  public:
    // `open_files` must outlive the file.
    AttachedFile(OpenFiles& open_files, AttachedPlace place, std::string name,
                 FileIdentity identity);
    ~AttachedFile() override;

    // aborted "attachment_changed" if the file is another one by now, or was written to: also by
    // the end of the read, so that bytes of two contents are never mixed.
    Result<size_t> read_at(MutableBytes out, uint64_t offset) override;
    uint64_t size() const override { return identity_.bytes; }

  private:
    Result<std::shared_ptr<OutsideFile>> file();
    bool try_close() override;

    OpenFiles& open_files_;
    const AttachedPlace place_;
    const std::string name_;
    const FileIdentity identity_;
    std::mutex mutex_;
    std::shared_ptr<OutsideFile> file_;
};

// The file `name` was replaced, or written to, while it was read.
Error attachment_changed(std::string_view name);

}  // namespace insula::tables
