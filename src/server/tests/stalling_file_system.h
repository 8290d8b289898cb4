// A file system whose disk hangs or fails on demand: syncs of files whose path holds `part` wait
// while stall(true) holds, and fail while fail_syncs(true) does. Thread-safe.
#pragma once

#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "platform/fs/forwarding_file_system.h"

namespace insula::server {

class StallingFileSystem final : public ForwardingFileSystem {
  public:
    StallingFileSystem(FileSystem& inner, std::string part)
        : ForwardingFileSystem(inner), part_(std::move(part)) {}

    void stall(bool on) {
        {
            const std::lock_guard lock(mutex_);
            stalled_ = on;
        }
        changed_.notify_all();
    }
    // Returns once a sync waits.
    void wait_for_stalled_sync() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_ > 0; });
    }
    void fail_syncs(bool on) {
        const std::lock_guard lock(mutex_);
        failing_ = on;
    }

    Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
        ASSIGN_OR_RETURN(auto file, ForwardingFileSystem::open(path, mode));
        if (path.find(part_) == std::string_view::npos) return file;
        return std::make_unique<StallingFile>(*this, std::move(file));
    }

  private:
    class StallingFile final : public ForwardingFile {
      public:
        StallingFile(StallingFileSystem& fs, std::unique_ptr<File> inner)
            : ForwardingFile(std::move(inner)), fs_(fs) {}
        Status sync_data() override {
            RETURN_IF_ERROR(fs_.before_sync());
            return ForwardingFile::sync_data();
        }

      private:
        StallingFileSystem& fs_;
    };

    Status before_sync() {
        std::unique_lock lock(mutex_);
        if (stalled_) {
            ++waiting_;
            changed_.notify_all();
            changed_.wait(lock, [this] { return !stalled_; });
            --waiting_;
        }
        if (failing_) return fail(os_error("sync", EIO));
        return {};
    }

    const std::string part_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stalled_ = false;
    bool failing_ = false;
    size_t waiting_ = 0;
};

}  // namespace insula::server
