// Transactor: runs transactions of the catalog until it is known what became of them.
//
// What only time mends (conflicts, lost connections, a server that restarts) is tried again until
// `command_timeout`. A change is carried out exactly once however often it is sent: each has a
// random key, which its transaction inserts first. Whoever finds the key there knows that an
// earlier try was committed, and reads its answer; a try that is still under way somewhere makes
// the next one wait for it, since both insert the same key.
//
// A change whose outcome was never learnt is carried out before the next change that succeeds, or
// never: that one cancels its key.
//
// Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "core/catalog/postgres/planted_fault.h"
#include "platform/postgres/connection_pool.h"
#include "platform/runtime/random.h"

namespace insula::catalog {

// Names a change: a UUID.
using CommandKey = std::array<uint8_t, 16>;

struct TransactorOptions {
    std::chrono::milliseconds command_timeout{10'000};
    PlantedFault planted = PlantedFault::none;
};

class Transactor {
  public:
    // What the server's refusal means as an answer of the catalog; nullopt: nothing that a command
    // can meet.
    using Refusals = std::optional<Error> (*)(const postgres::Failure& failure);

    // `pool` and `random` must outlive it.
    Transactor(postgres::ConnectionPool& pool, Random& random, Refusals refusals,
               TransactorOptions options)
        : pool_(pool), random_(random), refusals_(refusals), options_(options) {}

    // catalog_unavailable where the server cannot be had in time.
    Result<std::vector<postgres::Rows>> read(std::span<const postgres::Query> queries);
    // For changes that may be carried out more than once.
    Result<std::vector<postgres::Rows>> write_repeatably(std::span<const postgres::Query> queries);

    // A change, carried out once: its queries, the first of which inserts the key and returns the
    // answer, if the change has one. Errors: what `refusals` says; catalog_unavailable, and then
    // certainly nothing has changed; kOutcomeUnknownReason.
    using Change = std::function<std::vector<postgres::Query>(const CommandKey& key)>;
    Result<std::optional<uint64_t>> change(const Change& make);
    // The first query of a change without an answer.
    static postgres::Query insert_key(const CommandKey& key);

    // From now on every change holds what `precondition` requires. Before other threads use it.
    void require_in_changes(postgres::Query precondition) {
        precondition_ = std::move(precondition);
    }

    // Forgets keys so old that no try with them can be under way any more.
    Status forget_old_keys();

    uint64_t repeats() const { return repeats_; }  // tries beyond the first
    uint64_t unknown_outcomes() const { return unknown_; }

  private:
    using Answer = Result<std::optional<uint64_t>>;
    class Pauses;

    Result<std::vector<postgres::Rows>> run(postgres::Access access,
                                            std::span<const postgres::Query> queries);
    postgres::Outcome<std::vector<postgres::Rows>> attempt(postgres::Access access,
                                                           std::span<const postgres::Query> queries,
                                                           Deadline deadline);
    // Whether another try may succeed; waits for its time.
    bool again(const postgres::Failure& failure, Pauses& pauses, Deadline deadline);
    Error error_of(const postgres::Failure& failure) const;
    Error outcome_unknown(const CommandKey& key, const Error& cause);
    std::vector<CommandKey> doubts();
    void forget_doubts(const std::vector<CommandKey>& cancelled);
    CommandKey new_key();
    // What the transaction with the key has answered.
    Answer ask(const CommandKey& key);
    // After a refusal, while an earlier try may still be under way: makes sure that it fails, or
    // finds that it did not.
    Answer settle(const CommandKey& key, const Error& refusal, Deadline deadline);

    postgres::ConnectionPool& pool_;
    Random& random_;
    const Refusals refusals_;
    const TransactorOptions options_;
    std::optional<postgres::Query> precondition_;
    std::mutex doubts_mutex_;
    std::vector<CommandKey> doubts_;  // of unknown outcome, oldest first
    std::atomic<uint64_t> repeats_{0};
    std::atomic<uint64_t> unknown_{0};
};

}  // namespace insula::catalog
