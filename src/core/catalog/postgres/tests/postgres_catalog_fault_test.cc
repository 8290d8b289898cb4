// The catalog on PostgreSQL under faults, and the faults that the checks must find. The figures of
// each run are printed; INSULA_FAULT_STRIDE=1 cuts at every byte.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/catalog/postgres/tests/checks.h"
#include "core/catalog/postgres/tests/test_schema.h"

namespace insula::catalog {
namespace {

using postgres::PostgresServer;

#ifdef INSULA_SANITIZED
constexpr uint64_t kStride = 151;
#else
constexpr uint64_t kStride = 61;
#endif

uint64_t stride() {
    const char* text = std::getenv("INSULA_FAULT_STRIDE");
    return text == nullptr ? kStride : std::max(1UL, std::strtoul(text, nullptr, 10));
}

class PostgresCatalogFaults : public ::testing::Test {
  protected:
    void SetUp() override {
        if (PostgresServer::shared() == nullptr) GTEST_SKIP() << PostgresServer::why_not_shared();
    }
    static PostgresCatalogOptions options(PlantedFault planted = PlantedFault::none) {
        PostgresCatalogOptions options = test_options(*PostgresServer::shared());
        options.planted = planted;
        return options;
    }
    static void expect_right(const Problem& problem) { EXPECT_FALSE(problem) << *problem; }
    static void expect_found(const Problem& problem) {
        ASSERT_TRUE(problem) << "the planted fault was not found";
        fmt::print("found: {}\n", problem->substr(0, problem->find('\n')));
    }
    // Another place in each run, over time every byte.
    static CutSweep sweep(uint64_t stride) {
        const uint64_t first = std::random_device()() % stride;
        fmt::print("cuts from byte {} on, every {}\n", first, stride);
        return {first, stride};
    }
};

TEST_F(PostgresCatalogFaults, DoesWhatTheModelDoes) {
    const uint64_t seed = std::random_device()();
    for (uint64_t i = 0; i < 5; ++i) {
        const Problem problem = check_against_model(options(), seed + i, 50);
        ASSERT_FALSE(problem) << *problem;
    }
}

TEST_F(PostgresCatalogFaults, AConnectionThatIsCutAnywhereDoublesNothingAndLosesNothing) {
    CutCounts counts;
    expect_right(
        check_cut_connections(*PostgresServer::shared(), options(), sweep(stride()), &counts));
    fmt::print("{} cuts, {} repeats\n", counts.cuts, counts.repeats);
    EXPECT_GT(counts.repeats, counts.cuts / 2) << "most cuts meet a transaction";
}

TEST_F(PostgresCatalogFaults, AServerThatRestartsUnderLoadLosesNothing) {
    PostgresServer* server = PostgresServer::shared_to_crash();
    ASSERT_NE(server, nullptr);
    RestartCounts counts;
    expect_right(check_restarts_under_load(*server, test_options(*server), 4, &counts));
    fmt::print("{} changes answered, {} repeats, {} of unknown outcome\n", counts.answered,
               counts.repeats, counts.unknown);
    EXPECT_GT(counts.answered, 200u);
    EXPECT_GT(counts.repeats, 0u);
    EXPECT_EQ(counts.unknown, 0u) << "a restart takes less than a command may";
}

TEST_F(PostgresCatalogFaults, AnEpochIsHeldUntilTheCommitIsDone) {
    expect_right(check_epoch_is_held(options()));
}

TEST_F(PostgresCatalogFaults, AChangeComesBeforeTheNodeIsTakenOverOrIsRefused) {
    for (const bool begun : {true, false}) expect_right(check_node_is_held(options(), begun));
}

TEST_F(PostgresCatalogFaults, NamesAreComparedBytewiseInAnyDatabase) {
    expect_right(check_bytewise_names(options()));
}

TEST_F(PostgresCatalogFaults, AMigrationThatIsCutAnywhereIsDoneOrNotBegun) {
    CutCounts counts;
    expect_right(check_cut_migrations(*PostgresServer::shared(), PlantedFault::none,
                                      sweep(stride() * 8), &counts));
    fmt::print("{} cuts\n", counts.cuts);
    EXPECT_GT(counts.cuts, 5u);
}

TEST_F(PostgresCatalogFaults, NodesThatStartTogetherTakeTurnsToMigrate) {
    expect_right(check_migrations_together(*PostgresServer::shared(), PlantedFault::none));
}

// Planted faults.

TEST_F(PostgresCatalogFaults, FindsARepeatWithoutAKey) {
    expect_found(check_cut_connections(*PostgresServer::shared(),
                                       options(PlantedFault::repeat_without_key), {0, 23}));
}
TEST_F(PostgresCatalogFaults, FindsAnUnknownOutcomeThatCountsAsRefused) {
    expect_found(check_cut_connections(*PostgresServer::shared(),
                                       options(PlantedFault::take_unknown_for_refused), {0, 23}));
}
TEST_F(PostgresCatalogFaults, FindsAnUnknownOutcomeThatCountsAsDone) {
    expect_found(check_cut_connections(*PostgresServer::shared(),
                                       options(PlantedFault::take_unknown_for_done), {0, 23}));
}
TEST_F(PostgresCatalogFaults, FindsAnEpochThatIsNotCompared) {
    Problem problem;
    for (uint64_t seed = 0; seed < 5 && !problem; ++seed) {
        problem = check_against_model(options(PlantedFault::ignore_epoch), seed, 60);
    }
    expect_found(problem);
}
TEST_F(PostgresCatalogFaults, FindsAnEpochThatIsComparedAndNotHeld) {
    expect_found(check_epoch_is_held(options(PlantedFault::epoch_without_lock)));
}
TEST_F(PostgresCatalogFaults, FindsAChangeAfterATakeOver) {
    expect_found(check_node_is_held(options(PlantedFault::ignore_node), false));
}
TEST_F(PostgresCatalogFaults, FindsATakeOverInTheMiddleOfAChange) {
    expect_found(check_node_is_held(options(PlantedFault::node_without_lock), true));
}
TEST_F(PostgresCatalogFaults, FindsNamesThatAreComparedAsPeopleDo) {
    expect_found(check_bytewise_names(options(PlantedFault::natural_collation)));
}
TEST_F(PostgresCatalogFaults, FindsAMigrationInPieces) {
    expect_found(check_cut_migrations(*PostgresServer::shared(), PlantedFault::migrate_in_pieces,
                                      {1900, 115}));
}
TEST_F(PostgresCatalogFaults, FindsMigrationsThatNobodyGuards) {
    expect_found(
        check_migrations_together(*PostgresServer::shared(), PlantedFault::migrate_unguarded));
}

}  // namespace
}  // namespace insula::catalog
