#include "platform/net/hop.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

using Callback = std::move_only_function<void(Status)>;

// A thread that calls back whatever has gathered, in batches, as a journal does after a sync.
class Batcher {
  public:
    Batcher() : thread_([this] { run(); }) {}
    ~Batcher() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        ready_.notify_one();
        thread_.join();
    }
    void add(Callback callback) {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(callback));
        }
        ready_.notify_one();
    }

  private:
    void run() {
        for (;;) {
            std::deque<Callback> batch;
            {
                std::unique_lock lock(mutex_);
                ready_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
                if (waiting_.empty()) return;
                batch.swap(waiting_);
            }
            for (Callback& each : batch) each({});
        }
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Callback> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

TEST(Hop, PoolAndCallbacksUnderLoad) {
    ThreadPool pool({"test", 2, 4096});
    Batcher batcher;
    std::atomic<int> wrong_thread = 0;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        const auto here = std::this_thread::get_id();
        const int number = std::stoi(std::string(exchange.request().parameter("n").value_or("0")));
        const Result<int> square = co_await on_pool(pool, [&] {
            if (std::this_thread::get_id() == here) ++wrong_thread;
            return number * number;
        });
        const Status synced =
            co_await completion([&](Callback callback) { batcher.add(std::move(callback)); });
        if (std::this_thread::get_id() != here) ++wrong_thread;
        exchange.respond({square && synced ? 200 : 500, "", {}},
                         std::to_string(square.value_or(-1)));
    });
    constexpr int kClients = 8;
    constexpr int kRequests = 300;
    std::atomic<int> right = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
        clients.emplace_back([&, i] {
            HttpClient client = server.client();
            for (int j = 0; j < kRequests; ++j) {
                const int number = i * kRequests + j;
                const auto answer = client.get("/?n=" + std::to_string(number));
                if (answer && answer->body == std::to_string(number * number)) ++right;
            }
        });
    }
    for (std::thread& each : clients) each.join();
    EXPECT_EQ(right, kClients * kRequests);
    EXPECT_EQ(wrong_thread, 0);
}

// Runs one task on an I/O thread and waits for its end.
void run_task(std::function<Task<void>()> task) {
    std::promise<void> ended;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        co_await task();
        exchange.respond({200, "", {}}, "");
        ended.set_value();
    });
    ASSERT_TRUE(server.client().get("/"));
    ended.get_future().wait();
}

TEST(OnPool, GivesResultsStatusesAndExceptions) {
    ThreadPool pool({"test", 1, 10});
    run_task([&]() -> Task<void> {
        EXPECT_EQ(co_await on_pool(pool, [] { return std::string("text"); }), "text");
        const Result<int> failed = co_await on_pool(
            pool, []() -> Result<int> { return fail(not_found("nothing", "Nothing here.")); });
        EXPECT_EQ(failed.error().reason(), "nothing");
        const Status status = co_await on_pool(pool, []() -> Status { return {}; });
        EXPECT_TRUE(status);
        bool ran = false;
        EXPECT_TRUE(co_await on_pool(pool, [&] { ran = true; }));
        EXPECT_TRUE(ran);
        const Result<int> threw =
            co_await on_pool(pool, []() -> int { throw std::runtime_error("broken"); });
        EXPECT_EQ(threw.error().code(), Code::internal);
        EXPECT_NE(threw.error().detail().find("broken"), std::string::npos);
        auto owned = std::make_unique<int>(7);
        EXPECT_EQ(co_await on_pool(pool, [mine = std::move(owned)] { return *mine; }), 7);
    });
}

TEST(OnPool, AFullPoolIsTheResult) {
    ThreadPool pool({"test", 1, 1});
    std::promise<void> release;
    std::promise<void> started;
    ASSERT_TRUE(pool.submit([&] {
        started.set_value();
        release.get_future().wait();
    }));
    started.get_future().wait();
    ASSERT_TRUE(pool.submit([] {}));
    run_task([&]() -> Task<void> {
        bool ran = false;
        const Result<int> refused = co_await on_pool(pool, [&] {
            ran = true;
            return 1;
        });
        EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
        EXPECT_FALSE(ran);
    });
    release.set_value();
    pool.stop();
    run_task([&]() -> Task<void> {
        const Result<int> refused = co_await on_pool(pool, [] { return 1; });
        EXPECT_EQ(refused.error().code(), Code::unavailable);
    });
}

TEST(Completion, TakesTheFirstCallFromAnyThread) {
    run_task([]() -> Task<void> {
        EXPECT_TRUE(co_await completion([](Callback callback) { callback({}); }));
        std::thread other;
        const Status failed = co_await completion([&](Callback callback) {
            other = std::thread([mine = std::move(callback)]() mutable {
                mine(fail(not_found("first", "First.")));
                mine({});
            });
        });
        EXPECT_EQ(failed.error().reason(), "first");
        other.join();
    });
}

TEST(Completion, ADroppedCallbackIsAnError) {
    run_task([]() -> Task<void> {
        const Status dropped = co_await completion([](Callback) {});
        EXPECT_EQ(dropped.error().code(), Code::internal);
    });
}

TEST(Completion, EndsAtItsDeadlineAndALateCallIsWithoutEffect) {
    run_task([]() -> Task<void> {
        Callback kept;
        const auto keep = [&](Callback callback) { kept = std::move(callback); };
        const Status late =
            co_await completion(keep, Deadline::after(std::chrono::milliseconds(20)));
        EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
        kept({});
        kept = nullptr;
        // What waits next is not resumed by the first one's call.
        const Status next =
            co_await completion([](Callback callback) { callback({}); }, Deadline::never());
        EXPECT_TRUE(next);
        const Status dropped = co_await completion([](Callback) {}, Deadline::never());
        EXPECT_EQ(dropped.error().code(), Code::internal);
    });
}

// Callbacks and deadlines that come at the same moment, from two threads: each wait ends once.
TEST(Completion, CallbackAndDeadlineMayMeet) {
    Batcher batcher;
    HttpServerOptions options = test_options();
    options.tick = std::chrono::milliseconds(1);
    std::atomic<int> in_time = 0;
    std::atomic<int> late = 0;
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            for (int i = 0; i < 100; ++i) {
                const Status status = co_await completion(
                    [&](Callback callback) { batcher.add(std::move(callback)); },
                    Deadline::after(std::chrono::microseconds(i % 3 == 0 ? 0 : 200)));
                ++(status ? in_time : late);
            }
            exchange.respond({200, "", {}}, "");
        },
        options);
    constexpr int kClients = 8;
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
        clients.emplace_back([&] { EXPECT_TRUE(server.client().get("/")); });
    }
    for (std::thread& each : clients) each.join();
    EXPECT_EQ(in_time + late, kClients * 100);
}

}  // namespace
}  // namespace insula::net::testing
