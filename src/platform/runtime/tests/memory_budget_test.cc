#include "platform/runtime/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace insula {
namespace {

using namespace std::chrono_literals;

// Returns once `count` callers wait; they are about to, so this ends soon.
void await_waiters(const MemoryBudget& budget, size_t count) {
    while (budget.waiting() != count) std::this_thread::yield();
}

TEST(MemoryBudget, GrantsComeBackWhenDestroyed) {
    MemoryBudget budget("memtables", 100);
    {
        auto first = budget.try_reserve(60);
        ASSERT_TRUE(first);
        auto second = budget.try_reserve(40);
        ASSERT_TRUE(second);
        EXPECT_EQ(budget.usage(), 100u);
    }
    EXPECT_EQ(budget.usage(), 0u);
    EXPECT_EQ(budget.high_water(), 100u);
}

TEST(MemoryBudget, WhatIsInMemoryAlreadyIsCountedAlsoBeyondTheLimit) {
    MemoryBudget budget("memtables", 100);
    auto grant = budget.try_reserve(60);
    ASSERT_TRUE(grant);
    grant->hold(130);
    EXPECT_EQ(budget.usage(), 130u);
    EXPECT_FALSE(budget.try_reserve(1));
    EXPECT_FALSE(budget.try_reserve(0)) << "nothing fits where more than all is in use";
    auto more = budget.reserve_anyway(10);
    EXPECT_EQ(budget.usage(), 140u);
    grant->hold(20);
    EXPECT_EQ(budget.usage(), 30u);
    EXPECT_TRUE(budget.try_reserve(70));
    grant->hold(20);
    EXPECT_EQ(grant->bytes(), 20u);
}

TEST(MemoryBudget, AWaiterGoesOnOnceWhatExceededTheLimitIsBack) {
    MemoryBudget budget("memtables", 100);
    auto grant = budget.reserve_anyway(250);
    std::thread waiter([&] { EXPECT_TRUE(budget.reserve(50, Deadline::after(60s))); });
    await_waiters(budget, 1);
    grant.hold(120);
    EXPECT_EQ(budget.waiting(), 1u);
    grant.hold(50);
    waiter.join();
}

TEST(MemoryBudget, FullBudgetNamesItselfAndSaysThatARetryHelps) {
    MemoryBudget budget("request bodies", 100);
    const auto held = budget.try_reserve(1);
    const auto refused = budget.try_reserve(100);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
    EXPECT_NE(refused.error().message().find("request bodies"), std::string_view::npos);
    EXPECT_NE(refused.error().hint().find("Retry"), std::string_view::npos);
    EXPECT_NE(refused.error().detail().find("100 bytes wanted, 1 of 100 in use"),
              std::string_view::npos);
}

TEST(MemoryBudget, WhatNeverFitsIsRefusedAtOnceAndSaysSo) {
    MemoryBudget budget("request bodies", 100);
    for (const auto& refused :
         {budget.try_reserve(101).error(), budget.reserve(101, Deadline::never()).error()}) {
        EXPECT_EQ(refused.code(), Code::payload_too_large);
        EXPECT_NE(refused.hint().find("cannot succeed"), std::string_view::npos);
    }
    EXPECT_FALSE(budget.try_reserve(UINT64_MAX));
}

TEST(MemoryBudget, GrantsGrowShrinkSplitAndMerge) {
    MemoryBudget budget("memtables", 100);
    MemoryGrant grant = *budget.try_reserve(10);
    EXPECT_TRUE(grant.grow(80));
    EXPECT_FALSE(grant.grow(11));
    EXPECT_EQ(grant.bytes(), 90u);
    MemoryGrant part = grant.split(30);
    EXPECT_EQ(grant.bytes() + part.bytes(), 90u);
    EXPECT_EQ(budget.usage(), 90u);
    grant.shrink_to(10);
    EXPECT_EQ(budget.usage(), 40u);
    MemoryGrant all;
    all.merge(std::move(grant));
    all.merge(std::move(part));
    EXPECT_EQ(all.bytes(), 40u);
    all = MemoryGrant();
    EXPECT_EQ(budget.usage(), 0u);
}

TEST(MemoryBudget, WaitersAreServedInOrderAndNobodyPasses) {
    MemoryBudget budget("memtables", 100);
    MemoryGrant held = *budget.try_reserve(90);
    std::mutex mutex;
    std::vector<int> order;
    const auto wait_for = [&](int name, uint64_t bytes) {
        auto grant = budget.reserve(bytes, Deadline::never());
        ASSERT_TRUE(grant);
        const std::lock_guard lock(mutex);
        order.push_back(name);
    };
    std::thread large(wait_for, 1, 100);
    await_waiters(budget, 1);
    // 5 bytes are free, but the large one is first.
    EXPECT_FALSE(budget.try_reserve(5));
    std::thread small(wait_for, 2, 5);
    await_waiters(budget, 2);
    held.release();
    large.join();
    small.join();
    EXPECT_EQ(order, (std::vector{1, 2}));
    EXPECT_EQ(budget.high_water(), 100u);
}

TEST(MemoryBudget, WaiterThatGivesUpLetsThoseBehindGo) {
    MemoryBudget budget("memtables", 100);
    const MemoryGrant held = *budget.try_reserve(90);
    Status outcome;
    std::atomic<bool> gave_up = false;
    std::thread large([&] {
        auto grant = budget.reserve(50, Deadline::after(30ms));
        outcome = grant ? Status{} : fail(grant.error());
        gave_up = true;
    });
    // On a busy machine it may have given up before it is seen to wait.
    while (budget.waiting() == 0 && !gave_up) std::this_thread::yield();
    auto behind = budget.reserve(10, Deadline::after(10s));  // held up only by the waiter
    large.join();
    EXPECT_TRUE(behind);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), Code::resource_exhausted);
}

TEST(MemoryBudget, WaiterEndsWithTheErrorOfWhoIsAsked) {
    MemoryBudget budget("memtables", 10);
    auto all = budget.try_reserve(10);
    ASSERT_TRUE(all);
    int asked = 0;
    const auto refused = budget.reserve(1, Deadline::after(60s), [&]() -> Status {
        if (++asked < 3) return {};
        return fail(unavailable("gone", "It is gone."));
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "gone");
    EXPECT_EQ(asked, 3);
    EXPECT_EQ(budget.waiting(), 0u);
}

TEST(MemoryBudget, PassedDeadlineDoesNotWait) {
    MemoryBudget budget("memtables", 10);
    const MemoryGrant held = *budget.try_reserve(10);
    EXPECT_FALSE(budget.reserve(1, Deadline::after(0ns)));
    EXPECT_EQ(budget.waiting(), 0u);
}

TEST(MemoryBudget, ManyThreadsNeverExceedTheLimit) {
    constexpr uint64_t kLimit = 1000;
    MemoryBudget budget("memtables", kLimit);
    std::atomic<uint64_t> held{0};
    std::atomic<bool> exceeded{false};
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 6; ++seed) {
        threads.emplace_back([&, seed] {
            std::mt19937 random(seed);
            for (int i = 0; i < 3000; ++i) {
                const uint64_t bytes = random() % kLimit + 1;
                auto grant = i % 3 == 0 ? budget.try_reserve(bytes)
                                        : budget.reserve(bytes, Deadline::after(20s));
                if (!grant) continue;
                if (held.fetch_add(bytes) + bytes > kLimit) exceeded = true;
                held.fetch_sub(bytes);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(exceeded);
    EXPECT_EQ(budget.usage(), 0u);
    EXPECT_LE(budget.high_water(), kLimit);
}

TEST(MemoryBudgetDeathTest, GrantThatOutlivesItsBudgetAborts) {
    EXPECT_DEATH(
        {
            auto budget = std::make_unique<MemoryBudget>("memtables", 10);
            const MemoryGrant grant = *budget->try_reserve(1);
            budget.reset();
        },
        "outlives its grants");
}

}  // namespace
}  // namespace insula
