// A disk that fails at any single call, or from it on: no operation succeeds that did not, nothing
// hangs, and a restart finds what was acknowledged.
#include <execinfo.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <thread>

#include "base/crc32c.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

// Ends the process, saying where, if a run takes longer than any may: a hang would say nothing.
class Watchdog {
  public:
    Watchdog() : thread_([this] { watch(); }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    void begin(std::string what) {
        const std::lock_guard lock(mutex_);
        what_ = std::move(what);
        began_ = std::chrono::steady_clock::now();
    }

  private:
    static constexpr std::chrono::seconds kPatience{120};

    void watch() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
            if (std::chrono::steady_clock::now() - began_ < kPatience) continue;
            fmt::print(stderr, "hangs: {}\n", what_);
            std::abort();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::string what_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::thread thread_;
};

constexpr int kStarts = 4;
constexpr int kOperationsAStart = 75;

// A call that a fault applies to, and the place in the program that it comes from.
struct Call {
    uint64_t number = 0;
    uint64_t site = 0;
};

struct Outcome {
    Wrong wrong;
    uint64_t calls = 0;
    uint64_t faults = 0;
    Coverage coverage;
    std::vector<Call> made;
};

// The callers of this call, as one number: calls that came by the same way have the same.
uint64_t call_site() {
    constexpr int kFramesMax = 64;
    std::array<void*, kFramesMax> frames{};
    const int count = ::backtrace(frames.data(), kFramesMax);
    return crc32c(std::as_bytes(std::span(frames).first(static_cast<size_t>(count))));
}

// Four starts with 75 operations each, killed or stopped; then the disk is whole again and all must
// be there.
class FaultRun {
  public:
    // With `power_cut` the disk also loses what was not synced, at the end of each start.
    FaultRun(FaultPlan plan, bool power_cut)
        : plan_(plan), power_cut_(power_cut), workload_(workload_seed(), true) {}

    static uint64_t workload_seed() { return number_from_environment("INSULA_TEST_WORKLOAD", 1); }

    // Lists the calls that the fault applies to, too.
    Outcome run_and_list_calls() {
        lists_calls_ = true;
        return run();
    }

    Outcome run() {
        for (int i = 0; i < kStarts && !outcome_.wrong; ++i) {
            start_with_faults();
            if (power_cut_) disk_ = disk_->crash(workload_.random());
        }
        workload_.set_excuse([] { return false; });
        for (int i = 0; i < 2 && !outcome_.wrong; ++i) finish(i);
        outcome_.coverage = workload_.coverage();
        return outcome_;
    }

  private:
    void start_with_faults() {
        FaultyFileSystem fs(*disk_);
        FaultPlan plan = plan_;
        const bool struck = plan.at_call > 0 && plan.at_call <= outcome_.calls;
        plan.at_call = struck ? (plan.from_then_on ? 1 : 0)
                              : plan.at_call - std::min(plan.at_call, outcome_.calls);
        fs.arm(plan);
        if (lists_calls_) {
            fs.watch([this](uint64_t call) {
                outcome_.made.push_back({.number = outcome_.calls + call, .site = call_site()});
            });
        }
        workload_.set_excuse([&] { return outcome_.faults + fs.faults() > 0; });
        start(fs);
        if (outcome_.wrong) *outcome_.wrong += " (last fault: " + fs.last_fault() + ")";
        outcome_.calls += fs.calls();
        outcome_.faults += fs.faults();
        if (plan.at_call == 0) outcome_.calls = std::max(outcome_.calls, plan_.at_call);
    }

    void start(FaultyFileSystem& fs) {
        auto node = TestNode::open(fs, workload_.clock(), small_settings());
        if (!node) {
            if (outcome_.faults + fs.faults() == 0)
                outcome_.wrong = "open: " + node.error().describe();
            return;
        }
        outcome_.wrong = workload_.check(**node, Moment::restarted);
        for (int i = 0; i < kOperationsAStart && !outcome_.wrong; ++i)
            outcome_.wrong = workload_.step(**node);
        if (!outcome_.wrong && workload_.random().below(2) == 0) {
            const Status closed = (*node)->close();
            if (!closed && outcome_.faults + fs.faults() == 0)
                outcome_.wrong = "close: " + closed.error().describe();
            workload_.model().acknowledge_below((*node)->journal().durable());
        }
        node->reset();
        workload_.stopped();
    }

    void finish(int round) {
        auto node = TestNode::open(*disk_, workload_.clock(), small_settings());
        if (!node) {
            outcome_.wrong = "open after the faults: " + node.error().describe();
            return;
        }
        outcome_.wrong = workload_.check(**node, Moment::restarted);
        if (!outcome_.wrong && round == 0) outcome_.wrong = workload_.retry_all(**node);
        if (!outcome_.wrong) outcome_.wrong = workload_.check(**node, Moment::running);
        node->reset();
        workload_.stopped();
    }

    const FaultPlan plan_;
    const bool power_cut_;
    bool lists_calls_ = false;
    StoreWorkload workload_;
    std::unique_ptr<CrashFileSystem> disk_ = empty_store();
    Outcome outcome_;
};

std::string describe(const FaultPlan& plan) {
    return fmt::format("fault {} at call {}{}", static_cast<int>(plan.fault), plan.at_call,
                       plan.from_then_on ? " and from then on" : "");
}

struct Sweep {
    std::string_view name;
    FaultPlan plan;  // at each call in turn
    bool power_cut = false;
};

// In an order whose beginning says most: one call of each site, then a second one of each that has
// more. The sites are not in the order of the work, so that a few of them are of all of it. The
// same in every process, wherever it is loaded, so that one can go on where another ended.
std::vector<uint64_t> in_order_of_sites(const std::vector<Call>& calls, uint64_t& sites) {
    constexpr uint32_t kScatter = 2'654'435'761;  // odd: no two numbers become one
    std::map<uint64_t, uint32_t> ranks;
    std::map<uint32_t, std::vector<uint64_t>> by_site;
    for (const Call& call : calls) {
        const auto rank = static_cast<uint32_t>(ranks.size());
        by_site[ranks.try_emplace(call.site, rank).first->second * kScatter].push_back(call.number);
    }
    sites = by_site.size();
    std::vector<uint64_t> ordered;
    for (size_t round = 0; ordered.size() < calls.size(); ++round) {
        for (const auto& [site, numbers] : by_site) {
            // From both ends, to meet a site early and late.
            const size_t index = round % 2 == 0 ? round / 2 : numbers.size() - 1 - round / 2;
            if (round < numbers.size()) ordered.push_back(numbers[index]);
        }
    }
    return ordered;
}

std::string repeat_call(uint64_t call) {
    return fmt::format("{} (with INSULA_TEST_WORKLOAD={})", repeat_line(call),
                       FaultRun::workload_seed());
}

class StoreFaults : public ::testing::TestWithParam<Sweep> {};

// By default a few calls of each sweep. INSULA_TEST_SEEDS multiplies them, up to all that there
// are, INSULA_TEST_FIRST_SEED leaves out those before, INSULA_TEST_SEED is the one call to fail,
// and INSULA_TEST_WORKLOAD the seed of the 300 operations.
TEST_P(StoreFaults, AtEveryCallLoseNothingAndHangNowhere) {
    constexpr uint64_t kCalls = 12;
    const SeedRange range = test_seeds(kCalls);
    const auto& [name, sweep, power_cut] = GetParam();
    // The first run also fills what the harness keeps of files, whose reads would count.
    static_cast<void>(FaultRun(sweep, power_cut).run());
    const Outcome sound = FaultRun(sweep, power_cut).run_and_list_calls();
    ASSERT_FALSE(sound.wrong) << *sound.wrong << repeat_call(0);
    if (FaultRun::workload_seed() == 1) {
        ASSERT_GT(sound.coverage.flushes, 10u);
        ASSERT_GT(sound.coverage.direct_writes, 10u);
        ASSERT_GT(sound.coverage.acknowledged, 100u);
    }
    uint64_t sites = 0;
    std::vector<uint64_t> ordered = in_order_of_sites(sound.made, sites);
    ordered.resize(std::min(ordered.size(), range.last));
    std::span<const uint64_t> chosen =
        std::span(ordered).subspan(std::min(ordered.size(), range.first - 1));
    if (range.single()) chosen = std::span(&range.first, 1);

    Watchdog watchdog;
    for (const uint64_t call : chosen) {
        FaultPlan plan = sweep;
        plan.at_call = call;
        watchdog.begin(describe(plan));
        const Outcome outcome = FaultRun(plan, power_cut).run();
        ASSERT_FALSE(outcome.wrong)
            << describe(plan) << ": " << *outcome.wrong << repeat_call(call);
        EXPECT_GT(outcome.faults, 0u) << describe(plan) << repeat_call(call);
    }
    RecordProperty("sites", std::to_string(sites));
    RecordProperty("calls", std::to_string(sound.made.size()));
    RecordProperty("failed", std::to_string(chosen.size()));
}

INSTANTIATE_TEST_SUITE_P(
    Sweeps, StoreFaults,
    ::testing::Values(Sweep{.name = "io_error", .plan = {.fault = Fault::io_error}},
                      Sweep{.name = "io_error_from_then_on",
                            .plan = {.fault = Fault::io_error, .from_then_on = true}},
                      Sweep{.name = "late_io_error", .plan = {.fault = Fault::late_io_error}},
                      Sweep{.name = "disk_full", .plan = {.fault = Fault::disk_full}},
                      Sweep{.name = "disk_full_from_then_on",
                            .plan = {.fault = Fault::disk_full, .from_then_on = true}},
                      Sweep{.name = "interrupted", .plan = {.fault = Fault::interrupted}},
                      Sweep{.name = "short_write",
                            .plan = {.fault = Fault::short_write, .only = StorageCall::write}},
                      Sweep{.name = "too_many_files", .plan = {.fault = Fault::too_many_files}},
                      Sweep{.name = "too_many_files_from_then_on",
                            .plan = {.fault = Fault::too_many_files, .from_then_on = true}},
                      // As the kernel does it: after a sync that failed the next one says nothing,
                      // and the data is not there.
                      Sweep{.name = "forgotten_pages",
                            .plan = {.fault = Fault::io_error,
                                     .only = StorageCall::sync,
                                     .later_syncs_pretend = true},
                            .power_cut = true},
                      Sweep{.name = "late_directory_sync",
                            .plan = {.fault = Fault::late_io_error,
                                     .only = StorageCall::sync_directory},
                            .power_cut = true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace insula::tables::durability
