#include "platform/net/completion_queue.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <utility>

#include "base/check.h"
#include "platform/net/hop.h"

namespace insula::net {

namespace asio = boost::asio;

namespace {

thread_local CompletionQueue* current_queue = nullptr;

using Token = asio::use_awaitable_t<asio::io_context::executor_type>;

// Room in the frame of the suspended task for Asio's handler, whose type only the initiation knows.
class WaiterSlot {
  public:
    WaiterSlot() = default;
    WaiterSlot(const WaiterSlot&) = delete;
    WaiterSlot& operator=(const WaiterSlot&) = delete;

    template <class Handler>
    Waiter& hold(Handler handler) {
        struct Holder final : Waiter {
            explicit Holder(Handler held) : handler(std::move(held)) {}
            void resume(Status status) override {
                // The frame, and this object in it, may end during the call.
                Handler mine = std::move(handler);
                this->~Holder();
                std::move(mine)(std::move(status));
            }
            Handler handler;
        };
        static_assert(sizeof(Holder) <= kBytes && alignof(Holder) <= alignof(std::max_align_t));
        return *new (bytes_) Holder(std::move(handler));
    }

  private:
    static constexpr size_t kBytes = 96;
    alignas(std::max_align_t) std::byte bytes_[kBytes];
};

// The callback of completion(): reports once, at the latest when it is destroyed.
class Callback {
  public:
    Callback(CompletionQueue& queue, Waiter& waiter) : queue_(&queue), waiter_(&waiter) {}
    Callback(Callback&& other) noexcept
        : queue_(other.queue_), waiter_(std::exchange(other.waiter_, nullptr)) {}
    Callback& operator=(Callback&&) = delete;
    ~Callback() {
        if (waiter_) report(fail(internal_error("a completion callback was dropped")));
    }
    void operator()(Status status) {
        if (waiter_) report(std::move(status));
    }

  private:
    void report(Status status) {
        Waiter& waiter = *std::exchange(waiter_, nullptr);
        waiter.status = std::move(status);
        queue_->push(waiter);
    }

    CompletionQueue* queue_;
    Waiter* waiter_;
};

// The callback of a completion() with a deadline: reports once, unless the deadline came first.
class TimedCallback {
  public:
    TimedCallback(CompletionQueue& queue, std::shared_ptr<TimedWait> wait)
        : queue_(&queue), wait_(std::move(wait)) {}
    TimedCallback(TimedCallback&&) noexcept = default;
    TimedCallback& operator=(TimedCallback&&) = delete;
    ~TimedCallback() {
        if (wait_) report(fail(internal_error("a completion callback was dropped")));
    }
    void operator()(Status status) {
        if (wait_) report(std::move(status));
    }

  private:
    void report(Status status) {
        const std::shared_ptr<TimedWait> wait = std::move(wait_);
        if (wait->ended.exchange(true)) return;
        wait->waiter->status = std::move(status);
        queue_->push(*wait->waiter);
    }

    CompletionQueue* queue_;
    std::shared_ptr<TimedWait> wait_;
};

CompletionQueue& required_queue() {
    CompletionQueue* const queue = CompletionQueue::current();
    INSULA_CHECK(queue != nullptr, "hops are awaited on an I/O thread of a server");
    return *queue;
}

}  // namespace

CompletionQueue::~CompletionQueue() {
    while (pushing_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

CompletionQueue* CompletionQueue::current() { return current_queue; }
void CompletionQueue::set_current(CompletionQueue* queue) { current_queue = queue; }

void CompletionQueue::push(Waiter& waiter) {
    pushing_.fetch_add(1, std::memory_order_relaxed);
    Waiter* newest = newest_.load(std::memory_order_relaxed);
    do {
        waiter.next = newest;
    } while (!newest_.compare_exchange_weak(newest, &waiter, std::memory_order_release,
                                            std::memory_order_relaxed));
    // Whoever finds the list empty wakes the I/O thread; it takes the whole list at once.
    if (newest == nullptr) asio::post(context_, [this] { drain(); });
    pushing_.fetch_sub(1, std::memory_order_release);
}

void CompletionQueue::add(TimedWait& wait) {
    wait.next = first_timed_;
    if (first_timed_) first_timed_->previous = &wait;
    first_timed_ = &wait;
}

void CompletionQueue::remove(TimedWait& wait) {
    (wait.previous ? wait.previous->next : first_timed_) = wait.next;
    if (wait.next) wait.next->previous = wait.previous;
}

void CompletionQueue::expire(SteadyTime now) {
    for (TimedWait* wait = first_timed_; wait; wait = wait->next) {
        if (wait->deadline.when() > now || wait->ended.exchange(true)) continue;
        wait->waiter->status = fail(deadline_exceeded());
        push(*wait->waiter);
    }
}

void CompletionQueue::drain() {
    Waiter* newest = newest_.exchange(nullptr, std::memory_order_acquire);
    Waiter* oldest = nullptr;
    while (newest) {
        Waiter* const next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        Waiter* const next = oldest->next;
        oldest->resume(std::move(oldest->status));
        oldest = next;
    }
}

Task<Status> completion(
    std::move_only_function<void(std::move_only_function<void(Status)>)> start) {
    CompletionQueue& queue = required_queue();
    WaiterSlot slot;
    Token token;
    co_return co_await asio::async_initiate<Token, void(Status)>(
        [&](auto handler) { start(Callback(queue, slot.hold(std::move(handler)))); }, token);
}

Task<Status> completion(std::move_only_function<void(std::move_only_function<void(Status)>)> start,
                        Deadline deadline) {
    CompletionQueue& queue = required_queue();
    const auto wait = std::make_shared<TimedWait>(deadline);
    WaiterSlot slot;
    Token token;
    Status status = co_await asio::async_initiate<Token, void(Status)>(
        [&](auto handler) {
            wait->waiter = &slot.hold(std::move(handler));
            queue.add(*wait);
            start(TimedCallback(queue, wait));
        },
        token);
    queue.remove(*wait);
    co_return status;
}

namespace detail {

namespace {

// What the pool runs: one pointer, so that it fits into the task without an allocation.
struct PoolWork {
    void (*work)(void*);
    void* context;
    CompletionQueue& queue;
    Waiter* waiter;
};

}  // namespace

Task<Status> run_on_pool(ThreadPool& pool, void (*work)(void*), void* context) {
    PoolWork job{work, context, required_queue(), nullptr};
    WaiterSlot slot;
    Token token;
    co_return co_await asio::async_initiate<Token, void(Status)>(
        [&](auto handler) {
            job.waiter = &slot.hold(std::move(handler));
            Status submitted = pool.submit([mine = &job] {
                mine->work(mine->context);
                mine->queue.push(*mine->waiter);
            });
            if (submitted) return;
            job.waiter->status = std::move(submitted);
            job.queue.push(*job.waiter);
        },
        token);
}

Error failed_work(const char* what) {
    return internal_error(std::string("work on a pool threw: ") + what);
}

}  // namespace detail

}  // namespace insula::net
