#include "platform/postgres/connection_pool.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "platform/postgres/tests/postgres_server.h"

namespace insula::postgres {
namespace {

using std::chrono::milliseconds;

Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

class PostgresPool : public ::testing::Test {
  protected:
    void SetUp() override {
        if (PostgresServer::shared() == nullptr) GTEST_SKIP() << PostgresServer::why_not_shared();
    }
    static std::unique_ptr<ConnectionPool> pool_of(const std::string& url,
                                                   PoolOptions options = {}) {
        return std::make_unique<ConnectionPool>(*Target::parse(url), ConnectionOptions(), options);
    }
    static int64_t session(Connection& connection) {
        const Query query{{"", "SELECT pg_backend_pid()"}};
        auto rows = connection.transact(Access::read, {&query, 1}, soon());
        EXPECT_TRUE(rows);
        return rows ? rows->at(0).int64(0, 0) : 0;
    }
};

TEST_F(PostgresPool, AConnectionIsUsedAgain) {
    const auto pool = pool_of(PostgresServer::shared()->url());
    int64_t first = 0;
    {
        auto lease = pool->acquire(soon());
        ASSERT_TRUE(lease);
        first = session(**lease);
    }
    auto again = pool->acquire(soon());
    EXPECT_EQ(session(**again), first);
    auto second = pool->acquire(soon());
    EXPECT_NE(session(**second), first);
    EXPECT_EQ(pool->state().connections, 2u);
}

TEST_F(PostgresPool, WhoeverFindsAllConnectionsTakenWaits) {
    const auto pool = pool_of(PostgresServer::shared()->url(), {.connections_max = 1});
    auto lease = std::make_unique<Outcome<ConnectionPool::Lease>>(pool->acquire(soon()));
    const auto refused = pool->acquire(Deadline::after(milliseconds(10)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.code(), Code::unavailable);
    std::jthread giver([&] { lease.reset(); });
    EXPECT_TRUE(pool->acquire(soon()));
}

TEST_F(PostgresPool, AConnectionThatTheServerClosedIsNotGivenOut) {
    const auto pool = pool_of(PostgresServer::shared()->url());
    int64_t first = 0;
    {
        auto lease = pool->acquire(soon());
        auto other = pool->acquire(soon());
        first = session(**lease);
        const Query end{{"", "SELECT pg_terminate_backend($1::int8::int4, 10000)"},
                        std::move(Parameters().int64(first))};
        ASSERT_TRUE((*other)->transact(Access::write, {&end, 1}, soon()));
    }
    auto one = pool->acquire(soon());
    auto two = pool->acquire(soon());
    EXPECT_NE(session(**one), first);
    EXPECT_NE(session(**two), first);
    EXPECT_EQ(pool->state().connections, 2u);
}

TEST_F(PostgresPool, AnOutageIsWaitedForAtFirstAndThenAnsweredAtOnce) {
    PostgresServer* const server = PostgresServer::shared_to_crash();
    const auto pool = pool_of(server->url(), {.patience = milliseconds(200)});
    EXPECT_TRUE(pool->state().reachable);
    server->crash();
    const auto begin = std::chrono::steady_clock::now();
    const auto waited = pool->acquire(Deadline::after(milliseconds(300)));
    ASSERT_FALSE(waited);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(300));
    EXPECT_EQ(waited.error().error.code(), Code::unavailable);
    EXPECT_FALSE(pool->state().reachable);
    // By now the outage is older than the patience: a try that fails ends the call.
    const auto again = std::chrono::steady_clock::now();
    ASSERT_FALSE(pool->acquire(soon()));
    EXPECT_LT(std::chrono::steady_clock::now() - again, std::chrono::seconds(10));

    ASSERT_TRUE(server->start_again());
    // The next try comes by itself, a second later at most.
    const Deadline deadline = soon();
    while (!pool->acquire(soon()) && !deadline.passed()) {
    }
    EXPECT_TRUE(pool->state().reachable);
    EXPECT_EQ(pool->state().connections, 1u);
}

TEST_F(PostgresPool, OneWhoWaitsGetsAConnectionWhenTheServerIsBack) {
    PostgresServer* const server = PostgresServer::shared_to_crash();
    const auto pool = pool_of(server->url());
    server->crash();
    ASSERT_FALSE(pool->acquire(Deadline::after(milliseconds(1))));
    std::jthread waiter([&] { EXPECT_TRUE(pool->acquire(soon())); });
    ASSERT_TRUE(server->start_again());
}

TEST_F(PostgresPool, ClosingEndsEveryWait) {
    const auto pool = pool_of(PostgresServer::shared()->url(), {.connections_max = 1});
    {
        auto lease = pool->acquire(soon());
        std::latch waiting(1);
        std::jthread waiter([&] {
            waiting.count_down();
            const auto refused = pool->acquire(soon());
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().error.reason(), "database_closed");
        });
        waiting.wait();
        pool->close();
    }
    EXPECT_EQ(pool->acquire(soon()).error().error.reason(), "database_closed");
    EXPECT_FALSE(pool->pause(milliseconds(10'000), Deadline::never()));
    EXPECT_EQ(pool->state().connections, 0u);
}

TEST_F(PostgresPool, APauseThatWouldPassTheDeadlineIsNotMade) {
    const auto pool = pool_of(PostgresServer::shared()->url());
    EXPECT_FALSE(pool->pause(milliseconds(10'000), Deadline::after(milliseconds(5'000))));
    EXPECT_TRUE(pool->pause(milliseconds(1), soon()));
}

}  // namespace
}  // namespace insula::postgres
