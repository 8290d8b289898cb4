// The harness of the crash tests must turn red for a store that breaks a promise.
#include <gtest/gtest.h>

#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

class StoreHarness : public ::testing::TestWithParam<StoreFault> {};

TEST_P(StoreHarness, FindsThePlantedFault) {
    constexpr uint64_t kSeedsMax = 2000;
    for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
        StoreCrashRun run({.seed = seed, .files = true, .fault = GetParam()});
        if (const Wrong wrong = run.run()) {
            RecordProperty("found", *wrong);
            RecordProperty("seed", static_cast<int>(seed));
            return;
        }
    }
    FAIL() << "not found in " << kSeedsMax << " runs";
}

std::vector<StoreFault> all_faults() {
    std::vector<StoreFault> faults;
    for (auto i = static_cast<uint8_t>(StoreFault::none) + 1;
         i < static_cast<uint8_t>(StoreFault::count); ++i) {
        faults.push_back(static_cast<StoreFault>(i));
    }
    return faults;
}

INSTANTIATE_TEST_SUITE_P(Faults, StoreHarness, ::testing::ValuesIn(all_faults()),
                         [](const auto& info) { return std::string(fault_name(info.param)); });

}  // namespace
}  // namespace insula::tables::durability
