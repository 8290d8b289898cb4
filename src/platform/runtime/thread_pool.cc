#include "platform/runtime/thread_pool.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"

namespace insula {

ThreadPool::ThreadPool(ThreadPoolOptions options) : options_(std::move(options)) {
    INSULA_CHECK(options_.threads > 0, "a pool needs a thread");
    INSULA_CHECK(options_.name.size() <= 12, "the system cuts longer thread names");
    threads_.reserve(options_.threads);
    for (size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

ThreadPool::~ThreadPool() { stop(); }

Status ThreadPool::submit(std::move_only_function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return fail(unavailable("stopping", "The server is shutting down."));
        if (queue_.size() >= options_.queue_max) {
            return fail(Error(Code::resource_exhausted, "too_many_requests",
                              "Too many requests are waiting for a worker.")
                            .with_hint("Retry after a moment.")
                            .with_detail(options_.name + " queue is full"));
        }
        queue_.push_back(std::move(task));
    }
    ready_.notify_one();
    return {};
}

void ThreadPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

size_t ThreadPool::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void ThreadPool::run(size_t index) {
    pthread_setname_np(pthread_self(), (options_.name + "-" + std::to_string(index)).c_str());
    for (;;) {
        std::move_only_function<void()> task;
        {
            std::unique_lock lock(mutex_);
            ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            task = std::move(queue_.front());
            queue_.pop_front();
        }
        task();
    }
}

}  // namespace insula
