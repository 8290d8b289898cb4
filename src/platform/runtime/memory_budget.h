// MemoryBudget: a bound on bytes that several parties hold together, such as all memtables or all
// request bodies. It counts what it is told and allocates nothing. Thread-safe. The budget must
// outlive its grants.
//
// Always holds: the sum of all living grants is usage(), which exceeds limit() only by what hold()
// has added. Waiting is first come, first served: nobody passes a waiter, so that a large request
// is not starved by small ones.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "base/result.h"
#include "platform/runtime/deadline.h"

namespace insula {

class MemoryBudget;

// Bytes of a budget; given back when destroyed. Move-only; not thread-safe itself.
class MemoryGrant {
  public:
    MemoryGrant() = default;
    MemoryGrant(const MemoryGrant&) = delete;
    MemoryGrant& operator=(const MemoryGrant&) = delete;
    MemoryGrant(MemoryGrant&& other) noexcept;
    MemoryGrant& operator=(MemoryGrant&& other) noexcept;
    ~MemoryGrant() { release(); }

    uint64_t bytes() const { return bytes_; }
    // Takes more without waiting; on failure the grant stays as it is.
    Status grow(uint64_t bytes);
    // Holds exactly `bytes` from now on, also where that is more than the budget has left: for what
    // is in memory already and came out larger than was reserved. Not for an empty grant.
    void hold(uint64_t bytes);
    // Gives back all but `bytes`, which must not exceed what is held.
    void shrink_to(uint64_t bytes);
    // Moves `bytes` of this grant, which must hold them, into a grant of their own.
    MemoryGrant split(uint64_t bytes);
    // Takes over the other's bytes; both must be of one budget, or one of them empty.
    void merge(MemoryGrant other);
    void release() { shrink_to(0); }

  private:
    friend class MemoryBudget;
    MemoryGrant(MemoryBudget& budget, uint64_t bytes) : budget_(&budget), bytes_(bytes) {}

    MemoryBudget* budget_ = nullptr;
    uint64_t bytes_ = 0;
};

class MemoryBudget {
  public:
    static constexpr size_t kWaitersMax = 4096;

    // `name` is shown to tenants: "request bodies", "memtables".
    MemoryBudget(std::string name, uint64_t limit);
    // No grant may be left.
    ~MemoryBudget();
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    // Fails with resource_exhausted if the bytes are not free now (or others wait for them), and
    // with payload_too_large if they exceed the whole budget.
    Result<MemoryGrant> try_reserve(uint64_t bytes);
    // For what is in memory already: see MemoryGrant::hold().
    MemoryGrant reserve_anyway(uint64_t bytes);
    // The same, but waits for its turn until the deadline. `go_on`, if given, is asked while it
    // waits, every kAskInterval: an error ends the wait with it. Must be quick and must not use
    // this budget.
    static constexpr std::chrono::milliseconds kAskInterval{200};
    Result<MemoryGrant> reserve(uint64_t bytes, Deadline deadline,
                                const std::function<Status()>& go_on = {});

    const std::string& name() const { return name_; }
    uint64_t limit() const { return limit_; }
    uint64_t usage() const;
    uint64_t high_water() const;  // the most that was ever in use
    size_t waiting() const;

  private:
    friend class MemoryGrant;
    struct Waiter {
        uint64_t bytes;
        bool granted = false;
        std::condition_variable ready;
    };

    Status take(uint64_t bytes);
    static Status wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Deadline deadline,
                       const std::function<Status()>& go_on);
    void give_back(uint64_t bytes);
    void take_anyway(uint64_t bytes);
    bool fits(uint64_t bytes) const { return used_ <= limit_ && bytes <= limit_ - used_; }
    void use(uint64_t bytes);
    void grant_waiters();
    Error exhausted(uint64_t bytes) const;
    Error never_fits(uint64_t bytes) const;

    const std::string name_;
    const uint64_t limit_;
    mutable std::mutex mutex_;
    uint64_t used_ = 0;
    uint64_t high_water_ = 0;
    std::deque<Waiter*> waiters_;
};

}  // namespace insula
