#include "platform/fs/disk_reserve.h"

#include <algorithm>
#include <utility>

#include "base/units.h"
#include "platform/runtime/log.h"

namespace insula {

namespace {

constexpr uint64_t kReserveMax = 1 * kGiB;
constexpr uint64_t kReserveShare = 50;  // of the disk: 2 %

}  // namespace

DiskReserve::DiskReserve(FileSystem& fs, Clock& clock, std::string path,
                         std::optional<uint64_t> bytes)
    : fs_(fs), clock_(clock), path_(std::move(path)), bytes_(bytes), checked_at_(0) {
    checked_at_ = (clock_.steady_now() - kCheckInterval).time_since_epoch().count();
}

Status DiskReserve::admit() {
    refresh();
    if (!refusing_.load(std::memory_order_relaxed)) return {};
    refusals_.fetch_add(1, std::memory_order_relaxed);
    return fail(Error(Code::storage_exhausted, "disk_full",
                      "The server's disk is full but for a reserve; nothing new is stored.")
                    .with_hint("Retry later: writes resume by themselves once space is free. "
                               "Searches and removing sources go on."));
}

DiskReserve::State DiskReserve::state() {
    refresh();
    const std::lock_guard lock(mutex_);
    return state_;
}

void DiskReserve::refresh() {
    const auto is_fresh = [this] {
        const SteadyTime checked{SteadyTime::duration(checked_at_.load())};
        return clock_.steady_now() - checked < kCheckInterval;
    };
    if (is_fresh()) return;
    // One thread asks; the others go by what it found last.
    const std::unique_lock refreshing(refreshing_, std::try_to_lock);
    if (!refreshing.owns_lock() || is_fresh()) return;
    const Result<SpaceInfo> space = fs_.space(path_);
    checked_at_ = clock_.steady_now().time_since_epoch().count();
    if (!space) {
        log::warn("free space of the disk is not known", {{"error", space.error().describe()}});
        return;
    }
    State state{.total_bytes = space->total_bytes, .available_bytes = space->available_bytes};
    state.reserve_bytes =
        bytes_ ? *bytes_ : std::min(kReserveMax, state.total_bytes / kReserveShare);
    state.refusing = state.available_bytes < state.reserve_bytes;
    const bool was_refusing = refusing_.exchange(state.refusing);
    {
        const std::lock_guard lock(mutex_);
        state_ = state;
    }
    if (was_refusing == state.refusing) return;
    const std::string available = std::to_string(state.available_bytes);
    const std::string reserve = std::to_string(state.reserve_bytes);
    if (state.refusing) {
        log::error("the disk is full but for its reserve: writes are refused",
                   {{"available_bytes", available}, {"reserve_bytes", reserve}});
    } else {
        log::info("the disk has room again: writes are taken",
                  {{"available_bytes", available}, {"reserve_bytes", reserve}});
    }
}

}  // namespace insula
