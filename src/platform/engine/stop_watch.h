// StopWatch: interrupts queries that were cancelled or whose deadline has passed while the thread
// that runs them is deep inside the engine, which looks up only now and then (a join may run for
// minutes in between).
//
// One thread for all instances of the process. It exists only while queries run, and a little
// longer. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "platform/engine/query_state.h"

namespace insula::engine {

class StopWatch {
  public:
    // The one of the process; lives as long as somebody holds it.
    static std::shared_ptr<StopWatch> shared();

    StopWatch() = default;
    ~StopWatch();
    StopWatch(const StopWatch&) = delete;
    StopWatch& operator=(const StopWatch&) = delete;

    // From add() to remove() the connection must exist.
    void add(duckdb::ClientContext& context, const QueryState& query);
    void remove(duckdb::ClientContext& context);

  private:
    static constexpr auto kPeriod = std::chrono::milliseconds(5);
    static constexpr auto kLinger = std::chrono::seconds(2);

    void run();

    std::mutex mutex_;
    std::condition_variable stopping_changed_;
    std::unordered_map<duckdb::ClientContext*, const QueryState*> queries_;
    std::thread thread_;
    bool running_ = false;
    bool stopping_ = false;
};

}  // namespace insula::engine
