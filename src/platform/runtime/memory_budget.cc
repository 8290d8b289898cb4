#include "platform/runtime/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace insula {

MemoryGrant::MemoryGrant(MemoryGrant&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryGrant& MemoryGrant::operator=(MemoryGrant&& other) noexcept {
    if (this != &other) {
        release();
        budget_ = std::exchange(other.budget_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
}

Status MemoryGrant::grow(uint64_t bytes) {
    INSULA_CHECK(budget_ != nullptr, "an empty grant belongs to no budget");
    RETURN_IF_ERROR(budget_->take(bytes));
    bytes_ += bytes;
    return {};
}

void MemoryGrant::hold(uint64_t bytes) {
    INSULA_CHECK(budget_ != nullptr, "an empty grant belongs to no budget");
    if (bytes <= bytes_) return shrink_to(bytes);
    budget_->take_anyway(bytes - bytes_);
    bytes_ = bytes;
}

void MemoryGrant::shrink_to(uint64_t bytes) {
    INSULA_CHECK(bytes <= bytes_, "a grant only shrinks");
    if (budget_ == nullptr || bytes == bytes_) return;
    budget_->give_back(bytes_ - bytes);
    bytes_ = bytes;
}

MemoryGrant MemoryGrant::split(uint64_t bytes) {
    INSULA_CHECK(bytes <= bytes_, "a grant splits what it holds");
    if (budget_ == nullptr) return {};
    bytes_ -= bytes;
    return {*budget_, bytes};
}

void MemoryGrant::merge(MemoryGrant other) {
    if (other.budget_ == nullptr) return;
    if (budget_ == nullptr) {
        *this = std::move(other);
        return;
    }
    INSULA_CHECK(budget_ == other.budget_, "grants of two budgets do not mix");
    bytes_ += std::exchange(other.bytes_, 0);
}

MemoryBudget::MemoryBudget(std::string name, uint64_t limit)
    : name_(std::move(name)), limit_(limit) {}

MemoryBudget::~MemoryBudget() {
    INSULA_CHECK(used_ == 0, "a budget outlives its grants");
    INSULA_CHECK(waiters_.empty(), "a budget outlives those who wait for it");
}

Status MemoryBudget::take(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (bytes > limit_) return fail(never_fits(bytes));
    if (!waiters_.empty() || !fits(bytes)) return fail(exhausted(bytes));
    use(bytes);
    return {};
}

void MemoryBudget::take_anyway(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    use(bytes);
}

MemoryGrant MemoryBudget::reserve_anyway(uint64_t bytes) {
    take_anyway(bytes);
    return {*this, bytes};
}

Result<MemoryGrant> MemoryBudget::try_reserve(uint64_t bytes) {
    RETURN_IF_ERROR(take(bytes));
    return MemoryGrant(*this, bytes);
}

Result<MemoryGrant> MemoryBudget::reserve(uint64_t bytes, Deadline deadline,
                                          const std::function<Status()>& go_on) {
    std::unique_lock lock(mutex_);
    if (bytes > limit_) return fail(never_fits(bytes));
    if (waiters_.empty() && fits(bytes)) {
        use(bytes);
        return MemoryGrant(*this, bytes);
    }
    if (waiters_.size() >= kWaitersMax || deadline.passed()) return fail(exhausted(bytes));

    Waiter waiter{.bytes = bytes};
    waiters_.push_back(&waiter);
    const Status ended = wait(lock, waiter, deadline, go_on);
    if (waiter.granted) return MemoryGrant(*this, bytes);
    std::erase(waiters_, &waiter);
    // Those behind may fit where this one did not.
    grant_waiters();
    return fail(ended ? exhausted(bytes) : ended.error());
}

Status MemoryBudget::wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Deadline deadline,
                          const std::function<Status()>& go_on) {
    const auto granted = [&] { return waiter.granted; };
    constexpr auto kNever = Deadline::Clock::time_point::max();
    while (!waiter.granted && !deadline.passed()) {
        const auto until = go_on ? std::min(deadline.when(), Deadline::Clock::now() + kAskInterval)
                                 : deadline.when();
        if (until == kNever) {
            waiter.ready.wait(lock, granted);
        } else {
            waiter.ready.wait_until(lock, until, granted);
        }
        if (!waiter.granted && go_on) RETURN_IF_ERROR(go_on());
    }
    return {};
}

void MemoryBudget::give_back(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    INSULA_CHECK(bytes <= used_, "more came back than was taken");
    used_ -= bytes;
    grant_waiters();
}

void MemoryBudget::use(uint64_t bytes) {
    used_ += bytes;
    high_water_ = std::max(high_water_, used_);
}

void MemoryBudget::grant_waiters() {
    while (!waiters_.empty() && fits(waiters_.front()->bytes)) {
        Waiter& waiter = *waiters_.front();
        waiters_.pop_front();
        use(waiter.bytes);
        waiter.granted = true;
        // Under the lock: the waiter, and its condition variable with it, is gone as soon as it
        // wakes.
        waiter.ready.notify_one();
    }
}

uint64_t MemoryBudget::usage() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

uint64_t MemoryBudget::high_water() const {
    const std::lock_guard lock(mutex_);
    return high_water_;
}

size_t MemoryBudget::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiters_.size();
}

Error MemoryBudget::exhausted(uint64_t bytes) const {
    return Error(Code::resource_exhausted, "memory_exhausted",
                 fmt::format("The memory for {} is in use.", name_))
        .with_hint("Retry after a moment.")
        .with_detail(fmt::format("{}: {} bytes wanted, {} of {} in use, {} waiting", name_, bytes,
                                 used_, limit_, waiters_.size()));
}

Error MemoryBudget::never_fits(uint64_t bytes) const {
    return Error(Code::payload_too_large, "exceeds_memory",
                 fmt::format("This needs {} bytes of the memory for {}, which is {} bytes in all.",
                             bytes, name_, limit_))
        .with_hint("Send less at once; a retry of the same cannot succeed.");
}

}  // namespace insula
