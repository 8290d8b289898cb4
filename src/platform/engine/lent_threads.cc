#include "platform/engine/lent_threads.h"

#include <utility>

#include "duckdb/execution/executor.hpp"
#include "duckdb/parallel/event.hpp"
#include "duckdb/parallel/task.hpp"
#include "duckdb/parallel/task_scheduler.hpp"

namespace insula::engine {

namespace {

// The engine destroys a query's events right before its task queue.
class EndOfQuery final : public duckdb::Event {
  public:
    EndOfQuery(duckdb::Executor& executor, std::shared_ptr<LentThreads> threads)
        : Event(executor), threads_(std::move(threads)) {}
    ~EndOfQuery() override { threads_->close_gate(); }
    void Schedule() override {}

  private:
    const std::shared_ptr<LentThreads> threads_;
};

}  // namespace

LentThreads::LentThreads(Lender* lender, size_t threads)
    : lender_(lender), threads_(lender ? threads : 0) {}

void LentThreads::close_with(duckdb::ClientContext& context) {
    if (threads_ == 0) return;
    context_ = &context;
    open_ = true;
    duckdb::Executor& executor = context.GetExecutor();
    executor.AddEvent(duckdb::make_shared_ptr<EndOfQuery>(executor, shared_from_this()));
}

void LentThreads::start_pull() {
    if (threads_ == 0) return;
    pulling_ = true;
    pull_started_ = std::chrono::steady_clock::now();
}

void LentThreads::end_pull() { pulling_ = false; }

void LentThreads::ask() {
    if (threads_ == 0 || !asked_.expired()) return;
    if (std::chrono::steady_clock::now() - pull_started_ < kShortQuery) return;
    auto request = std::make_shared<char>();
    asked_ = request;
    lender_->lend(threads_, [self = shared_from_this(), request] { self->work(); });
}

void LentThreads::wait_for_progress() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPoll);
}

void LentThreads::stop() {
    close_gate();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return inside_ == 0; });
}

void LentThreads::close_gate() {
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    changed_.notify_all();
}

void LentThreads::work() {
    {
        const std::lock_guard lock(mutex_);
        if (!open_) return;
        ++inside_;
    }
    duckdb::shared_ptr<duckdb::Task> task;
    while (take_task(task)) run(std::move(task));
    {
        const std::lock_guard lock(mutex_);
        --inside_;
    }
    changed_.notify_all();
}

// False when this thread should leave.
bool LentThreads::take_task(duckdb::shared_ptr<duckdb::Task>& task) {
    std::unique_lock lock(mutex_);
    for (bool waited = false;; waited = true) {
        if (!open_) return false;
        duckdb::Executor& executor = context_->GetExecutor();
        auto& scheduler = duckdb::TaskScheduler::GetScheduler(*context_);
        if (scheduler.GetTaskFromProducer(executor.GetToken(), task)) return true;
        if (waited && !pulling_) return false;
        // The thread that pulls may be deep in one long task; this one sees a cancellation all the
        // same.
        changed_.wait_for(lock, kPoll);
    }
}

void LentThreads::run(duckdb::shared_ptr<duckdb::Task> task) {
    using duckdb::TaskExecutionResult;
    auto result = TaskExecutionResult::TASK_NOT_FINISHED;
    while (result == TaskExecutionResult::TASK_NOT_FINISHED) {
        // Tasks report their failures to the query instead of throwing.
        result = task->Execute(duckdb::TaskExecutionMode::PROCESS_PARTIAL);
    }
    if (result == TaskExecutionResult::TASK_BLOCKED) task->Deschedule();
    task.reset();
    changed_.notify_all();
}

}  // namespace insula::engine
