#include "stores/tables/tests/store_crash_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/check.h"

namespace insula::tables::durability {

namespace {

// As kill -9 does it: not a call reaches the disk any more.
void kill(FaultyFileSystem& fs, std::unique_ptr<TestNode> node) {
    fs.arm({.at_call = 1, .fault = Fault::io_error, .from_then_on = true});
    node.reset();
    fs.disarm();
}

}  // namespace

std::unique_ptr<CrashFileSystem> empty_store() {
    static const std::unique_ptr<CrashFileSystem> base = [] {
        auto disk = std::make_unique<CrashFileSystem>();
        ManualClock clock;
        auto node = TestNode::open(*disk, clock, small_settings());
        INSULA_CHECK(node.has_value() && (*node)->close(), "an empty store opens and closes");
        disk->cut_power();  // what follows in destructors
        return disk;
    }();
    return base->crash(0);
}

std::string repeat_line(uint64_t seed) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return fmt::format("\nrepeat: INSULA_TEST_SEED={} tables_tests --gtest_filter={}.{}", seed,
                       test->test_suite_name(), test->name());
}

StoreCrashRun::StoreCrashRun(const RunSettings& settings)
    : run_(settings), workload_(settings.seed, settings.files) {}

NodeSettings StoreCrashRun::settings() const {
    NodeSettings settings = small_settings();
    settings.fault = run_.fault;
    // Every second run keeps segments that nothing needs, some of them until others take their
    // room: their rows must not come back.
    if (run_.seed % 2 == 0) {
        settings.journal.retention = {.time = std::chrono::seconds(30),
                                      .bytes_max = 3 * settings.journal.segment_bytes};
    }
    if (run_.files) return settings;
    // Nothing is ever due for a file.
    settings.journal.segment_bytes = 16 * kKiB;
    settings.journal.record_bytes_max = 8 * kKiB;
    settings.limits.record_bytes_max = 7 * kKiB;
    settings.limits.clean_stop_bytes = settings.limits.source_memtable_bytes = 1ull << 30;
    return settings;
}

Wrong StoreCrashRun::run() {
    auto disk = empty_store();
    SeededRandom& random = workload_.random();
    for (int i = 1; i < run_.starts; ++i) {
        // Beside faults the power goes less often, so that there is time for what follows them.
        if (!run_.disk_faults || random.below(3) == 0) {
            disk->set_power_cut({.at_sync = 1 + random.below(run_.syncs_max),
                                 .after_effect = random.below(2) == 0});
        }
        if (auto wrong = start(*disk)) return fmt::format("start {}: {}", i, *wrong);
        power_cuts_ += disk->powered_off() ? 1 : 0;
        // Without a power cut, a process that was killed or stopped.
        if (disk->powered_off() || random.below(4) != 0) {
            disk = disk->crash(random);
            ++crashes_;
        }
        disk->set_power_cut({});
    }
    if (auto wrong = final_start(*disk)) return "last start: " + *wrong;
    return std::nullopt;
}

FaultPlan StoreCrashRun::random_plan() {
    static constexpr Fault kFaults[] = {Fault::io_error, Fault::late_io_error, Fault::short_write,
                                        Fault::disk_full};
    static constexpr StorageCall kCalls[] = {StorageCall::sync, StorageCall::write,
                                             StorageCall::rename, StorageCall::sync_directory};
    SeededRandom& random = workload_.random();
    FaultPlan plan{.at_call = 1 + random.below(60),
                   .fault = kFaults[random.below(std::size(kFaults))],
                   .from_then_on = random.below(5) == 0,
                   .only = kCalls[random.below(std::size(kCalls))],
                   .later_syncs_pretend = random.below(2) == 0};
    if (plan.only == StorageCall::rename) plan.at_call = 1 + random.below(12);
    return plan;
}

Wrong StoreCrashRun::start(CrashFileSystem& disk) {
    FaultyFileSystem fs(disk);
    if (run_.disk_faults) fs.arm(random_plan());
    const auto excused = [&] { return disk.powered_off() || fs.faults() > 0; };
    workload_.set_excuse(excused);
    auto opened = TestNode::open(fs, workload_.clock(), settings());
    Wrong wrong;
    if (!opened) {
        workload_.stopped();
        if (!excused()) wrong = "open: " + opened.error().describe();
        return wrong;
    }
    auto node = *std::move(opened);
    wrong = workload_.check(*node, Moment::restarted);
    if (!wrong) wrong = operate(*node, run_.operations);
    if (!wrong && !disk.powered_off() && workload_.random().below(3) == 0) {
        const Status closed = node->close();
        if (!closed && !excused()) wrong = "close: " + closed.error().describe();
        workload_.model().acknowledge_below(node->journal().durable());
    }
    if (wrong && fs.faults() > 0) *wrong += " (last fault: " + fs.last_fault() + ")";
    faults_ += fs.faults();
    kill(fs, std::move(node));
    workload_.stopped();
    return wrong;
}

Wrong StoreCrashRun::operate(TestNode& node, int operations) {
    // Once the power is gone nothing more can succeed; a few calls show that they fail.
    constexpr uint64_t kRefusedMax = 4;
    const uint64_t refused = workload_.coverage().refused;
    for (int i = 0; i < operations; ++i) {
        if (auto wrong = workload_.step(node)) return wrong;
        if (!run_.disk_faults && workload_.coverage().refused - refused >= kRefusedMax) break;
    }
    return std::nullopt;
}

// All is well from here on: what there is, is there once; a retry does not double it; a clean stop
// and another start change nothing.
Wrong StoreCrashRun::final_start(CrashFileSystem& disk) {
    workload_.set_excuse([] { return false; });
    for (int i = 0; i < 2; ++i) {
        NodeSettings node_settings = settings();
        // The second replay has little room and must write files by itself.
        constexpr uint64_t kLittleRoom = 96 * kKiB;
        if (run_.files && i == 1) node_settings.memtable_budget = kLittleRoom;
        auto node = TestNode::open(disk, workload_.clock(), node_settings);
        if (!node) return "open: " + node.error().describe();
        if (auto wrong = workload_.check(**node, Moment::restarted)) return wrong;
        if (i == 0) {
            if (auto wrong = workload_.retry_all(**node)) return wrong;
            if (auto wrong = workload_.check(**node, Moment::running)) return wrong;
        }
        const Status closed = (*node)->close();
        if (!closed) return "close: " + closed.error().describe();
        workload_.stopped();
    }
    return std::nullopt;
}

Wrong StoreCrashRun::run_through(uint64_t images_a_boundary, std::vector<Boundary>& boundaries) {
    CrashFileSystem disk;
    disk.set_sync_hook([&](SyncMoment) {
        for (uint64_t i = 0; i < images_a_boundary; ++i) {
            boundaries.push_back({disk.crash(run_.seed + boundaries.size()), workload_.model()});
        }
    });
    for (int i = 0; i < run_.starts; ++i) {
        if (auto wrong = start(disk)) return wrong;
    }
    return std::nullopt;
}

Wrong StoreCrashRun::check_boundary(Boundary boundary, uint64_t cut_restart_at, bool after_effect) {
    workload_.model() = std::move(boundary.model);
    workload_.stopped();
    auto disk = std::move(boundary.image);
    if (cut_restart_at > 0) {
        disk->set_power_cut({.at_sync = cut_restart_at, .after_effect = after_effect});
        if (auto wrong = start(*disk)) return wrong;
        power_cuts_ += disk->powered_off() ? 1 : 0;
        disk = disk->crash(run_.seed + cut_restart_at);
    }
    return final_start(*disk);
}

}  // namespace insula::tables::durability
