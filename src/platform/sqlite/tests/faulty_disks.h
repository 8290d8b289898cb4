// File systems for tests of this folder, each with the one fault that it is named after. Not
// thread-safe.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "platform/fs/forwarding_file_system.h"

namespace insula::sqlite {

// Refuses writes to one path while `refuses`.
class RefusingFileSystem final : public ForwardingFileSystem {
  public:
    RefusingFileSystem(FileSystem& inner, std::string path)
        : ForwardingFileSystem(inner), path_(std::move(path)) {}
    bool refuses = false;

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
        ASSIGN_OR_RETURN(auto file, ForwardingFileSystem::open(path, mode));
        if (path != path_) return file;
        return std::make_unique<RefusingFile>(*this, std::move(file));
    }

  private:
    class RefusingFile final : public ForwardingFile {
      public:
        RefusingFile(RefusingFileSystem& fs, std::unique_ptr<File> inner)
            : ForwardingFile(std::move(inner)), fs_(fs) {}
        Status write_at(Bytes data, uint64_t offset) override {
            if (fs_.refuses) return fail(unavailable("refused", "Refused."));
            return ForwardingFile::write_at(data, offset);
        }

      private:
        RefusingFileSystem& fs_;
    };

    const std::string path_;
};

// A page cache as Linux has it: writes reach `inner` (the disk) with the next sync; a sync that
// fails leaves them readable but marks them clean, so that later syncs succeed without them.
class ForgetfulFileSystem final : public ForwardingFileSystem {
  public:
    using ForwardingFileSystem::ForwardingFileSystem;

    void fail_next_sync() { fails_ = true; }

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
        ASSIGN_OR_RETURN(auto file, ForwardingFileSystem::open(path, mode));
        auto& cache = caches_[std::string(path)];
        if (cache == nullptr) {
            cache = std::make_shared<Cache>();
            ASSIGN_OR_RETURN(const uint64_t size, file->size());
            cache->content.resize(size);
            RETURN_IF_ERROR(file->read_at(std::as_writable_bytes(std::span(cache->content)), 0));
        }
        return std::make_unique<CachedFile>(*this, std::move(file), cache);
    }
    Status remove(std::string_view path) override {
        caches_.erase(std::string(path));
        return ForwardingFileSystem::remove(path);
    }

  private:
    struct Cache {
        std::string content;
        std::vector<std::pair<uint64_t, size_t>> dirty;  // offset, length
        bool size_dirty = false;
    };

    class CachedFile final : public File {
      public:
        CachedFile(ForgetfulFileSystem& fs, std::unique_ptr<File> inner,
                   std::shared_ptr<Cache> cache)
            : fs_(fs), inner_(std::move(inner)), cache_(std::move(cache)) {}

        Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
            const Bytes content = as_bytes(cache_->content);
            if (offset >= content.size()) return 0;
            const Bytes found =
                content.subspan(offset, std::min<size_t>(out.size(), content.size() - offset));
            std::memcpy(out.data(), found.data(), found.size());
            return found.size();
        }
        Status write_at(Bytes data, uint64_t offset) override {
            if (cache_->content.size() < offset + data.size()) {
                cache_->content.resize(offset + data.size());
            }
            std::memcpy(cache_->content.data() + offset, data.data(), data.size());
            cache_->dirty.emplace_back(offset, data.size());
            return {};
        }
        Status sync_data() override {
            const auto dirty = std::exchange(cache_->dirty, {});
            const bool size_dirty = std::exchange(cache_->size_dirty, false);
            if (std::exchange(fs_.fails_, false)) return fail(internal_error("forgotten"));
            if (size_dirty) RETURN_IF_ERROR(inner_->truncate(cache_->content.size()));
            for (const auto& [offset, length] : dirty) {
                if (offset >= cache_->content.size()) continue;  // cut off since
                const Bytes all = as_bytes(cache_->content).subspan(offset);
                RETURN_IF_ERROR(inner_->write_at(all.first(std::min(length, all.size())), offset));
            }
            return inner_->sync_data();
        }
        Status truncate(uint64_t size) override {
            cache_->content.resize(size);
            cache_->size_dirty = true;
            return {};
        }
        Result<uint64_t> size() override { return cache_->content.size(); }

      private:
        ForgetfulFileSystem& fs_;
        std::unique_ptr<File> inner_;
        std::shared_ptr<Cache> cache_;
    };

    std::map<std::string, std::shared_ptr<Cache>> caches_;
    bool fails_ = false;
};

}  // namespace insula::sqlite
