// Hands every call on: what a file system that changes a few of them derives from. For tests, like
// those that fail and those that lose power. Threads: as the inner one, which must outlive it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/fs/file_system.h"

namespace insula {

class ForwardingFile : public File {
  public:
    explicit ForwardingFile(std::unique_ptr<File> inner) : inner_(std::move(inner)) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        return inner_->read_at(out, offset);
    }
    Status write_at(Bytes data, uint64_t offset) override { return inner_->write_at(data, offset); }
    Status sync_data() override { return inner_->sync_data(); }
    Status truncate(uint64_t size) override { return inner_->truncate(size); }
    Result<uint64_t> size() override { return inner_->size(); }

  private:
    std::unique_ptr<File> inner_;
};

class ForwardingFileSystem : public FileSystem {
  public:
    explicit ForwardingFileSystem(FileSystem& inner) : inner_(inner) {}

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
    Result<SpaceInfo> space(std::string_view path) override { return inner_.space(path); }
    Result<std::unique_ptr<FileLock>> lock(std::string_view path) override {
        return inner_.lock(path);
    }

  private:
    FileSystem& inner_;
};

}  // namespace insula
