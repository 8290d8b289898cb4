#include "platform/postgres/connection.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "platform/postgres/tests/cutting_proxy.h"
#include "platform/postgres/tests/postgres_server.h"

namespace insula::postgres {
namespace {

constexpr std::chrono::seconds kTimeout{20};

Deadline soon() { return Deadline::after(kTimeout); }

class PostgresConnection : public ::testing::Test {
  protected:
    void SetUp() override {
        server_ = PostgresServer::shared();
        if (server_ == nullptr) GTEST_SKIP() << PostgresServer::why_not_shared();
        connection_ = open(server_->url());
    }
    static std::unique_ptr<Connection> open(const std::string& url,
                                            const ConnectionOptions& options = {}) {
        auto connection = Connection::open(*Target::parse(url), options, soon());
        EXPECT_TRUE(connection) << connection.error().error.describe();
        return connection ? *std::move(connection) : nullptr;
    }
    static Failure open_fails(const std::string& url, Deadline deadline = soon()) {
        auto connection = Connection::open(*Target::parse(url), {}, deadline);
        EXPECT_FALSE(connection) << "must fail";
        return connection ? Failure{.error = internal_error("connected")}
                          : std::move(connection).error();
    }
    Rows one(std::string_view sql, Parameters parameters = {}) {
        const Query query{{"", sql}, std::move(parameters)};
        auto rows = connection_->transact(Access::write, {&query, 1}, soon());
        EXPECT_TRUE(rows) << rows.error().error.describe();
        return rows ? std::move(rows->at(0)) : Rows();
    }
    Failure fails(std::string_view sql, Deadline deadline = soon()) {
        const Query query{{"", sql}};
        auto rows = connection_->transact(Access::write, {&query, 1}, deadline);
        EXPECT_FALSE(rows) << sql;
        return rows ? Failure{.error = internal_error("succeeded")} : std::move(rows).error();
    }

    PostgresServer* server_ = nullptr;
    std::unique_ptr<Connection> connection_;
};

TEST_F(PostgresConnection, ValuesComeBackAsTheyWere) {
    const std::array<uint8_t, 16> uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};
    const std::string bytes("\0\xff'\\", 4);
    Parameters parameters;
    parameters.int64(INT64_MIN)
        .uint64(UINT64_MAX)
        .boolean(true)
        .uuid(uuid)
        .text("é'\"\x01")
        .bytea(as_bytes(bytes));
    const Rows rows =
        one("SELECT $1, $2, $3, $4, $5, $6, NULL::text, 7::int4, 8::int2", parameters);
    ASSERT_EQ(rows.count(), 1);
    EXPECT_EQ(rows.int64(0, 0), INT64_MIN);
    EXPECT_EQ(rows.uint64(0, 1), UINT64_MAX);
    EXPECT_TRUE(rows.boolean(0, 2));
    EXPECT_EQ(rows.uuid(0, 3), uuid);
    EXPECT_EQ(rows.text(0, 4), "é'\"\x01");
    EXPECT_EQ(as_text(rows.bytea(0, 5)), bytes);
    EXPECT_TRUE(rows.is_null(0, 6));
    EXPECT_FALSE(rows.is_null(0, 5));
    EXPECT_EQ(rows.int64(0, 7), 7);
    EXPECT_EQ(rows.int64(0, 8), 8);
}

TEST_F(PostgresConnection, ArraysBecomeRows) {
    const std::vector<int64_t> numbers{3, -1, INT64_MAX};
    const std::vector<std::string> texts{"a", "", "{,}\"'"};
    const std::vector<std::string> blobs{std::string("\0", 1), "", "\xff"};
    Parameters parameters;
    parameters.int64s(numbers).texts(texts).byteas(blobs).booleans({true, false, true});
    const Rows rows = one("SELECT * FROM unnest($1, $2, $3, $4)", parameters);
    ASSERT_EQ(rows.count(), 3);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(rows.int64(i, 0), numbers[i]);
        EXPECT_EQ(rows.text(i, 1), texts[i]);
        EXPECT_EQ(as_text(rows.bytea(i, 2)), blobs[i]);
        EXPECT_EQ(rows.boolean(i, 3), i != 1);
    }
    Parameters none;
    none.int64s({}).texts({}).byteas({}).booleans({});
    EXPECT_EQ(one("SELECT * FROM unnest($1, $2, $3, $4)", none).count(), 0);
}

TEST_F(PostgresConnection, AFailedStatementTakesTheWholeTransactionWithIt) {
    one("CREATE TABLE whole (a int PRIMARY KEY)");
    std::vector<Query> queries{{{"", "INSERT INTO whole VALUES (1)"}},
                               {{"", "INSERT INTO whole VALUES (1)"}},
                               {{"", "INSERT INTO whole VALUES (2)"}}};
    const auto failed = connection_->transact(Access::write, queries, soon());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().sqlstate, kUniqueViolation);
    EXPECT_EQ(failed.error().constraint, "whole_pkey");
    EXPECT_EQ(failed.error().effect, Effect::none);
    EXPECT_EQ(failed.error().recovery, Recovery::none);
    EXPECT_EQ(failed.error().error.code(), Code::already_exists);
    EXPECT_TRUE(connection_->usable());
    EXPECT_EQ(one("SELECT count(*) FROM whole").int64(0, 0), 0);
    queries.erase(queries.begin());
    ASSERT_TRUE(connection_->transact(Access::write, queries, soon()));
    EXPECT_EQ(one("SELECT count(*) FROM whole").int64(0, 0), 2);
    one("DROP TABLE whole");
}

TEST_F(PostgresConnection, AFailureAtTheCommitItselfIsAFailure) {
    one("CREATE TABLE late (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    const std::vector<Query> queries{{{"", "INSERT INTO late VALUES (1), (1)"}}};
    const auto failed = connection_->transact(Access::write, queries, soon());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().sqlstate, kUniqueViolation);
    EXPECT_EQ(failed.error().effect, Effect::none);
    EXPECT_EQ(one("SELECT count(*) FROM late").int64(0, 0), 0);
    one("DROP TABLE late");
}

TEST_F(PostgresConnection, AReadHasOneSnapshotAndChangesNothing) {
    one("CREATE TABLE snapshot (a int)");
    const Query insert{{"", "INSERT INTO snapshot VALUES (1)"}};
    const auto refused = connection_->transact(Access::read, {&insert, 1}, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate, "25006");
    const Query isolation{{"", "SHOW transaction_isolation"}};
    const auto level = [&](Access access) {
        return std::string(
            connection_->transact(access, {&isolation, 1}, soon())->at(0).text(0, 0));
    };
    EXPECT_EQ(level(Access::read), "repeatable read");
    EXPECT_EQ(level(Access::write), "read committed");
    one("DROP TABLE snapshot");
}

TEST_F(PostgresConnection, ANamedStatementIsPreparedOnceAndSurvivesFailures) {
    const Statement divide{"test_divide", "SELECT 10 / $1"};
    const auto run = [&](int64_t by) {
        const Query query{divide, std::move(Parameters().int64(by))};
        return connection_->transact(Access::read, {&query, 1}, soon());
    };
    EXPECT_FALSE(run(0)) << "division by zero, when the statement was prepared already";
    ASSERT_TRUE(run(5));
    EXPECT_EQ(run(2)->at(0).int64(0, 0), 5);
    const Rows prepared =
        one("SELECT count(*) FROM pg_prepared_statements WHERE name = 'test_divide'");
    EXPECT_EQ(prepared.int64(0, 0), 1);
    // One that cannot be prepared is tried again as if it were new.
    const Query wrong{{"test_wrong", "SELECT nothing FROM nowhere"}};
    for (int i = 0; i < 2; ++i) {
        const auto failed = connection_->transact(Access::read, {&wrong, 1}, soon());
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().sqlstate, "42P01");
    }
}

TEST_F(PostgresConnection, ANewStatementMayComeTwiceInOneTransaction) {
    const Statement twice{"test_twice", "SELECT $1"};
    const std::vector<Query> queries{{twice, std::move(Parameters().int64(1))},
                                     {twice, std::move(Parameters().int64(2))}};
    const auto rows = connection_->transact(Access::read, queries, soon());
    ASSERT_TRUE(rows) << rows.error().error.describe();
    EXPECT_EQ(rows->at(1).int64(0, 0), 2);
}

TEST_F(PostgresConnection, LargeTransactionsPassInBothDirections) {
    std::vector<Query> queries;
    const std::string large(3'000'000, 'x');
    for (int i = 0; i < 5; ++i) {
        queries.push_back({{"", "SELECT $1"}, std::move(Parameters().text(large))});
    }
    const auto rows = connection_->transact(Access::read, queries, soon());
    ASSERT_TRUE(rows) << rows.error().error.describe();
    for (const Rows& each : *rows) EXPECT_EQ(each.text(0, 0), large);
}

TEST_F(PostgresConnection, AStatementThatTakesTooLongIsEndedByTheServer) {
    connection_ = open(server_->url(), {.statement_timeout = std::chrono::milliseconds(50)});
    const Failure failure = fails("SELECT pg_sleep(10)");
    EXPECT_EQ(failure.sqlstate, "57014");
    EXPECT_EQ(failure.recovery, Recovery::repeat);
    EXPECT_EQ(failure.effect, Effect::none);
    EXPECT_EQ(one("SELECT 1").int64(0, 0), 1);
}

TEST_F(PostgresConnection, AtTheDeadlineItIsGivenUpAndItsOutcomeIsUnknown) {
    const Failure failure =
        fails("SELECT pg_sleep(10)", Deadline::after(std::chrono::milliseconds(50)));
    EXPECT_EQ(failure.effect, Effect::unknown);
    EXPECT_EQ(failure.recovery, Recovery::reconnect);
    EXPECT_EQ(failure.error.code(), Code::unavailable);
    EXPECT_FALSE(connection_->usable());
    EXPECT_EQ(fails("SELECT 1").effect, Effect::none) << "nothing was sent";
}

TEST_F(PostgresConnection, ASessionThatIsEndedSaysWhyAndIsSeenToBeClosed) {
    const auto other = open(server_->url());
    const int64_t pid = one("SELECT pg_backend_pid()").int64(0, 0);
    const Query end{{"", "SELECT pg_terminate_backend($1::int8::int4)"},
                    std::move(Parameters().int64(pid))};
    EXPECT_TRUE(connection_->is_open());
    ASSERT_TRUE(other->transact(Access::write, {&end, 1}, soon()));
    const Deadline deadline = soon();
    while (connection_->is_open() && !deadline.passed()) std::this_thread::yield();
    EXPECT_FALSE(connection_->is_open());

    connection_ = open(server_->url());
    const int64_t own = one("SELECT pg_backend_pid()").int64(0, 0);
    const Failure failure =
        fails("SELECT pg_terminate_backend(" + std::to_string(own) + "), pg_sleep(10)");
    EXPECT_EQ(failure.sqlstate, "57P01");
    EXPECT_EQ(failure.recovery, Recovery::reconnect);
    EXPECT_EQ(failure.effect, Effect::unknown) << "COMMIT stood behind it";
    EXPECT_NE(failure.error.detail().find("administrator command"), std::string_view::npos);
}

// The server's answers are cut off at every byte, without and with last words: before and after it
// said that it has committed.
TEST_F(PostgresConnection, WhatIsCommittedIsNeverSaidToHaveFailed) {
    one("CREATE TABLE sent (id int8)");
    const std::string directory = server_->directory() + "/proxy";
    auto proxy = *CuttingProxy::start(directory, server_->socket_path());
    int64_t id = 0;
    for (const std::string& last_words : {std::string(), administrator_ends_session()}) {
        int told = 0;
        int unknown = 0;
        for (uint64_t byte = 0;; ++byte) {
            const auto through = open(proxy->url());
            ASSERT_TRUE(through);
            const Query insert{{"", "INSERT INTO sent VALUES ($1)"},
                               std::move(Parameters().int64(++id))};
            proxy->arm({.after_server_bytes = byte, .last_words = last_words});
            const auto done = through->transact(Access::write, {&insert, 1}, soon());
            const bool cut = proxy->disarm().cut;
            const Query find{{"", "SELECT count(*) FROM sent WHERE id = $1"},
                             std::move(Parameters().int64(id))};
            const auto found = connection_->transact(Access::read, {&find, 1}, soon());
            ASSERT_TRUE(found);
            if (done) {
                EXPECT_EQ(found->at(0).int64(0, 0), 1) << "cut at byte " << byte;
                ++told;
            } else {
                EXPECT_EQ(done.error().effect, Effect::unknown) << "cut at byte " << byte;
                EXPECT_EQ(done.error().recovery, Recovery::reconnect);
                EXPECT_FALSE(through->usable()) << "cut at byte " << byte;
                ++unknown;
            }
            if (!cut) break;
        }
        EXPECT_GT(unknown, 20);
        EXPECT_GT(told, 1) << "COMMIT's own answer is enough";
    }
    one("DROP TABLE sent");
}

TEST_F(PostgresConnection, DurableCommitsAreNotSwitchedOff) {
    one("CREATE ROLE careless LOGIN");
    one("ALTER ROLE careless SET synchronous_commit = off");
    std::string url = server_->url();
    url.replace(url.find("insula@"), 6, "careless");
    connection_ = open(url);
    EXPECT_EQ(one("SHOW synchronous_commit").text(0, 0), "on");
    connection_ = open(server_->url());
    one("DROP ROLE careless");
}

TEST_F(PostgresConnection, WhatCannotBeConnectedToIsTold) {
    const Failure nobody = open_fails("postgresql://insula@/postgres?host=/tmp/no-such-folder");
    EXPECT_EQ(nobody.recovery, Recovery::reconnect);
    EXPECT_EQ(nobody.error.code(), Code::unavailable);
    EXPECT_EQ(nobody.error.message().find("/tmp"), std::string_view::npos);
    EXPECT_NE(nobody.error.detail().find("/tmp/no-such-folder"), std::string_view::npos);

    std::string url = server_->url();
    const Failure unknown = open_fails(url.replace(url.find("/postgres?"), 9, "/nowhere"));
    EXPECT_EQ(unknown.sqlstate, "3D000");
    EXPECT_EQ(unknown.recovery, Recovery::none);
}

TEST_F(PostgresConnection, ADatabaseOfAnotherEncodingIsRefused) {
    // A session's database, for CREATE DATABASE runs in no transaction.
    const std::string directory = server_->directory();
    ASSERT_EQ(std::system(("createdb -h " + directory +
                           " -U insula -E LATIN1 --locale-provider=libc --locale=C -T template0"
                           " latin")
                              .c_str()),
              0);
    std::string url = server_->url();
    const Failure failure = open_fails(url.replace(url.find("/postgres?"), 9, "/latin"));
    EXPECT_EQ(failure.error.reason(), "database_unsuitable");
    EXPECT_EQ(failure.recovery, Recovery::none);
    EXPECT_NE(failure.error.message().find("LATIN1"), std::string_view::npos);
    EXPECT_EQ(connection_->server_setting("server_encoding"), "UTF8");
    EXPECT_TRUE(connection_->is_private());
}

TEST_F(PostgresConnection, TheUrlsTlsSettingsHoldAndAPasswordIsNeverShown) {
    const auto secured = *PostgresServer::start({.tls = true});
    const auto administrator = open(secured->url());
    const Query role{{"", "CREATE ROLE guarded LOGIN PASSWORD 'right-secret'"}};
    ASSERT_TRUE(administrator->transact(Access::write, {&role, 1}, soon()));
    const auto url = [&](std::string_view password, std::string_view parameters) {
        return fmt::format("postgresql://guarded:{}@localhost:{}/postgres?{}", password,
                           secured->tcp_port(), parameters);
    };
    const std::string verified = "sslmode=verify-full&sslrootcert=" + secured->certificate_path();
    const auto connection = open(url("right-secret", verified));
    ASSERT_NE(connection, nullptr);
    EXPECT_TRUE(connection->is_private());

    const Failure plain = open_fails(url("right-secret", "sslmode=disable"));
    EXPECT_EQ(plain.sqlstate, "28000");
    const Failure unknown =
        open_fails(url("right-secret", "sslmode=verify-full&sslrootcert=/etc/hostname"));
    EXPECT_TRUE(unknown.sqlstate.empty()) << "refused by the client";
    const Failure wrong = open_fails(url("wrong-secret", verified));
    EXPECT_EQ(wrong.sqlstate, "28P01");
    EXPECT_EQ(wrong.recovery, Recovery::none);
    for (const Failure* failure : {&plain, &unknown, &wrong}) {
        EXPECT_EQ(failure->error.describe().find("-secret"), std::string::npos);
        EXPECT_FALSE(failure->error.detail().empty());
    }
}

TEST_F(PostgresConnection, TheNextHostIsTriedWhereOneDoesNotAnswer) {
    const std::string url =
        "postgresql://insula@/postgres?host=/tmp/no-such-folder," + server_->directory();
    connection_ = open(url);
    EXPECT_EQ(one("SELECT 1").int64(0, 0), 1);
    EXPECT_NE(connection_->host().find(server_->directory()), std::string::npos);
}

TEST_F(PostgresConnection, AServerThatNeverAnswersIsGivenUpAtTheDeadline) {
    const std::string directory = server_->directory() + "/silent";
    auto proxy = *CuttingProxy::start(directory, server_->socket_path());
    proxy->swallow(true);
    const Failure failure =
        open_fails(proxy->url(), Deadline::after(std::chrono::milliseconds(50)));
    EXPECT_EQ(failure.recovery, Recovery::reconnect);
    EXPECT_NE(failure.error.detail().find("not made in time"), std::string_view::npos);
    proxy->swallow(false);
    connection_ = open(proxy->url());
    proxy->arm({.after_server_bytes = 0});
    const Failure cut = fails("SELECT 1");
    EXPECT_EQ(cut.effect, Effect::unknown);
    EXPECT_TRUE(proxy->disarm().cut);
}

}  // namespace
}  // namespace insula::postgres
