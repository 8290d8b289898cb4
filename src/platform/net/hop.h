// How a task leaves its I/O thread and comes back: on_pool() runs blocking work on a ThreadPool,
// completion() awaits a callback that another thread makes. Both may only be awaited on an I/O
// thread of an HttpServer and resume there. A hop costs no allocation beyond the coroutine frame
// (recycled) and one wake-up of the I/O thread for all completions that arrive before it runs.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "platform/net/task.h"
#include "platform/runtime/deadline.h"
#include "platform/runtime/thread_pool.h"

namespace insula::net {

// Calls `start` once, on the I/O thread, with a callback; resumes when the callback was called,
// from any thread, and gives what it was called with. The first call counts. A callback that is
// destroyed without a call gives internal_error. There is no other end than these two: whoever
// takes the callback must call or drop it.
Task<Status> completion(std::move_only_function<void(std::move_only_function<void(Status)>)> start);

// The same with a third end: deadline_exceeded where the callback was not called by then (late by
// at most one tick of the server). A call that comes later has no effect.
Task<Status> completion(std::move_only_function<void(std::move_only_function<void(Status)>)> start,
                        Deadline deadline);

namespace detail {

// What on_pool() hands to the pool: fits into the task without an allocation, reports from its
// destructor.
template <class T>
struct PoolResult {
    using type = Result<T>;
};
template <class T>
struct PoolResult<Result<T>> {
    using type = Result<T>;
};

// Runs `work(context)` on the pool and resumes the caller; `work` must not throw.
Task<Status> run_on_pool(ThreadPool& pool, void (*work)(void*), void* context);

Error failed_work(const char* what);

}  // namespace detail

// Runs `work` on the pool and gives its result: Result<T> for work that returns T or Result<T>.
// Where the pool is full or stopped, `work` is not run and the pool's error is the result. What the
// work throws becomes internal_error. The work may refer to variables of the awaiting task.
template <class Work>
auto on_pool(ThreadPool& pool, Work work)
    -> Task<typename detail::PoolResult<std::invoke_result_t<Work&>>::type> {
    using Returned = typename detail::PoolResult<std::invoke_result_t<Work&>>::type;
    struct Context {
        Work work;
        std::optional<Returned> returned;
    };
    Context context{std::move(work), std::nullopt};
    const Status ran = co_await detail::run_on_pool(
        pool,
        [](void* pointer) {
            Context& mine = *static_cast<Context*>(pointer);
            try {
                if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
                    mine.work();
                    mine.returned.emplace();
                } else {
                    mine.returned.emplace(mine.work());
                }
            } catch (const std::exception& thrown) {
                mine.returned.emplace(fail(detail::failed_work(thrown.what())));
            }
        },
        &context);
    if (!ran) co_return fail(ran.error());
    co_return *std::move(context.returned);
}

}  // namespace insula::net
