// StoreModel: what a store must hold: every batch that was acknowledged, wholly and once; of those
// that were in flight when it stopped, each wholly or not at all. A value: a copy is the model as
// of then.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "stores/tables/tests/store_harness.h"

namespace insula::tables::durability {

enum class BatchState : uint8_t {
    in_doubt,  // sent, and no answer, or an error
    pending,   // in the journal and not durable: nobody may see it
    acknowledged,
    gone,  // was in doubt and is not there: never again
};

struct BatchModel {
    uint64_t first_document = 0;
    uint32_t documents = 0;
    uint64_t life = 0;
    bool keyed = false;
    BatchState state = BatchState::in_doubt;
    Lsn lsn;  // while pending
    // Taken after a removal of its source had failed: once acknowledged, that removal may not come
    // true.
    bool after_removal = false;

    std::string key() const { return "batch-" + std::to_string(first_document); }
    std::string body() const;
};

// One life of a source, from add to remove.
enum class LifeState : uint8_t { maybe_added, living, maybe_removed, removed };
struct SourceLife {
    std::string source_id;
    LifeState state = LifeState::maybe_added;
    bool wal_enabled = true;
};

enum class Moment : uint8_t {
    running,    // what is in doubt stays so
    restarted,  // what is found now must be found ever after, and what is not, never
};

class StoreModel {
  public:
    // Numbers of lives and batches are their places in lives() and batches().
    uint64_t begin_life(std::string source_id, bool wal_enabled);
    size_t begin_batch(uint64_t life, uint32_t documents, bool keyed);

    SourceLife& life(uint64_t number) { return lives_[number]; }
    BatchModel& batch(size_t number) { return batches_[number]; }
    const std::vector<SourceLife>& lives() const { return lives_; }
    const std::vector<BatchModel>& batches() const { return batches_; }
    // The life that answers to `source_id` now, as far as is known.
    std::optional<uint64_t> life_of(std::string_view source_id) const;

    void acknowledge(BatchModel& batch);
    // All that is pending and below `durable` is acknowledged.
    void acknowledge_below(Lsn durable);
    // The node is gone: what was pending is in doubt.
    void stopped();

    // What is wrong with `found`, if anything.
    std::optional<std::string> check(std::span<const FoundSource> found, Moment moment);

  private:
    using RowsByBatch = std::unordered_map<size_t, uint32_t>;

    std::optional<std::string> check_sources(std::span<const FoundSource> found, Moment moment);
    std::optional<std::string> check_rows(const FoundSource& source, uint64_t life,
                                          RowsByBatch& rows) const;
    std::optional<std::string> check_batch(size_t number, uint32_t rows, Moment moment);
    std::string describe(const BatchModel& batch) const;

    std::vector<SourceLife> lives_;
    std::vector<BatchModel> batches_;
    std::vector<size_t> batch_of_document_;
};

}  // namespace insula::tables::durability
