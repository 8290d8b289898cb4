#include "platform/runtime/log_queue.h"

#include <pthread.h>

#include <utility>

namespace insula::log {

LineQueue::LineQueue(size_t bytes_max, Destination destination, DropReport drop_report)
    : bytes_max_(bytes_max),
      drop_report_(std::move(drop_report)),
      destination_(std::move(destination)) {}

LineQueue::~LineQueue() { stop(); }

void LineQueue::start() {
    const std::lock_guard lock(mutex_);
    if (running_) return;
    running_ = true;
    thread_ = std::thread([this] { run(); });
}

void LineQueue::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (!running_) return;
        running_ = false;
    }
    wake_.notify_all();
    thread_.join();
    flush();
}

void LineQueue::push(std::string_view line) {
    {
        const std::lock_guard lock(mutex_);
        if (running_) {
            if (pending_.size() + line.size() > bytes_max_) {
                ++unreported_drops_;
                dropped_.fetch_add(1, std::memory_order_relaxed);
                return;
            }
            const size_t before = pending_.size();
            pending_.append(line);
            if (before == 0 || (before < kBatchBytes && pending_.size() >= kBatchBytes)) {
                wake_.notify_one();
            }
            return;
        }
    }
    push_through(line);
}

void LineQueue::push_through(std::string_view line) {
    const std::lock_guard write_lock(write_mutex_);
    {
        // May pass bytes_max_ by one line: whoever holds write_mutex_ takes it out again at once.
        const std::lock_guard lock(mutex_);
        pending_.append(line);
    }
    write_pending();
}

void LineQueue::flush() {
    const std::lock_guard write_lock(write_mutex_);
    write_pending();
}

void LineQueue::set_destination(Destination destination) {
    const std::lock_guard write_lock(write_mutex_);
    write_pending();
    destination_ = std::move(destination);
}

void LineQueue::write_pending() {
    uint64_t drops = 0;
    {
        const std::lock_guard lock(mutex_);
        std::swap(pending_, writing_);
        std::swap(drops, unreported_drops_);
    }
    if (drops > 0) writing_.append(drop_report_(drops));
    if (!writing_.empty()) destination_(writing_);
    writing_.clear();
}

void LineQueue::run() {
    pthread_setname_np(pthread_self(), "log");
    for (;;) {
        bool last = false;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return !running_ || !pending_.empty(); });
            wake_.wait_for(lock, kBatchDelay,
                           [this] { return !running_ || pending_.size() >= kBatchBytes; });
            last = !running_;
        }
        flush();
        if (last) return;
    }
}

}  // namespace insula::log
