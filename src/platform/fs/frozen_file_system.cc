#include "platform/fs/frozen_file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "platform/fs/storage_error.h"

namespace insula {

namespace {

constexpr uint64_t kPageBytes = 4096;
using Page = std::array<std::byte, kPageBytes>;

}  // namespace

struct FrozenFileSystem::Content {
    std::mutex mutex;
    bool removed = false;
    std::unique_ptr<File> inner;  // null for one that was made here
    uint64_t inner_bytes = 0;     // of it that still count
    uint64_t bytes = 0;
    std::unordered_map<uint64_t, std::unique_ptr<Page>> written;

    // With mutex held.
    Status read_page(uint64_t number, MutableBytes out) const {
        if (const auto page = written.find(number); page != written.end()) {
            std::ranges::copy(*page->second, out.begin());
            return {};
        }
        std::ranges::fill(out, std::byte{0});
        const uint64_t start = number * kPageBytes;
        if (start >= inner_bytes) return {};
        ASSIGN_OR_RETURN(
            [[maybe_unused]] const size_t got,
            inner->read_at(out.first(std::min(kPageBytes, inner_bytes - start)), start));
        return {};
    }
};

class FrozenFile final : public File {
  public:
    explicit FrozenFile(std::shared_ptr<FrozenFileSystem::Content> content)
        : content_(std::move(content)) {}

    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        const std::lock_guard lock(content_->mutex);
        if (offset >= content_->bytes) return size_t{0};
        out = out.first(std::min<uint64_t>(out.size(), content_->bytes - offset));
        Page page;
        for (size_t done = 0; done < out.size();) {
            const uint64_t within = (offset + done) % kPageBytes;
            const size_t count = std::min<uint64_t>(out.size() - done, kPageBytes - within);
            RETURN_IF_ERROR(content_->read_page((offset + done) / kPageBytes, page));
            std::memcpy(out.data() + done, page.data() + within, count);
            done += count;
        }
        return out.size();
    }

    Status write_at(Bytes data, uint64_t offset) override {
        const std::lock_guard lock(content_->mutex);
        for (size_t done = 0; done < data.size();) {
            const uint64_t number = (offset + done) / kPageBytes;
            const uint64_t within = (offset + done) % kPageBytes;
            const size_t count = std::min<uint64_t>(data.size() - done, kPageBytes - within);
            auto page = content_->written.find(number);
            if (page == content_->written.end()) {
                auto fresh = std::make_unique<Page>();
                RETURN_IF_ERROR(content_->read_page(number, *fresh));
                page = content_->written.emplace(number, std::move(fresh)).first;
            }
            std::memcpy(page->second->data() + within, data.data() + done, count);
            done += count;
        }
        content_->bytes = std::max<uint64_t>(content_->bytes, offset + data.size());
        return {};
    }

    Status sync_data() override { return {}; }

    Status truncate(uint64_t size) override {
        const std::lock_guard lock(content_->mutex);
        content_->inner_bytes = std::min(content_->inner_bytes, size);
        std::erase_if(content_->written,
                      [size](const auto& page) { return page.first * kPageBytes >= size; });
        const auto last = content_->written.find(size / kPageBytes);
        if (last != content_->written.end()) {
            std::ranges::fill(std::span(*last->second).subspan(size % kPageBytes), std::byte{0});
        }
        content_->bytes = size;
        return {};
    }

    Result<uint64_t> size() override {
        const std::lock_guard lock(content_->mutex);
        return content_->bytes;
    }

  private:
    const std::shared_ptr<FrozenFileSystem::Content> content_;
};

namespace {

Error refused(std::string_view what, std::string_view path) {
    return storage_error(what, path, EROFS);
}

}  // namespace

std::shared_ptr<FrozenFileSystem::Content> FrozenFileSystem::removed() {
    auto content = std::make_shared<Content>();
    content->removed = true;
    return content;
}

Result<std::shared_ptr<FrozenFileSystem::Content>> FrozenFileSystem::find(const std::string& path) {
    if (const auto known = contents_.find(path); known != contents_.end()) {
        return known->second->removed ? nullptr : known->second;
    }
    auto inner = inner_.open(path, OpenMode::read);
    if (!inner) {
        if (inner.error().code() == Code::not_found) return nullptr;
        return fail(inner.error());
    }
    auto content = std::make_shared<Content>();
    content->inner = *std::move(inner);
    ASSIGN_OR_RETURN(content->bytes, content->inner->size());
    content->inner_bytes = content->bytes;
    contents_[path] = content;
    return content;
}

Result<std::unique_ptr<File>> FrozenFileSystem::open(std::string_view path, OpenMode mode) {
    const std::lock_guard lock(mutex_);
    const std::string name(path);
    ASSIGN_OR_RETURN(auto content, find(name));
    if (content && mode == OpenMode::create) return fail(storage_error("open", path, EEXIST));
    if (!content) {
        if (mode == OpenMode::read || mode == OpenMode::read_write) {
            return fail(storage_error("open", path, ENOENT));
        }
        content = contents_[name] = std::make_shared<Content>();
    }
    return std::make_unique<FrozenFile>(std::move(content));
}

Status FrozenFileSystem::rename(std::string_view from, std::string_view to) {
    const std::lock_guard lock(mutex_);
    const std::string name(from);
    ASSIGN_OR_RETURN(auto content, find(name));
    if (!content) return fail(storage_error("rename", from, ENOENT));
    contents_[name] = removed();
    contents_[std::string(to)] = std::move(content);
    return {};
}

Status FrozenFileSystem::remove(std::string_view path) {
    const std::lock_guard lock(mutex_);
    const std::string name(path);
    ASSIGN_OR_RETURN(const auto content, find(name));
    if (!content) return fail(storage_error("remove", path, ENOENT));
    contents_[name] = removed();  // whoever has it open keeps it; the name is free
    return {};
}

Status FrozenFileSystem::create_directory(std::string_view path) {
    return fail(refused("create directory", path));
}

Status FrozenFileSystem::remove_directory(std::string_view path) {
    return fail(refused("remove directory", path));
}

Status FrozenFileSystem::sync_directory(std::string_view /*path*/) { return {}; }

Result<std::vector<DirectoryEntry>> FrozenFileSystem::list(std::string_view path) {
    return inner_.list(path);
}

Result<bool> FrozenFileSystem::exists(std::string_view path) {
    const std::lock_guard lock(mutex_);
    if (const auto known = contents_.find(path); known != contents_.end()) {
        return !known->second->removed;
    }
    return inner_.exists(path);
}

Result<SpaceInfo> FrozenFileSystem::space(std::string_view path) { return inner_.space(path); }

Result<std::unique_ptr<FileLock>> FrozenFileSystem::lock(std::string_view path) {
    return fail(refused("lock", path));
}

}  // namespace insula
