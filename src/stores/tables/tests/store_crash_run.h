// StoreCrashRun: a node that loses power, or is killed, again and again under a random workload,
// and is checked against the model after each restart.
#pragma once

#include <cstdint>
#include <memory>

#include "base/tests/seeds.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "stores/tables/tests/store_workload.h"

namespace insula::tables::durability {

struct RunSettings {
    uint64_t seed = 1;
    bool files = false;        // flushes and direct writes too
    bool disk_faults = false;  // calls of the disk fail, too
    StoreFault fault = StoreFault::none;
    int starts = 3;
    int operations = 24;      // a start
    uint64_t syncs_max = 64;  // the power goes at a random one of so many
};

class StoreCrashRun {
  public:
    explicit StoreCrashRun(const RunSettings& settings);

    // Power cuts at random syncs of all starts but the last one.
    Wrong run();
    // No power cut: the images that one at every sync, before and after it took effect, would have
    // left, each with the model as of then.
    struct Boundary {
        std::unique_ptr<CrashFileSystem> image;
        StoreModel model;
    };
    Wrong run_through(uint64_t images_a_boundary, std::vector<Boundary>& boundaries);
    // Restarts on a boundary's image, with another power cut at that sync of the restart (0: none).
    Wrong check_boundary(Boundary boundary, uint64_t cut_restart_at, bool after_effect);

    const Coverage& coverage() const { return workload_.coverage(); }
    uint64_t power_cuts() const { return power_cuts_; }
    // Restarts on what a power cut left, whether it came under way or after a kill.
    uint64_t crashes() const { return crashes_; }
    uint64_t faults() const { return faults_; }

  private:
    Wrong start(CrashFileSystem& disk);
    Wrong operate(TestNode& node, int operations);
    Wrong final_start(CrashFileSystem& disk);
    FaultPlan random_plan();
    NodeSettings settings() const;

    const RunSettings run_;
    StoreWorkload workload_;
    uint64_t power_cuts_ = 0;
    uint64_t crashes_ = 0;
    uint64_t faults_ = 0;
};

// A disk with an empty store, cleanly stopped; each call gives a copy.
std::unique_ptr<CrashFileSystem> empty_store();

// " (seed 7; repeat: INSULA_TEST_SEED=7 tables_tests --gtest_filter=…)"
std::string repeat_line(uint64_t seed);

}  // namespace insula::tables::durability
