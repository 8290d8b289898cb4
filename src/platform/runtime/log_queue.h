// LineQueue: lines on their way to a destination. push() never waits for the destination while the
// queue runs: lines beyond `bytes_max` are dropped and counted, and the count is written, as a
// line, once there is room. push_through() waits and never drops. Order is kept. Thread-safe.
//
// One thread empties the queue, in batches: it writes when kBatchBytes are there or kBatchDelay
// after the first line, so that a busy server makes hundreds and not hundred thousands of system
// calls a second.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/units.h"

namespace insula::log {

class LineQueue {
  public:
    static constexpr size_t kBatchBytes = 64 * kKiB;
    static constexpr std::chrono::milliseconds kBatchDelay{5};

    // Takes whole lines; called by one thread at a time; must not throw.
    using Destination = std::function<void(std::string_view lines)>;
    // The line that says how many were dropped.
    using DropReport = std::function<std::string(uint64_t count)>;

    LineQueue(size_t bytes_max, Destination destination, DropReport drop_report);
    ~LineQueue();
    LineQueue(const LineQueue&) = delete;
    LineQueue& operator=(const LineQueue&) = delete;

    // Until start() and after stop() each line is written before push() returns.
    void start();
    void stop();

    void push(std::string_view line);
    void push_through(std::string_view line);
    // Returns after all lines pushed before have been written.
    void flush();
    // What was pushed before goes to the old one.
    void set_destination(Destination destination);

    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    void run();
    void write_pending();  // write_mutex_ is held

    const size_t bytes_max_;
    const DropReport drop_report_;

    std::mutex write_mutex_;  // taken before mutex_
    Destination destination_;
    std::string writing_;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::string pending_;
    uint64_t unreported_drops_ = 0;
    bool running_ = false;
    std::thread thread_;

    std::atomic<uint64_t> dropped_{0};
};

}  // namespace insula::log
