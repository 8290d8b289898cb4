// What holds for the catalog on PostgreSQL alone.
#include "core/catalog/postgres/postgres_catalog.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <latch>
#include <thread>
#include <vector>

#include "base/check.h"
#include "core/catalog/postgres/migrations.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/samples.h"
#include "platform/postgres/tests/cutting_proxy.h"

namespace insula::catalog {
namespace {

using postgres::CuttingProxy;
using postgres::PostgresServer;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

class PostgresCatalogTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (PostgresServer::shared() == nullptr) GTEST_SKIP() << PostgresServer::why_not_shared();
        options_ = test_options(*PostgresServer::shared());
        open();
    }
    void open() {
        auto opened = PostgresCatalog::open(options_, clock_, random_);
        ASSERT_TRUE(opened) << opened.error().describe();
        catalog_ = *std::move(opened);
    }
    // Another process on the same catalog.
    std::unique_ptr<PostgresCatalog> open_another() {
        auto opened = PostgresCatalog::open(options_, clock_, random_);
        INSULA_CHECK(opened.has_value(), "what opens once opens twice");
        return *std::move(opened);
    }
    // The same catalog, by way of a proxy, on one connection.
    void open_through_proxy(milliseconds command_timeout = milliseconds(20'000)) {
        const PostgresServer& server = *PostgresServer::shared();
        proxy_ =
            *CuttingProxy::start(server.directory() + "/" + options_.schema, server.socket_path());
        PostgresCatalogOptions through = options_;
        through.url = proxy_->url();
        through.connections_max = 1;
        through.command_timeout = command_timeout;
        auto opened = PostgresCatalog::open(through, clock_, random_);
        ASSERT_TRUE(opened) << opened.error().describe();
        catalog_ = *std::move(opened);
    }
    void fill() {
        ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
        ASSERT_TRUE(catalog_->raise_epoch({sample_tenant(1).id}));
        ASSERT_TRUE(catalog_->add_source({sample_source(1, 10)}));
    }
    Error open_fails() {
        const auto opened = PostgresCatalog::open(options_, clock_, random_);
        EXPECT_FALSE(opened) << "must fail";
        return opened ? internal_error("opened") : opened.error();
    }
    std::string sql(std::string_view text) const { return run_sql(options_, text); }
    // The key of the n-th change from now on, and of `times` after it, meets this error.
    void plant_error(std::string_view sqlstate, std::string_view message, int first, int times) {
        sql("CREATE SEQUENCE IF NOT EXISTS tries");  // which no rollback takes back
        sql("ALTER SEQUENCE tries RESTART");
        sql(
            fmt::format("CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$ DECLARE try bigint := nextval('tries'); BEGIN"
                        " IF try BETWEEN {} AND {} THEN RAISE EXCEPTION USING ERRCODE = '{}',"
                        " MESSAGE = '{}'; END IF; RETURN NEW; END $$",
                        first, first + times - 1, sqlstate, message));
        sql("CREATE OR REPLACE TRIGGER trouble BEFORE INSERT ON commands FOR EACH ROW"
            " EXECUTE FUNCTION trouble()");
    }

    ManualClock clock_;
    SystemRandom random_;
    PostgresCatalogOptions options_;
    std::unique_ptr<CuttingProxy> proxy_;
    std::unique_ptr<PostgresCatalog> catalog_;
};

TEST_F(PostgresCatalogTest, EveryCallAfterCloseIsRefused) {
    ASSERT_TRUE(catalog_->close());
    ASSERT_TRUE(catalog_->close()) << "idempotent";
    const auto closed = [](const auto& result) { return result.error().reason(); };
    EXPECT_EQ(closed(catalog_->tenants()), "catalog_closed");
    EXPECT_EQ(closed(catalog_->sources(sample_tenant(1).id)), "catalog_closed");
    EXPECT_EQ(closed(catalog_->garbage()), "catalog_closed");
    EXPECT_EQ(closed(catalog_->idempotency(SourceIncarnation{1}, 0)), "catalog_closed");
    EXPECT_EQ(closed(catalog_->setting("a")), "catalog_closed");
    EXPECT_EQ(closed(catalog_->put_setting("a", "b")), "catalog_closed");
    EXPECT_EQ(closed(catalog_->commit_files(sample_commit(1, 10))), "catalog_closed");
    EXPECT_EQ(closed(catalog_->raise_epoch({sample_tenant(1).id})), "catalog_closed");
    EXPECT_EQ(closed(catalog_->forget_garbage({FileId{1}})), "catalog_closed");
    EXPECT_EQ(closed(catalog_->allocate_ids(IdKind::file, 1)), "catalog_closed");
}

TEST_F(PostgresCatalogTest, WhatTheServerAsksToRepeatIsRepeated) {
    fill();
    uint64_t epoch = 1;
    for (const std::string_view sqlstate :
         {"40001", "40P01", "55P03", "57014", "57P01", "57P03", "53300", "08006", "25006"}) {
        plant_error(sqlstate, "planted", 1, 2);
        // Its key goes in together with the raise.
        const auto raised = catalog_->raise_epoch({sample_tenant(1).id});
        ASSERT_TRUE(raised) << sqlstate << ": " << raised.error().describe();
        EXPECT_EQ(raised->value, ++epoch) << sqlstate;
        EXPECT_EQ(sql("SELECT last_value::text FROM tries"), "3") << sqlstate;
    }
    EXPECT_EQ(catalog_->health().repeats, 18u);
}

TEST_F(PostgresCatalogTest, WhatWillFailAgainIsNotRepeated) {
    fill();
    struct Case {
        std::string_view sqlstate;
        Code code;
        std::string_view reason;
    };
    for (const Case& each : {Case{"53100", Code::storage_exhausted, "disk_full"},
                             Case{"XX001", Code::data_loss, "database_error"},
                             Case{"42P01", Code::internal, "database_error"}}) {
        plant_error(each.sqlstate, "planted", 1, 1);
        const Status put = catalog_->put_setting("a", "b");
        ASSERT_FALSE(put);
        EXPECT_EQ(put.error().code(), each.code) << each.sqlstate;
        EXPECT_EQ(put.error().reason(), each.reason) << each.sqlstate;
        EXPECT_NE(put.error().detail().find("planted"), std::string_view::npos);
        EXPECT_EQ(put.error().message().find("planted"), std::string_view::npos);
    }
    EXPECT_EQ(catalog_->health().repeats, 0u);
}

TEST_F(PostgresCatalogTest, ATroubleThatDoesNotEndIsGivenUpInTime) {
    open_through_proxy(milliseconds(100));
    plant_error("40001", "planted", 1, 1'000'000);
    const Status put = catalog_->put_setting("a", "b");
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().reason(), "catalog_unavailable") << "certainly not carried out";
    EXPECT_EQ(put.error().code(), Code::unavailable);
    EXPECT_GT(catalog_->health().repeats, 1u);
}

TEST_F(PostgresCatalogTest, AnOutcomeThatIsNotLearntInTimeIsCalledUnknown) {
    fill();
    open_through_proxy(milliseconds(200));
    proxy_->swallow(true);
    const auto raised = catalog_->raise_epoch({sample_tenant(1).id});
    ASSERT_FALSE(raised);
    EXPECT_EQ(raised.error().reason(), kOutcomeUnknownReason);
    EXPECT_EQ(raised.error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->health().unknown_outcomes, 1u);
    proxy_->swallow(false);
    proxy_->drop();
    // By itself, once the server answers again.
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    auto again = catalog_->raise_epoch({sample_tenant(1).id});
    while (!again && !deadline.passed()) again = catalog_->raise_epoch({sample_tenant(1).id});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->value, 2u) << "what was swallowed never reached the server";
}

TEST_F(PostgresCatalogTest, WhatIsInDoubtIsCarriedOutBeforeTheNextChangeOrNever) {
    fill();
    open_through_proxy(milliseconds(200));
    proxy_->swallow(true);
    EXPECT_EQ(catalog_->put_setting("a", "lost").error().reason(), kOutcomeUnknownReason);
    EXPECT_EQ(catalog_->put_setting("a", "never sent").error().reason(), "catalog_unavailable");
    proxy_->swallow(false);
    proxy_->drop();
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    while (!catalog_->put_setting("a", "last") && !deadline.passed()) {
    }
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands WHERE cancelled"), "1");
    ASSERT_TRUE(catalog_->put_setting("a", "later"));
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands WHERE cancelled"), "1") << "once";
    // As the server would, had it held it back until now.
    EXPECT_NE(sql("WITH held AS (SELECT command FROM commands WHERE cancelled LIMIT 1)"
                  " INSERT INTO commands (command) SELECT command FROM held")
                  .find("commands_pkey"),
              std::string::npos);
}

TEST_F(PostgresCatalogTest, ARefusalAfterALostTryMakesSureThatTheTryIsRefusedToo) {
    fill();
    open_through_proxy();
    CommitFiles stale = sample_commit(1, 10);
    stale.epoch = Epoch{7};
    proxy_->arm({.after_client_bytes = 10});
    EXPECT_EQ(catalog_->commit_files(stale).error().reason(), "stale_epoch");
    EXPECT_TRUE(proxy_->disarm().cut);
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands WHERE cancelled"), "1");
    EXPECT_EQ(catalog_->health().unknown_outcomes, 0u);
}

TEST_F(PostgresCatalogTest, ARefusalAfterALostTryThatWasCarriedOutIsNone) {
    fill();
    open_through_proxy();
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1)};
    // The first try commits, and its answer is lost. The second is refused before it finds the key.
    plant_error("IN001", "file_removed", 2, 1);
    proxy_->arm({.after_server_bytes = 0});
    const Status committed = catalog_->commit_files(commit);
    EXPECT_TRUE(proxy_->disarm().cut);
    EXPECT_TRUE(committed) << committed.error().describe();
    EXPECT_EQ(sql("SELECT count(*)::text FROM files"), "1");
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands WHERE cancelled"), "0");
}

TEST_F(PostgresCatalogTest, AnOutageIsWaitedForOnceAndRecoveredFromByItself) {
    PostgresServer* server = PostgresServer::shared_to_crash();
    ASSERT_NE(server, nullptr);
    options_ = test_options(*server);
    options_.command_timeout = milliseconds(300);
    open();
    fill();
    EXPECT_TRUE(catalog_->health().reachable);
    server->crash();
    EXPECT_EQ(catalog_->tenants().error().reason(), "catalog_unavailable");
    EXPECT_FALSE(catalog_->health().reachable);
    // Those who come later do not wait: within the time of one they all have their answer.
    const auto begin = steady_clock::now();
    for (int i = 0; i < 100; ++i) {
        const auto refused = catalog_->tenants();
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), Code::unavailable);
        EXPECT_EQ(refused.error().message().find(server->directory()), std::string_view::npos);
        EXPECT_NE(refused.error().detail().find(server->directory()), std::string_view::npos);
    }
    EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10)) << "100 times 0.3 s are 30";
    ASSERT_TRUE(server->start_again());
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    auto tenants = catalog_->tenants();
    while (!tenants && !deadline.passed()) tenants = catalog_->tenants();
    ASSERT_TRUE(tenants);
    EXPECT_EQ(tenants->size(), 1u);
    EXPECT_TRUE(catalog_->health().reachable);
}

TEST_F(PostgresCatalogTest, KeysOfCommandsAreForgottenAfterADay) {
    sql("INSERT INTO commands (command, done_at) VALUES"
        " (gen_random_uuid(), clock_timestamp() - interval '25 hours'),"
        " (gen_random_uuid(), clock_timestamp() - interval '23 hours')");
    ASSERT_TRUE(catalog_->put_setting("a", "b"));
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands"), "3") << "not at every command";
    clock_.advance(std::chrono::hours(1));
    ASSERT_TRUE(catalog_->put_setting("a", "b"));
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands"), "3") << "one gone, one more";
    EXPECT_EQ(sql("SELECT count(*)::text FROM commands"
                  " WHERE done_at < clock_timestamp() - interval '1 day'"),
              "0");
}

TEST_F(PostgresCatalogTest, TwoNodesShareIdsAndEachOthersChanges) {
    const auto first = open_another();
    const auto a = first->allocate_ids(IdKind::file, 10);
    const auto b = catalog_->allocate_ids(IdKind::file, 10);
    ASSERT_TRUE(a && b);
    EXPECT_GE(*b, *a + 10);
    // A stream that begins later is above every earlier one, whoever began it.
    uint64_t last = 0;
    for (int i = 0; i < 3; ++i) {
        for (PostgresCatalog* node : {first.get(), catalog_.get()}) {
            const uint64_t stream = *node->allocate_ids(IdKind::stream, 1);
            EXPECT_GT(stream, last);
            last = stream;
        }
    }
    fill();
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1)};
    ASSERT_TRUE(first->commit_files(commit));
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id)->at(0).files.size(), 1u);
    // Once the other node has taken the tenant over, the first one is refused.
    ASSERT_EQ(catalog_->raise_epoch({sample_tenant(1).id})->value, 2u);
    commit.add = {sample_file(2)};
    EXPECT_EQ(first->commit_files(commit).error().reason(), "stale_epoch");
}

TEST_F(PostgresCatalogTest, OfTwoProcessesOfANodeTheLaterOneOwnsTheCatalog) {
    const NodeName node = random_.uuid();
    EXPECT_EQ(*catalog_->owner(), std::nullopt);
    ASSERT_TRUE(catalog_->own(node));
    fill();
    const auto later = open_another();
    EXPECT_EQ(*later->owner(), node);
    ASSERT_TRUE(catalog_->put_setting("a", "1")) << "looking is not owning";
    ASSERT_TRUE(later->own(node));
    EXPECT_TRUE(catalog_->check_owned()) << "nobody has told it yet";
    EXPECT_EQ(catalog_->put_setting("a", "2").error().reason(), kNodeFencedReason);
    EXPECT_FALSE(catalog_->check_owned());
    EXPECT_FALSE(is_in_doubt(catalog_->check_owned().error()));
    EXPECT_EQ(
        catalog_->remove_source({sample_tenant(1).id, SourceIncarnation{10}}).error().reason(),
        kNodeFencedReason);
    EXPECT_EQ(catalog_->add_source({sample_source(2, 20)}).error().reason(), kNodeFencedReason);
    EXPECT_TRUE(catalog_->tenants()) << "what is there may be read";
    EXPECT_EQ(*later->setting("a"), "1");
    EXPECT_TRUE(later->put_setting("a", "3"));
    EXPECT_TRUE(later->check_owned());
}

TEST_F(PostgresCatalogTest, AProcessThatChangesNothingFindsOutThatItIsFenced) {
    const NodeName node = random_.uuid();
    ASSERT_TRUE(catalog_->own(node));
    EXPECT_TRUE(catalog_->garbage());
    EXPECT_TRUE(catalog_->check_owned());
    ASSERT_TRUE(open_another()->own(node));
    EXPECT_TRUE(catalog_->garbage());
    EXPECT_EQ(catalog_->check_owned().error().reason(), kNodeFencedReason);
}

TEST_F(PostgresCatalogTest, ACatalogBelongsToOneNode) {
    const NodeName node = random_.uuid();
    constexpr int kNodes = 4;
    std::array<Status, kNodes> owned;
    {
        std::vector<std::unique_ptr<PostgresCatalog>> nodes;
        for (int i = 0; i < kNodes; ++i) {
            nodes.push_back(open_another());
        }
        std::latch together(kNodes);
        std::vector<std::jthread> threads;
        for (int i = 0; i < kNodes; ++i) {
            threads.emplace_back([&, i] {
                together.arrive_and_wait();
                owned[i] = nodes[i]->own(random_.uuid());
            });
        }
    }
    EXPECT_EQ(std::ranges::count_if(owned, [](const Status& status) { return bool(status); }), 1);
    for (const Status& status : owned) {
        if (!status) {
            EXPECT_EQ(status.error().reason(), kOtherNodeReason);
        }
    }
    EXPECT_EQ(catalog_->own(node).error().reason(), kOtherNodeReason);
}

TEST_F(PostgresCatalogTest, LookingAtACatalogMakesNone) {
    options_ = test_options(*PostgresServer::shared());
    options_.as_it_is = true;
    EXPECT_EQ(open_fails().reason(), "catalog_too_old");
    EXPECT_EQ(open_fails().reason(), "catalog_too_old") << "nor does it the second time";
    options_.as_it_is = false;
    open();
    fill();
    options_.as_it_is = true;
    open();
    EXPECT_EQ(catalog_->tenants()->size(), 1u);
    sql("DELETE FROM schema_migrations WHERE version > 1");
    EXPECT_EQ(open_fails().reason(), "catalog_too_old");
    sql("INSERT INTO schema_migrations VALUES (99, '', 0)");
    EXPECT_EQ(open_fails().reason(), "catalog_too_new");
}

TEST_F(PostgresCatalogTest, ManyThreadsCommitToOneSource) {
    fill();
    constexpr uint64_t kThreads = 6;
    constexpr uint64_t kCommits = 30;
    std::atomic<uint64_t> failures{0};
    {
        std::vector<std::jthread> threads;
        for (uint64_t t = 0; t < kThreads; ++t) {
            threads.emplace_back([&, t] {
                for (uint64_t i = 0; i < kCommits; ++i) {
                    const auto id = catalog_->allocate_ids(IdKind::file, 1);
                    CommitFiles commit = sample_commit(1, 10);
                    if (id) commit.add = {sample_file(*id)};
                    commit.idempotency = {sample_key(std::to_string(t), i, commit.now)};
                    if (!id || !catalog_->commit_files(commit)) ++failures;
                }
            });
        }
    }
    EXPECT_EQ(failures, 0u);
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id)->at(0).files.size(), kThreads * kCommits);
    EXPECT_EQ(sql("SELECT idempotency_keys::text FROM sources"), std::to_string(kThreads));
    EXPECT_LE(catalog_->health().connections, options_.connections_max);
}

TEST_F(PostgresCatalogTest, DamagedZonesAreDataLossThatNamesTheFile) {
    fill();
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1), sample_file(2)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    sql("UPDATE files SET zones = (SELECT zones FROM files WHERE file_id = 1) WHERE file_id = 2");
    const auto sources = catalog_->sources(sample_tenant(1).id);
    ASSERT_FALSE(sources);
    EXPECT_EQ(sources.error().code(), Code::data_loss);
    EXPECT_NE(sources.error().detail().find("file 2"), std::string_view::npos);
}

TEST_F(PostgresCatalogTest, AStartSaysAtOnceWhatNoWaitingMends) {
    options_.start_timeout = std::chrono::hours(1);
    const PostgresCatalogOptions right = options_;
    for (const std::string name : {"", "Insula", "a-b", "1a", "pg_catalog", "a\"b"}) {
        options_.schema = name;
        EXPECT_EQ(open_fails().reason(), "invalid_schema_name") << name;
    }
    options_ = right;
    options_.url = "postgresql://u:secret@h:no_port/d";
    EXPECT_EQ(open_fails().reason(), "invalid_connection_url");
    options_ = right;
    options_.url.replace(options_.url.find("/postgres?"), 9, "/nowhere");
    const Error nowhere = open_fails();
    EXPECT_EQ(nowhere.reason(), "catalog_unreachable");
    EXPECT_NE(nowhere.detail().find("nowhere"), std::string_view::npos);
    EXPECT_FALSE(nowhere.hint().empty());
    options_ = right;
    options_.schema = new_schema_name();
    sql(fmt::format("CREATE SCHEMA {}", options_.schema));
    sql("CREATE TABLE theirs (a int)");
    EXPECT_EQ(open_fails().reason(), "not_a_catalog");
    EXPECT_EQ(sql("SELECT count(*)::text FROM pg_class c JOIN pg_namespace n ON n.oid ="
                  " c.relnamespace WHERE n.nspname = current_schema() AND relkind = 'r'"),
              "1");
    options_ = right;
    sql("INSERT INTO schema_migrations VALUES (99, 'of a later release', 0)");
    const Error too_new = open_fails();
    EXPECT_EQ(too_new.reason(), "catalog_too_new");
    EXPECT_NE(too_new.message().find("version 99"), std::string_view::npos);
}

TEST_F(PostgresCatalogTest, AStartWaitsForTheServerUntilItIsToldToGiveUp) {
    PostgresServer* server = PostgresServer::shared_to_crash();
    ASSERT_NE(server, nullptr);
    options_ = test_options(*server);
    server->stop();
    options_.start_timeout = milliseconds(400);
    const auto begin = steady_clock::now();
    EXPECT_EQ(open_fails().reason(), "catalog_unreachable");
    EXPECT_GE(steady_clock::now() - begin, milliseconds(250));
    options_.start_timeout = std::chrono::hours(1);
    int asked = 0;
    options_.give_up = [&] { return ++asked == 2; };
    EXPECT_EQ(open_fails().reason(), "catalog_unreachable");
    EXPECT_EQ(asked, 2);
    options_.give_up = [] { return false; };
    std::jthread waiter([&] { open(); });
    ASSERT_TRUE(server->start_again());
    waiter.join();
    ASSERT_NE(catalog_, nullptr);
    EXPECT_TRUE(catalog_->tenants());
}

TEST_F(PostgresCatalogTest, ASchemaThatAnAdministratorMadeIsEnough) {
    options_.schema = new_schema_name();
    sql("CREATE ROLE modest LOGIN");
    sql(fmt::format("CREATE SCHEMA {} AUTHORIZATION modest", options_.schema));
    options_.url.replace(options_.url.find("insula@"), 6, "modest");
    open();
    fill();
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id)->size(), 1u);
    catalog_.reset();
    options_.url = PostgresServer::shared()->url();
    sql(fmt::format("DROP SCHEMA {} CASCADE", options_.schema));
    sql("DROP ROLE modest");
}

TEST_F(PostgresCatalogTest, MigrationsAreNumberedWithoutGaps) {
    uint32_t expected = 0;
    for (const auto& migration : postgres_schema::migrations()) {
        EXPECT_EQ(migration.version, ++expected);
        EXPECT_FALSE(migration.name.empty());
        EXPECT_FALSE(migration.statements.empty());
    }
    EXPECT_EQ(sql("SELECT max(version)::text FROM schema_migrations"), std::to_string(expected));
}

}  // namespace
}  // namespace insula::catalog
