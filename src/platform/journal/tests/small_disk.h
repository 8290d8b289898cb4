// A file system that says how much room is left, whatever is true.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "platform/fs/file_system.h"

namespace insula::journal {

class SmallDisk final : public FileSystem {
  public:
    SmallDisk(FileSystem& inner, uint64_t available_bytes)
        : inner_(inner), available_bytes_(available_bytes) {}
    void set_available_bytes(uint64_t bytes) { available_bytes_ = bytes; }

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
        return inner_.open(path, mode);
    }
    Status rename(std::string_view from, std::string_view to) override {
        return inner_.rename(from, to);
    }
    Status remove(std::string_view path) override { return inner_.remove(path); }
    Status create_directory(std::string_view path) override {
        return inner_.create_directory(path);
    }
    Status remove_directory(std::string_view path) override {
        return inner_.remove_directory(path);
    }
    Status sync_directory(std::string_view path) override { return inner_.sync_directory(path); }
    Result<std::vector<DirectoryEntry>> list(std::string_view path) override {
        return inner_.list(path);
    }
    Result<bool> exists(std::string_view path) override { return inner_.exists(path); }
    Result<SpaceInfo> space(std::string_view path) override {
        ASSIGN_OR_RETURN(SpaceInfo space, inner_.space(path));
        space.available_bytes = available_bytes_;
        return space;
    }
    Result<std::unique_ptr<FileLock>> lock(std::string_view path) override {
        return inner_.lock(path);
    }

  private:
    FileSystem& inner_;
    std::atomic<uint64_t> available_bytes_;
};

}  // namespace insula::journal
