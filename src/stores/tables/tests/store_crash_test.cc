// What the table store promises of a power cut: nothing that was acknowledged is lost, doubled or
// half, wherever it strikes: at every sync of appends, flushes, direct writes, changes of sources
// and restarts.
#include <gtest/gtest.h>

#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

void add(const Coverage& from, Coverage& to) {
    to.operations += from.operations;
    to.acknowledged += from.acknowledged;
    to.direct_writes += from.direct_writes;
    to.flushes += from.flushes;
    to.split_flushes += from.split_flushes;
    to.restatements += from.restatements;
    to.duplicates += from.duplicates;
    to.removals += from.removals;
}

struct Sum {
    Coverage coverage;
    uint64_t power_cuts = 0;
    uint64_t crashes = 0;
    uint64_t faults = 0;
};

Sum random_runs(const SeedRange& range, RunSettings settings) {
    Sum sum;
    for (uint64_t seed = range.first; seed <= range.last; ++seed) {
        settings.seed = seed;
        StoreCrashRun run(settings);
        const Wrong wrong = run.run();
        EXPECT_FALSE(wrong) << *wrong << repeat_line(seed);
        if (wrong) break;
        add(run.coverage(), sum.coverage);
        sum.power_cuts += run.power_cuts();
        sum.crashes += run.crashes();
        sum.faults += run.faults();
    }
    ::testing::Test::RecordProperty("acknowledged", std::to_string(sum.coverage.acknowledged));
    ::testing::Test::RecordProperty("simulated_crashes", std::to_string(sum.crashes));
    return sum;
}

TEST(StoreCrash, NothingAcknowledgedIsLostByPowerCutsOfTheJournal) {
    constexpr uint64_t kSeeds = 3000;
    const SeedRange range = test_seeds(kSeeds);
    const Sum sum = random_runs(range, {});
    if (!range.usual(kSeeds)) return;
    EXPECT_GT(sum.power_cuts, kSeeds);
    EXPECT_GT(sum.coverage.acknowledged, kSeeds * 5);
    EXPECT_GT(sum.coverage.duplicates, kSeeds);
    EXPECT_GT(sum.coverage.removals, kSeeds / 4);
}

TEST(StoreCrash, NothingAcknowledgedIsLostByPowerCutsOfFlushesAndDirectWrites) {
    constexpr uint64_t kSeeds = 400;
    const SeedRange range = test_seeds(kSeeds);
    const Sum sum = random_runs(range, {.files = true});
    if (!range.usual(kSeeds)) return;
    EXPECT_GT(sum.power_cuts, kSeeds);
    EXPECT_GT(sum.coverage.acknowledged, kSeeds * 5);
    EXPECT_GT(sum.coverage.flushes, kSeeds * 2 / 5);
    EXPECT_GT(sum.coverage.split_flushes, kSeeds / 40);
    EXPECT_GT(sum.coverage.restatements, kSeeds / 2);
    EXPECT_GT(sum.coverage.direct_writes, kSeeds / 2);
}

TEST(StoreCrash, NothingAcknowledgedIsLostByFailingCallsOfTheDisk) {
    constexpr uint64_t kSeeds = 300;
    const SeedRange range = test_seeds(kSeeds);
    const Sum sum = random_runs(range, {.files = true, .disk_faults = true, .operations = 30});
    if (!range.usual(kSeeds)) return;
    EXPECT_GT(sum.faults, kSeeds);
    EXPECT_GT(sum.coverage.acknowledged, kSeeds * 5);
    EXPECT_GT(sum.coverage.flushes, kSeeds);
    EXPECT_GT(sum.coverage.split_flushes, kSeeds / 4);
    EXPECT_GT(sum.coverage.restatements, kSeeds);
}

TEST(StoreCrash, NothingIsLostAtAnySyncOfAWorkload) {
    const SeedRange range = test_seeds(1);
    uint64_t crashes = 0;
    for (uint64_t seed = range.first; seed <= range.last; ++seed) {
        StoreCrashRun run({.seed = seed, .files = true, .starts = 2, .operations = 40});
        std::vector<StoreCrashRun::Boundary> boundaries;
        const Wrong ran = run.run_through(1, boundaries);
        ASSERT_FALSE(ran) << *ran << repeat_line(seed);
        EXPECT_GT(boundaries.size(), 200u);
        crashes += boundaries.size();
        for (size_t i = 0; i < boundaries.size(); ++i) {
            const Wrong wrong = run.check_boundary(std::move(boundaries[i]), 0, false);
            ASSERT_FALSE(wrong) << "boundary " << i << ": " << *wrong << repeat_line(seed);
        }
    }
    RecordProperty("simulated_crashes", std::to_string(crashes));
}

TEST(StoreCrash, NothingIsLostByASecondPowerCutAtAnySyncOfTheRestart) {
    const SeedRange range = test_seeds(1);
    for (uint64_t seed = range.first; seed <= range.last; ++seed) {
        StoreCrashRun run({.seed = seed, .files = true, .starts = 2, .operations = 30});
        std::vector<StoreCrashRun::Boundary> boundaries;
        const Wrong ran = run.run_through(1, boundaries);
        ASSERT_FALSE(ran) << *ran << repeat_line(seed);
        // A restart has some twenty syncs; each of them meets many boundaries.
        constexpr uint64_t kRestartSyncs = 23;
        for (size_t i = 0; i < boundaries.size(); ++i) {
            const uint64_t cut = 1 + i % kRestartSyncs;
            const Wrong wrong =
                run.check_boundary(std::move(boundaries[i]), cut, i / kRestartSyncs % 2 == 1);
            ASSERT_FALSE(wrong) << "boundary " << i << ", restart cut at sync " << cut << ": "
                                << *wrong << repeat_line(seed);
        }
        EXPECT_GT(run.power_cuts(), boundaries.size() / 2);
    }
}

}  // namespace
}  // namespace insula::tables::durability
