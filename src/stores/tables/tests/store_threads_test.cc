// The same promises with the product's threads: writers beside each other, group commit, flushes in
// the background, and the power cut at some sync of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

constexpr uint64_t kWriters = 3;
constexpr uint64_t kBatchesAWriter = 40;
constexpr uint64_t kSources = 2;

NodeSettings threaded_settings() {
    NodeSettings settings = small_settings();
    settings.journal.manual = false;
    settings.background = true;
    settings.limits.source_memtable_bytes = 16 * kKiB;
    return settings;
}

std::string source_name(uint64_t number) { return fmt::format("s{}", number % kSources); }

// All batches in turn, until one fails; returns the places of those that were acknowledged.
std::vector<size_t> write_batches(TestNode& node, const StoreModel& model,
                                  std::vector<size_t> places) {
    std::vector<size_t> acknowledged;
    for (const size_t place : places) {
        const BatchModel& batch = model.batches()[place];
        const auto outcome = node.write(model.lives()[batch.life].source_id, batch.body());
        if (!outcome) return acknowledged;
        const Deadline deadline = Deadline::after(std::chrono::seconds(20));
        if (!outcome->durable && !node.journal().wait_durable(outcome->lsn, deadline))
            return acknowledged;
        acknowledged.push_back(place);
    }
    return acknowledged;
}

struct ThreadedRun {
    StoreModel model;
    uint64_t acknowledged = 0;
    uint64_t files = 0;

    Wrong run(uint64_t seed);
    void write_beside_each_other(TestNode& node);
};

void ThreadedRun::write_beside_each_other(TestNode& node) {
    std::vector<std::vector<size_t>> places(kWriters);
    for (uint64_t i = 0; i < kWriters * kBatchesAWriter; ++i) {
        // Large ones go to files at once.
        const uint32_t documents = i % 23 == 22 ? 30 : 1 + static_cast<uint32_t>(i % 4);
        places[i % kWriters].push_back(model.begin_batch(i % kSources, documents, false));
    }
    std::vector<std::vector<size_t>> done(kWriters);
    std::vector<std::thread> writers;
    for (uint64_t i = 0; i < kWriters; ++i) {
        writers.emplace_back([&, i] { done[i] = write_batches(node, model, places[i]); });
    }
    for (std::thread& writer : writers) writer.join();
    for (const auto& list : done) {
        for (const size_t place : list) model.acknowledge(model.batch(place));
        acknowledged += list.size();
    }
}

Wrong ThreadedRun::run(uint64_t seed) {
    SeededRandom random(seed);
    ManualClock clock;
    auto disk = empty_store();
    for (uint64_t i = 0; i < kSources; ++i) model.begin_life(source_name(i), true);
    {
        auto node = TestNode::open(*disk, clock, threaded_settings());
        if (!node) return node.error().describe();
        for (const SourceLife& life : model.lives()) {
            const auto added =
                (*node)->store().add_source(TestNode::tenant(), {.source_id = life.source_id});
            if (!added) return added.error().describe();
        }
        for (uint64_t i = 0; i < kSources; ++i) model.life(i).state = LifeState::living;
        disk->set_power_cut(
            {.at_sync = 1 + random.below(120), .after_effect = random.below(2) == 0});
        write_beside_each_other(**node);
    }
    disk = disk->crash(random);
    for (int i = 0; i < 2; ++i) {
        auto node = TestNode::open(*disk, clock, threaded_settings());
        if (!node) return "open: " + node.error().describe();
        const auto found = (*node)->read_all();
        if (!found) return "read: " + found.error().describe();
        if (auto wrong = model.check(*found, Moment::restarted)) return wrong;
        const auto wrong_files = (*node)->wrong_files();
        if (!wrong_files) return wrong_files.error().describe();
        if (*wrong_files) return *wrong_files;
        for (const auto& source : (*node)->store().list(TestNode::tenant()))
            files += source->stats().files;
        if (const Status closed = (*node)->close(); !closed) return closed.error().describe();
    }
    return std::nullopt;
}

TEST(StoreThreads, NothingAcknowledgedToWritersBesideEachOtherIsLost) {
    const SeedRange range = test_seeds(25);
    uint64_t acknowledged = 0;
    uint64_t files = 0;
    for (uint64_t seed = range.first; seed <= range.last; ++seed) {
        ThreadedRun run;
        const Wrong wrong = run.run(seed);
        ASSERT_FALSE(wrong) << *wrong << repeat_line(seed);
        acknowledged += run.acknowledged;
        files += run.files;
    }
    if (range.single()) return;
    EXPECT_GT(acknowledged, 100u);
    EXPECT_GT(files, 20u);
}

}  // namespace
}  // namespace insula::tables::durability
