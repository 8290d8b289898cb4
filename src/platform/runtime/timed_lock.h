// A lock that is waited for until a deadline.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

#include "base/result.h"
#include "platform/runtime/deadline.h"

namespace insula {

// The lock, or deadline_exceeded.
inline Result<std::unique_lock<std::timed_mutex>> lock_until(std::timed_mutex& mutex,
                                                             Deadline deadline) {
    std::unique_lock lock(mutex, std::try_to_lock);
    if (lock) return lock;
    // time_point::max() overflows inside the wait of some C libraries; a day is as good.
    const auto when = std::min(deadline.when(), Deadline::Clock::now() + std::chrono::hours(24));
    if (!lock.try_lock_until(when)) return fail(deadline_exceeded());
    return lock;
}

}  // namespace insula
