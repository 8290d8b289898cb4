// DiskReserve: keeps the last part of a disk for what must go on when it is full (flushes, the
// catalog, taking things away) by refusing new writes before that. Writes resume by themselves once
// there is more room.
//
// Threads: thread-safe. `fs` and `clock` outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "platform/fs/file_system.h"
#include "platform/runtime/clock.h"

namespace insula {

class DiskReserve {
  public:
    // How old an answer of the file system may be: so long after the disk fills up, writes are
    // still admitted, and so long after room returns, refused.
    static constexpr std::chrono::milliseconds kCheckInterval{200};

    // `path` lies on the disk. Without `bytes`: 2 % of the disk, at most 1 GiB.
    DiskReserve(FileSystem& fs, Clock& clock, std::string path, std::optional<uint64_t> bytes);

    // storage_exhausted "disk_full" while less than the reserve is free. While the file system does
    // not say how much is free, the last that it said holds. Quick: asks the file system at most
    // once in kCheckInterval.
    Status admit();

    struct State {
        uint64_t total_bytes = 0;
        uint64_t available_bytes = 0;
        uint64_t reserve_bytes = 0;
        bool refusing = false;
    };
    State state();
    uint64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }

  private:
    void refresh();

    FileSystem& fs_;
    Clock& clock_;
    const std::string path_;
    const std::optional<uint64_t> bytes_;
    std::atomic<SteadyTime::rep> checked_at_;  // since the steady clock's epoch
    std::atomic<bool> refusing_{false};
    std::atomic<uint64_t> refusals_{0};
    std::mutex refreshing_;
    mutable std::mutex mutex_;
    State state_;
};

}  // namespace insula
