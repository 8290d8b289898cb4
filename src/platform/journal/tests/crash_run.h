// The harness of the journal's fault tests: several starts of a journal over one simulated disk,
// each ended by a fault, a kill or a stop, mostly with a power cut behind it, checked against a
// model of what was acknowledged. Deterministic: a seed repeats a run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/journal/tests/journal_model.h"

namespace insula::journal {

class CrashRun {
  public:
    explicit CrashRun(uint64_t seed, PlantedFault planted_fault = PlantedFault::none)
        : random_(seed), planted_fault_(planted_fault), retention_(random_retention()) {}

    // What went wrong; nothing if all that was acknowledged was always found again.
    std::optional<std::string> run();

    // What the run covered, so that a test can tell that it does not pass for want of events.
    struct Coverage {
        uint64_t acknowledged = 0;
        uint64_t power_cuts = 0;
        uint64_t cut_tails = 0;
        uint64_t faults = 0;
        uint64_t clean_stops = 0;
        uint64_t removed_streams = 0;
        uint64_t kept_segments = 0;
        uint64_t given_up_segments = 0;
        uint32_t sequence_max = 0;
    };
    const Coverage& coverage() const { return coverage_; }

  private:
    struct Entry {
        uint64_t id;
        Lsn lsn;
        bool acknowledged;
    };
    static constexpr int kStarts = 4;
    static constexpr int kOperationsMax = 60;

    std::optional<std::string> start(FaultyFileSystem& fs, StreamId stream);
    std::optional<std::string> check_replay(FaultyFileSystem& fs);
    std::optional<std::string> operate(FaultyFileSystem& fs, Journal& journal);
    std::optional<std::string> append(FaultyFileSystem& fs, Journal& journal);
    std::optional<std::string> acknowledge(Journal& journal, bool flushed);
    void release(Journal& journal);
    FaultPlan random_plan();
    Retention random_retention();
    std::optional<std::string> check_kept(const FaultyFileSystem& fs, const Journal& journal);
    Options options() const;

    SeededRandom random_;
    const PlantedFault planted_fault_;
    const Retention retention_;
    uint64_t kept_segments_ = 0;
    std::unique_ptr<CrashFileSystem> disk_ = std::make_unique<CrashFileSystem>();
    ManualClock clock_;
    std::vector<Entry> entries_;  // in the order of their places
    std::vector<uint64_t> told_;  // ids whose callback said success
    uint64_t ids_ = 0;
    Lsn released_;
    bool stopped_cleanly_ = false;
    Coverage coverage_;
};

}  // namespace insula::journal
