// CompletionQueue: how other threads resume tasks of one I/O thread. A lock-free list of waiters
// that live in the frames of the suspended tasks; the first to arrive wakes the I/O thread, the
// others ride along. Private to this folder. push() from any thread, the rest on the I/O thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/deadline.h"

namespace insula::net {

// A suspended task. Valid from suspension to resume(); never touched by the pushing thread after
// push().
struct Waiter {
    virtual void resume(Status status) = 0;

    Waiter* next = nullptr;
    Status status;

  protected:
    ~Waiter() = default;
};

// A suspended task that is resumed at its deadline at the latest. Whoever sets `ended` first, the
// callback or the queue, pushes the waiter; the other leaves it alone, as it may be gone. Shared by
// the task and its callback.
struct TimedWait {
    explicit TimedWait(Deadline when) : deadline(when) {}

    const Deadline deadline;
    Waiter* waiter = nullptr;
    std::atomic<bool> ended{false};
    // Links of the queue's list.
    TimedWait* previous = nullptr;
    TimedWait* next = nullptr;
};

class CompletionQueue {
  public:
    explicit CompletionQueue(boost::asio::io_context& context) : context_(context) {}
    // Waits for pushing threads to let go.
    ~CompletionQueue();
    CompletionQueue(const CompletionQueue&) = delete;
    CompletionQueue& operator=(const CompletionQueue&) = delete;

    // Resumes `waiter` with its status, on the I/O thread.
    void push(Waiter& waiter);

    // On the I/O thread: a wait is in the list while its task is suspended.
    void add(TimedWait& wait);
    void remove(TimedWait& wait);
    // Pushes the waiters whose deadline has passed; nothing is resumed during the call.
    void expire(SteadyTime now);

    // The queue of the calling I/O thread; null on other threads.
    static CompletionQueue* current();
    // Makes this the calling thread's queue (or none) from now on.
    static void set_current(CompletionQueue* queue);

  private:
    void drain();

    boost::asio::io_context& context_;
    std::atomic<Waiter*> newest_{nullptr};
    std::atomic<int> pushing_{0};
    TimedWait* first_timed_ = nullptr;
};

}  // namespace insula::net
