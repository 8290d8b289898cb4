#include "platform/engine/stop_watch.h"

namespace insula::engine {

std::shared_ptr<StopWatch> StopWatch::shared() {
    static std::mutex mutex;
    static std::weak_ptr<StopWatch> current;
    const std::lock_guard lock(mutex);
    auto watch = current.lock();
    if (!watch) {
        watch = std::make_shared<StopWatch>();
        current = watch;
    }
    return watch;
}

StopWatch::~StopWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopping_changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void StopWatch::add(duckdb::ClientContext& context, const QueryState& query) {
    const std::lock_guard lock(mutex_);
    queries_.emplace(&context, &query);
    if (running_) return;
    if (thread_.joinable()) thread_.join();  // it has said that it ends
    running_ = true;
    thread_ = std::thread([this] { run(); });
}

void StopWatch::remove(duckdb::ClientContext& context) {
    const std::lock_guard lock(mutex_);
    queries_.erase(&context);
}

void StopWatch::run() {
    std::unique_lock lock(mutex_);
    auto last_busy = std::chrono::steady_clock::now();
    while (!stopping_) {
        const auto now = std::chrono::steady_clock::now();
        if (!queries_.empty()) last_busy = now;
        if (now - last_busy > kLinger) break;
        for (const auto& [context, query] : queries_) {
            if (query->must_stop()) context->Interrupt();
        }
        stopping_changed_.wait_for(lock, kPeriod);
    }
    running_ = false;
}

}  // namespace insula::engine
