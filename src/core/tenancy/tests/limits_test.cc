#include "core/tenancy/limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <random>
#include <thread>
#include <vector>

#include "base/tests/seeds.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/meter.h"
#include "core/tenancy/storage_account.h"
#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr TenantId kTenant{{7}};

SteadyTime at(nanoseconds since_start) { return SteadyTime(seconds(1000) + since_start); }

TEST(Limits, EachFieldComesFromTheFirstThatHasIt) {
    const Limits own{.rows = 5};
    const Limits plan{.storage_bytes = 100, .rows = 7};
    const Limits both = with_defaults(own, plan);
    EXPECT_EQ(both.rows, 5u);
    EXPECT_EQ(both.storage_bytes, 100u);
    EXPECT_EQ(both.sources, std::nullopt);
}

TEST(Limits, AreFoundByTheirNamesAndByThoseOfTheSeeds) {
    for (const LimitField& field : limit_fields()) {
        EXPECT_EQ(find_limit(field.name), &field);
        Limits limits;
        limits.*field.value = field.max + 1;
        EXPECT_EQ(check_limits(limits).error().reason(), "invalid_limit") << field.name;
        limits.*field.value = field.max;
        EXPECT_TRUE(check_limits(limits)) << field.name;
    }
    EXPECT_EQ(find_limit("storage_quota"), find_limit("storage_bytes"));
    EXPECT_EQ(find_limit("bandwidth_quota"), find_limit("bytes_per_second"));
    EXPECT_EQ(find_limit("request_rate_limit"), find_limit("requests_per_second"));
    EXPECT_EQ(find_limit("nothing"), nullptr);
}

TEST(RateLimiter, LetsASecondsWorthPassAtOnceAndThenAsMuchAsTheRate) {
    RateLimiter limiter;
    for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter.take(1, 4, at({})), std::nullopt) << i;
    EXPECT_EQ(limiter.take(1, 4, at({})), milliseconds(250));
    EXPECT_EQ(limiter.take(1, 4, at(milliseconds(249))), milliseconds(1));
    EXPECT_EQ(limiter.take(1, 4, at(milliseconds(250))), std::nullopt);
    EXPECT_NE(limiter.take(1, 4, at(milliseconds(250))), std::nullopt);
    EXPECT_EQ(limiter.take(1, 8, at(milliseconds(400))), std::nullopt) << "the rate may change";
}

// Whatever the times: no window of a second lets more than two seconds' worth pass, and the whole
// no more than its length allows.
TEST(RateLimiter, NeverLetsMorePassThanTheRateAllows) {
    const SeedRange seeds = test_seeds(20, 5);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        const uint64_t rate = 1 + random() % 5000;
        RateLimiter limiter;
        int64_t now = 0;
        uint64_t passed = 0;
        for (int i = 0; i < 20'000; ++i) {
            now += static_cast<int64_t>(random() % 2'000'000);
            const auto wait = limiter.take(1, rate, at(nanoseconds(now)));
            if (!wait) {
                ++passed;
            } else {
                EXPECT_NE(limiter.take(1, rate, at(nanoseconds(now))), std::nullopt);
                EXPECT_GT(wait->count(), 0);
            }
        }
        const double allowed = static_cast<double>(rate) * (static_cast<double>(now) / 1e9 + 1);
        EXPECT_LE(static_cast<double>(passed), allowed + 1);
    }
}

TEST(RateLimiter, WhatHasPassedAlreadyIsWaitedFor) {
    RateLimiter limiter;
    limiter.charge(500, 1000, at({}));
    EXPECT_EQ(limiter.wait(at({})), nanoseconds(0)) << "half of what may pass at once";
    limiter.charge(2500, 1000, at({}));
    EXPECT_EQ(limiter.wait(at({})), seconds(2));
    EXPECT_EQ(limiter.wait(at(seconds(2))), nanoseconds(0));
    limiter.charge(UINT64_MAX / 2, 1, at({}));
    EXPECT_LE(limiter.wait(at({})), seconds(3600)) << "no debt is for ever";
}

TEST(TenantMeter, ARefusalNamesTheLimitSaysWhenToComeAgainAndIsCounted) {
    Meters meters;
    const auto meter = meters.of(kTenant);
    const Limits limits{.requests_per_second = 2};
    EXPECT_TRUE(meter->admit_request(limits, at({})));
    EXPECT_TRUE(meter->admit_request(limits, at({})));
    const Status refused = meter->admit_request(limits, at({}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
    EXPECT_EQ(refused.error().reason(), "requests_per_second_limit_reached");
    EXPECT_EQ(refused.error().retry_after(), milliseconds(500));
    EXPECT_NE(refused.error().message().find("requests_per_second is 2"), std::string_view::npos);
    EXPECT_TRUE(meters.of({{8}})->admit_request(limits, at({}))) << "another tenant's are its own";
    const auto place =
        static_cast<size_t>(find_limit("requests_per_second") - limit_fields().data());
    EXPECT_EQ(meter->refusals(place), 1u);
    meters.forget(kTenant);
    EXPECT_EQ(meters.refusals()[place], 1u) << "of tenants that are gone, too";
}

TEST(TenantMeter, BytesThatHavePassedHoldBackRequestsAndPaceStreams) {
    TenantMeter meter;
    const Limits limits{.bytes_per_second = 1024};
    meter.count_bytes(1024, 2048, limits, at({}));
    EXPECT_EQ(meter.pace(limits, at({})), seconds(2));
    const Status refused = meter.admit_request(limits, at({}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "bytes_per_second_limit_reached");
    EXPECT_EQ(refused.error().retry_after(), seconds(2));
    EXPECT_TRUE(meter.admit_request(limits, at(seconds(2))));
    EXPECT_EQ(meter.usage().bytes_received, 1024u);
    EXPECT_EQ(meter.usage().bytes_sent, 2048u);
}

TEST(TenantMeter, SearchesAreCountedWhileTheyRun) {
    Meters meters;
    const auto meter = meters.of(kTenant);
    const Limits limits{.concurrent_searches = 2};
    auto first = meter->begin_search(limits);
    auto second = meter->begin_search(limits);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(meter->begin_search(limits).error().reason(), "concurrent_searches_limit_reached");
    EXPECT_EQ(meter->usage().searches_running, 2u) << "one that was refused does not run";
    *first = RunningSearch();
    EXPECT_TRUE(meter->begin_search(limits));
    EXPECT_EQ(meter->usage().searches_running, 1u);
}

class StorageAccountTest : public ::testing::Test {
  protected:
    std::shared_ptr<Limits> limits_ = std::make_shared<Limits>();
    uint64_t refused_ = 0;
    StorageAccounts accounts_{[this](const TenantId&) { return limits_; },
                              [this](const TenantId&, const LimitField&) { ++refused_; }};
};

TEST_F(StorageAccountTest, WhatWouldExceedAQuotaTakesNothing) {
    *limits_ = {.storage_bytes = 100, .rows = 10, .sources = 1};
    const auto account = accounts_.of(kTenant);
    const auto held = account->reserve({.bytes = 60, .rows = 6, .sources = 1});
    ASSERT_TRUE(held);
    EXPECT_EQ(account->reserve({.bytes = 41}).error().reason(), "storage_bytes_quota_exceeded");
    EXPECT_EQ(account->reserve({.bytes = 1, .rows = 5}).error().reason(), "rows_quota_exceeded");
    EXPECT_EQ(account->reserve({.sources = 1}).error().reason(), "sources_quota_exceeded");
    EXPECT_EQ(account->reserve({.sources = 1}).error().code(), Code::storage_exhausted);
    EXPECT_EQ(refused_, 4u);
    EXPECT_EQ(account->used(), (Stored{60, 6, 1}));
    EXPECT_TRUE(account->reserve({.bytes = 40, .rows = 4}));
    EXPECT_FALSE(account->check({.bytes = 41}));
    EXPECT_EQ(refused_, 4u) << "a question is no refusal";
}

TEST_F(StorageAccountTest, ALimitBelowWhatIsStoredRefusesMoreAndTakesNothingAway) {
    const auto account = accounts_.of(kTenant);
    auto held = account->reserve({.bytes = 60});
    *limits_ = {.storage_bytes = 50};
    EXPECT_FALSE(account->reserve({.bytes = 1}));
    EXPECT_TRUE(account->reserve({.rows = 1})) << "what is not limited";
    held->lower_bytes_to(40);
    EXPECT_TRUE(account->reserve({.bytes = 10}));
    EXPECT_FALSE(held->raise_bytes_to(51));
    EXPECT_TRUE(held->raise_bytes_to(50));
    held->release();
    EXPECT_EQ(account->used(), Stored());
}

TEST_F(StorageAccountTest, GrantsAreMergedAndGivenBackOnce) {
    const auto account = accounts_.of(kTenant);
    {
        auto all = account->reserve_anyway({.bytes = 5, .rows = 1});
        all.merge(account->reserve_anyway({.bytes = 7, .rows = 2}));
        all.merge({});
        StorageGrant moved = std::move(all);
        EXPECT_EQ(moved.stored(), (Stored{12, 3, 0}));
        EXPECT_EQ(account->used(), (Stored{12, 3, 0}));
    }
    EXPECT_EQ(account->used(), Stored());
}

TEST_F(StorageAccountTest, ThreadsTogetherNeverGoBeyondAQuota) {
    constexpr int kThreads = 16;
    constexpr int kRounds = 200;
    *limits_ = {.storage_bytes = 1000};
    const auto account = accounts_.of(kTenant);
    std::barrier together(kThreads);
    std::atomic<int> granted{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < kRounds; ++round) {
                together.arrive_and_wait();
                auto grant = account->reserve({.bytes = 300});
                if (grant) ++granted;
                together.arrive_and_wait();
                // All hold what they have: as many as fit, and no more.
                if (i == 0 && granted.exchange(0) != 3) ++wrong;
                if (grant) grant->release();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(account->used(), Stored());
}

class PlansTest : public TenancyFixture {
  protected:
    Administration administration() { return {directory(), *tokens_, clock_, random_}; }
    void set_plan(std::string plan, std::vector<LimitChange> limits = {}) {
        TenantChanges changes;
        changes.plan = std::move(plan);
        changes.limits = std::move(limits);
        const auto updated = administration().update_tenant("first", changes);
        ASSERT_TRUE(updated) << updated.error().describe();
    }
};

TEST_F(PlansTest, APlanGivesWhatATenantHasNotOfItsOwn) {
    ASSERT_TRUE(administration().put_plan({.name = "gold", .limits = {.rows = 100, .sources = 3}}));
    set_plan("gold", {{find_limit("rows"), 7}});
    EXPECT_EQ(*directory().limits(kFirst), (Limits{.rows = 7, .sources = 3}));
    EXPECT_EQ(*directory().limits(kSecond), Limits());
    ASSERT_TRUE(administration().put_plan({.name = "gold", .limits = {.rows = 1, .sources = 9}}));
    EXPECT_EQ(*directory().limits(kFirst), (Limits{.rows = 7, .sources = 9})) << "at once";
    set_plan("gold", {{find_limit("rows"), std::nullopt}});
    EXPECT_EQ(directory().limits(kFirst)->rows, 1u);
    reopen();
    EXPECT_EQ(*directory().limits(kFirst), (Limits{.rows = 1, .sources = 9}));
    EXPECT_EQ(directory().profile(kFirst).plan, "gold");
}

TEST_F(PlansTest, APlanThatTenantsAreOnStays) {
    ASSERT_TRUE(administration().put_plan({.name = "gold"}));
    set_plan("gold");
    EXPECT_EQ(administration().remove_plan("gold").error().reason(), "plan_in_use");
    set_plan("");
    EXPECT_TRUE(administration().remove_plan("gold"));
    EXPECT_EQ(administration().remove_plan("gold").error().reason(), "plan_not_found");
    TenantChanges changes;
    changes.plan = "gold";
    EXPECT_EQ(administration().update_tenant("first", changes).error().reason(), "plan_not_found");
    NewTenant wanted{.slug = "third"};
    wanted.profile.plan = "gold";
    EXPECT_EQ(administration().add_tenant(wanted).error().reason(), "plan_not_found");
}

TEST_F(PlansTest, TheServersLimitsComeLast) {
    ASSERT_TRUE(administration().put_plan({.name = "gold", .limits = {.rows = 100}}));
    set_plan("gold");
    directory_ = *Directory::open(catalog(), {.rows = 5, .requests_per_second = 1000});
    EXPECT_EQ(*directory().limits(kFirst), (Limits{.rows = 100, .requests_per_second = 1000}));
    EXPECT_EQ(*directory().limits(kSecond), (Limits{.rows = 5, .requests_per_second = 1000}));
    EXPECT_EQ(*directory().limits(TenantId()), Limits()) << "the platform has none";
}

TEST_F(PlansTest, TheGateRefusesWhatIsOverTheRate) {
    set_plan("", {{find_limit("requests_per_second"), 2}});
    const Gate door = gate();
    const auto enter = [&](const std::string& key) {
        return door.enter({.key = key, .tenant = {}}, "tables:Search", {});
    };
    EXPECT_TRUE(enter(first_owner_));
    EXPECT_TRUE(enter(first_owner_));
    EXPECT_EQ(enter(first_owner_).error().reason(), "requests_per_second_limit_reached");
    EXPECT_TRUE(enter(second_owner_)) << "the other tenant is not touched";
    clock_.advance(milliseconds(500));
    EXPECT_TRUE(enter(first_owner_));
}

}  // namespace
}  // namespace insula::tenancy
