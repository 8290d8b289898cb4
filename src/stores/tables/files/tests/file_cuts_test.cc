#include "stores/tables/files/file_cuts.h"

#include <gtest/gtest.h>

#include <numeric>

#include "platform/runtime/random.h"

namespace insula::tables {
namespace {

using Cuts = std::vector<uint64_t>;

TEST(FileCuts, EveryRunThatIsLargeEnoughHasAFileOfItsOwn) {
    const std::vector<RowRun> runs{{10, 100}, {20, 150}, {5, 100}};
    EXPECT_EQ(cut_files(runs, {.bytes_min = 100}), (Cuts{10, 20, 5}));
    EXPECT_EQ(cut_files(runs, {}), (Cuts{10, 20, 5}));
}

TEST(FileCuts, SmallRunsShareAFileWithTheirNeighbours) {
    const std::vector<RowRun> runs{{1, 10}, {1, 40}, {1, 60}, {1, 30}, {1, 30}, {1, 50}, {1, 99}};
    EXPECT_EQ(cut_files(runs, {.bytes_min = 100}), (Cuts{3, 4}));
    EXPECT_EQ(cut_files(runs, {.bytes_min = 110}), (Cuts{3, 4}));
    EXPECT_EQ(cut_files(runs, {.bytes_min = 1000}), (Cuts{7}));
}

TEST(FileCuts, ManyRunsMakeFewFiles) {
    const std::vector<RowRun> runs(100'000, RowRun{.rows = 1, .bytes = 100});
    const Cuts cuts = cut_files(runs, {.bytes_min = 1, .files_max = 64});
    EXPECT_LE(cuts.size(), 64u);
    EXPECT_GE(cuts.size(), 60u);
    EXPECT_EQ(std::accumulate(cuts.begin(), cuts.end(), uint64_t{0}), 100'000u);
}

TEST(FileCuts, WhatIsTooLargeIsCutInEqualParts) {
    const std::vector<RowRun> runs{{100, 1000}, {10, 90}};
    EXPECT_EQ(cut_files(runs, {.bytes_min = 90, .bytes_max = 400}), (Cuts{33, 33, 34, 10}));
    // A row cannot be cut.
    EXPECT_EQ(cut_files(runs, {.bytes_max = 1}).size(), 110u);
    EXPECT_EQ(cut_files(std::vector<RowRun>{{1, 1000}}, {.bytes_max = 1}), (Cuts{1}));
}

TEST(FileCuts, NoRowsMakeNoFile) {
    EXPECT_TRUE(cut_files({}, {}).empty());
    EXPECT_TRUE(cut_files(std::vector<RowRun>{{0, 0}, {0, 0}}, {}).empty());
}

TEST(FileCuts, KeepTheirPromisesForAnyRuns) {
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        SeededRandom random(seed);
        std::vector<RowRun> runs(random.below(50));
        uint64_t rows = 0;
        uint64_t bytes = 0;
        for (RowRun& run : runs) {
            run = {.rows = 1 + random.below(20), .bytes = random.below(1000)};
            rows += run.rows;
            bytes += run.bytes;
        }
        const FileCutLimits limits{.bytes_min = random.below(2000),
                                   .files_max = 1 + random.below(20)};
        const Cuts cuts = cut_files(runs, limits);
        ASSERT_EQ(std::accumulate(cuts.begin(), cuts.end(), uint64_t{0}), rows) << "seed " << seed;
        ASSERT_LE(cuts.size(), limits.files_max + (bytes == 0 ? runs.size() : 0))
            << "seed " << seed;
        // Every file ends where a run does, and all but a lone one are worth it.
        size_t run = 0;
        for (const uint64_t file_rows : cuts) {
            uint64_t held = 0;
            uint64_t held_bytes = 0;
            while (held < file_rows) {
                held += runs[run].rows;
                held_bytes += runs[run++].bytes;
            }
            ASSERT_EQ(held, file_rows) << "seed " << seed;
            if (cuts.size() > 1) ASSERT_GE(held_bytes, limits.bytes_min) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace insula::tables
