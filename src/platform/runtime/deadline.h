// Deadline and cancellation, passed to every call that may wait. Values; copying is cheap.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "base/result.h"

namespace insula {

class Deadline {
  public:
    using Clock = std::chrono::steady_clock;
    static Deadline after(std::chrono::nanoseconds delay) { return Deadline(Clock::now() + delay); }
    static Deadline at(Clock::time_point when) { return Deadline(when); }
    // For callers that bound their wait by other means, such as start and stop.
    static Deadline never() { return Deadline(Clock::time_point::max()); }

    bool passed() const { return Clock::now() >= when_; }
    Clock::time_point when() const { return when_; }
    std::chrono::nanoseconds left() const {
        return when_ == Clock::time_point::max() ? std::chrono::nanoseconds::max()
                                                 : when_ - Clock::now();
    }

  private:
    explicit Deadline(Clock::time_point when) : when_(when) {}
    Clock::time_point when_;
};

// Shared by whoever asks for the work and whoever does it. Thread-safe.
class CancelToken {
  public:
    CancelToken() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}
    void cancel() { cancelled_->store(true, std::memory_order_release); }
    bool cancelled() const { return cancelled_->load(std::memory_order_acquire); }

  private:
    std::shared_ptr<std::atomic<bool>> cancelled_;
};

inline Error deadline_exceeded() {
    return Error(Code::deadline_exceeded, "deadline_exceeded",
                 "The request ran longer than it may.")
        .with_hint("Ask for less at once, or raise the request's time limit.");
}

}  // namespace insula
