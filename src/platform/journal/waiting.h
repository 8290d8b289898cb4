// Waiting on a condition with our Deadline.
#pragma once

#include <condition_variable>
#include <mutex>

#include "platform/runtime/deadline.h"

namespace insula::journal {

// False once the deadline has passed. May wake for no reason, as any condition.
inline bool wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                       Deadline deadline) {
    if (deadline.when() == Deadline::never().when()) {
        condition.wait(lock);
        return true;
    }
    return condition.wait_until(lock, deadline.when()) == std::cv_status::no_timeout;
}

}  // namespace insula::journal
