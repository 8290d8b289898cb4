// RateLimiter: lets so much pass a second. What was not used of the last second may be used at
// once. The generic cell rate algorithm (ITU-T I.371, annex A) over one atomic number: the moment
// at which all that has passed would have passed at the rate. Thread-safe and without a lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "platform/runtime/clock.h"

namespace insula::tenancy {

class RateLimiter {
  public:
    // Takes `amount`, or says how long to wait until it can be had. An amount of more than a
    // second's worth passes when nothing else did for a second.
    std::optional<std::chrono::nanoseconds> take(uint64_t amount, uint64_t per_second,
                                                 SteadyTime now) {
        const int64_t current = nanos(now);
        const int64_t cost = cost_of(amount, per_second);
        const int64_t ahead_max = std::max<int64_t>(0, kWindow - cost);
        int64_t until = until_.load(std::memory_order_relaxed);
        for (;;) {
            const int64_t begin = std::max(until, current);
            if (begin - current > ahead_max) {
                return std::chrono::nanoseconds(begin - current - ahead_max);
            }
            if (until_.compare_exchange_weak(until, begin + cost, std::memory_order_relaxed)) {
                return std::nullopt;
            }
        }
    }

    // For what has passed already, however much: later ones wait for it.
    void charge(uint64_t amount, uint64_t per_second, SteadyTime now) {
        const int64_t cost = cost_of(amount, per_second);
        int64_t until = until_.load(std::memory_order_relaxed);
        int64_t next = 0;
        do {
            next = std::min(std::max(until, nanos(now)) + cost, nanos(now) + kDebtMax);
        } while (!until_.compare_exchange_weak(until, next, std::memory_order_relaxed));
    }

    // How long nothing may pass; zero: now.
    std::chrono::nanoseconds wait(SteadyTime now) const {
        const int64_t ahead = until_.load(std::memory_order_relaxed) - nanos(now);
        return std::chrono::nanoseconds(std::max<int64_t>(0, ahead - kWindow));
    }

  private:
    static constexpr int64_t kWindow = 1'000'000'000;
    // What was charged for longer ago than an hour's worth is forgotten.
    static constexpr int64_t kDebtMax = 3600 * kWindow;

    static int64_t nanos(SteadyTime time) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch())
            .count();
    }
    static int64_t cost_of(uint64_t amount, uint64_t per_second) {
        const double seconds = static_cast<double>(amount) / static_cast<double>(per_second);
        return static_cast<int64_t>(std::min(seconds, 3600.0) * 1e9);
    }

    std::atomic<int64_t> until_{INT64_MIN / 2};
};

}  // namespace insula::tenancy
