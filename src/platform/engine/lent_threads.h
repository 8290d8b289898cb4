// LentThreads: the threads that work on one query beside the one that pulls its results.
//
// They are asked for once a query has run for a while, take tasks of this query only, and leave by
// themselves when there is nothing to do: a client that reads slowly holds no thread. The engine's
// own way to lend a thread (TaskScheduler::ExecuteForever) would give it to whichever query of the
// instance has a task, and could not get it back before that query ends.
//
// A lent thread may touch the query's task queue only while the gate is open. The engine destroys
// that queue inside calls that we cannot see into (the end of the query, an error); the event that
// close_with() leaves in the query closes the gate just before.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "duckdb/main/client_context.hpp"
#include "duckdb/parallel/task.hpp"
#include "platform/engine/engine.h"

namespace insula::engine {

class LentThreads : public std::enable_shared_from_this<LentThreads> {
  public:
    // `lender` may be null: then this never has a thread.
    LentThreads(Lender* lender, size_t threads);

    // All of these on the query's own thread. The query must be running.
    void close_with(duckdb::ClientContext& context);
    // Between start_pull and end_pull somebody waits for results.
    void start_pull();
    void end_pull();
    // Asks for threads, if the query has run long enough in this pull and none were asked for
    // already.
    void ask();
    bool working() const { return inside_ > 0; }
    // Waits until a lent thread has got somewhere, a millisecond at most.
    void wait_for_progress();
    // Returns when every lent thread has left. The query must have been interrupted or have ended.
    void stop();

    // Any thread.
    void close_gate();

  private:
    static constexpr auto kShortQuery = std::chrono::microseconds(300);
    static constexpr auto kPoll = std::chrono::milliseconds(1);

    void work();
    bool take_task(duckdb::shared_ptr<duckdb::Task>& task);
    void run(duckdb::shared_ptr<duckdb::Task> task);

    Lender* const lender_;
    const size_t threads_;
    duckdb::ClientContext* context_ = nullptr;  // valid while the gate is open or a task is held
    std::weak_ptr<void> asked_;                 // expires when the lender has dropped the request
    std::chrono::steady_clock::time_point pull_started_;

    std::mutex mutex_;  // the gate
    std::condition_variable changed_;
    bool open_ = false;
    std::atomic<bool> pulling_ = false;
    std::atomic<size_t> inside_ = 0;
};

}  // namespace insula::engine
