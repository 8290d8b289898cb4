// StoreWorkload: random operations on a store, each told to the model before it begins and after it
// was answered. Deterministic: a seed repeats it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"
#include "stores/tables/tests/store_harness.h"
#include "stores/tables/tests/store_model.h"

namespace insula::tables::durability {

// What went wrong; nothing if all was well.
using Wrong = std::optional<std::string>;

struct Coverage {
    uint64_t operations = 0;
    uint64_t acknowledged = 0;
    uint64_t direct_writes = 0;
    uint64_t flushes = 0;
    uint64_t split_flushes = 0;  // that made several files
    uint64_t restatements = 0;
    uint64_t duplicates = 0;
    uint64_t removals = 0;
    uint64_t refused = 0;  // operations that a fault made fail
};

class StoreWorkload {
  public:
    // Without `files` nothing is written to files: far quicker.
    StoreWorkload(uint64_t seed, bool files) : random_(seed), files_(files) {}

    // After the power went or a fault struck operations may fail; before, an error is wrong.
    void set_excuse(std::function<bool()> excused) { excused_ = std::move(excused); }

    // One random operation, and those that a hundred of them come to.
    Wrong step(TestNode& node);
    // Makes all that is pending durable.
    Wrong settle(TestNode& node);
    Wrong check(TestNode& node, Moment moment);
    // Repeats every batch that has a key: what is there must not come twice, what is not must come
    // now.
    Wrong retry_all(TestNode& node);
    // The node is gone.
    void stopped() { model_.stopped(); }

    StoreModel& model() { return model_; }
    const Coverage& coverage() const { return coverage_; }
    ManualClock& clock() { return clock_; }
    SeededRandom& random() { return random_; }

  private:
    Wrong write(TestNode& node);
    Wrong answer(TestNode& node, size_t batch, const Result<WriteOutcome>& outcome);
    Wrong retry(TestNode& node, size_t batch);
    Wrong random_retry(TestNode& node);
    Wrong conflict(TestNode& node);
    Wrong add(TestNode& node, std::string source_id);
    Wrong remove(TestNode& node);
    Wrong flush(TestNode& node);
    Wrong restate(TestNode& node);
    Wrong maintain(TestNode& node);
    Wrong surprise(std::string_view what, const Error& error);

    std::optional<uint64_t> random_life();
    std::optional<size_t> random_keyed();
    RecordIdempotency key_of(const BatchModel& batch) const;

    SeededRandom random_;
    const bool files_;
    ManualClock clock_;
    std::function<bool()> excused_ = [] { return false; };
    StoreModel model_;
    Coverage coverage_;
    uint64_t flush_failures_ = 0;
};

}  // namespace insula::tables::durability
