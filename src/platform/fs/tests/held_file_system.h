// A file system that holds up one reader: opening a file whose path holds `part` for reading waits
// at the n-th time, until it is let go, and fails then if that was asked for. Thread-safe.
#pragma once

#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "platform/fs/forwarding_file_system.h"
#include "platform/fs/storage_error.h"

namespace insula {

class HeldFileSystem final : public ForwardingFileSystem {
  public:
    HeldFileSystem(FileSystem& inner, std::string part, int at_open)
        : ForwardingFileSystem(inner), part_(std::move(part)), opens_left_(at_open) {}
    ~HeldFileSystem() override { let_go(); }

    // Returns once a reader waits.
    void wait_until_held() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return holds_; });
    }
    void let_go(bool failing = false) {
        {
            const std::lock_guard lock(mutex_);
            let_go_ = true;
            failing_ = failing;
        }
        changed_.notify_all();
    }

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
        if (mode == OpenMode::read && path.find(part_) != std::string_view::npos) {
            RETURN_IF_ERROR(before_open());
        }
        return ForwardingFileSystem::open(path, mode);
    }

  private:
    Status before_open() {
        std::unique_lock lock(mutex_);
        if (--opens_left_ != 0) return {};
        holds_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return let_go_; });
        if (failing_) return fail(os_error("open", EIO));
        return {};
    }

    const std::string part_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int opens_left_;
    bool holds_ = false;
    bool let_go_ = false;
    bool failing_ = false;
};

}  // namespace insula
