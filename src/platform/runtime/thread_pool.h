// ThreadPool: a fixed number of threads with a bounded queue. Blocking work (engine, SQLite, sync)
// runs here, never on an I/O thread. Thread-safe. stop() (or the destructor) finishes what is
// queued, then joins.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace insula {

struct ThreadPoolOptions {
    std::string name;  // shown by the system as the thread's name; at most 12 characters
    size_t threads = 1;
    size_t queue_max = 4096;  // tasks waiting; one more is refused
};

class ThreadPool {
  public:
    explicit ThreadPool(ThreadPoolOptions options);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    // Fails with resource_exhausted when the queue is full and unavailable after stop(). Tasks must
    // not throw.
    Status submit(std::move_only_function<void()> task);
    void stop();

    size_t queued() const;
    size_t threads() const { return options_.threads; }

  private:
    void run(size_t index);

    const ThreadPoolOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::move_only_function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace insula
