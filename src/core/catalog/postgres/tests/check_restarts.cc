// A server that crashes and restarts under load.
#include <fmt/format.h>

#include <algorithm>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "core/catalog/postgres/tests/checks.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/samples.h"

namespace insula::catalog {
namespace {

constexpr int kThreadsPerNode = 2;
constexpr uint64_t kChangesPerLife = 50;  // answered between two crashes, at least

// What the threads of all nodes were told.
class Told {
  public:
    void file(uint64_t id, const Status& status) { tell(files_, id, status); }
    void epoch(const Result<Epoch>& raised) {
        const std::lock_guard lock(mutex_);
        if (!raised) {
            unknown_epochs_ += is_unknown(raised.error()) ? 1 : 0;
            return note(raised.error());
        }
        ++answered_;
        if (!epochs_.insert(raised->value).second) {
            problem_ = fmt::format("epoch {} was given out twice", raised->value);
        }
    }
    void id(const Result<uint64_t>& id) {
        const std::lock_guard lock(mutex_);
        if (!id) return note(id.error());
        if (!ids_.insert(*id).second) problem_ = fmt::format("id {} was given out twice", *id);
    }
    uint64_t answered() const {
        const std::lock_guard lock(mutex_);
        return answered_;
    }

    // Compares with what is there.
    Problem compare(Catalog& catalog, RestartCounts* counts) {
        if (problem_) return problem_;
        const auto sources = catalog.sources(sample_tenant(1).id);
        const auto tenants = catalog.tenants();
        if (!sources || !tenants) return "the catalog cannot be read";
        std::set<uint64_t> found;
        for (const Source& source : *sources) {
            for (const DataFile& file : source.files) found.insert(file.id.value);
        }
        for (const auto& [id, told] : files_) {
            const bool there = found.contains(id);
            if (told == Answer::done && !there) return fmt::format("file {} is lost", id);
            if (told == Answer::refused && there) {
                return fmt::format("file {} is there, and its commit was refused", id);
            }
            found.erase(id);
        }
        if (!found.empty()) return fmt::format("file {} comes from nowhere", *found.begin());
        const uint64_t epoch = tenants->at(1).epoch.value;
        if (epoch < epochs_.size() || epoch > epochs_.size() + unknown_epochs_) {
            return fmt::format("epoch {} after {} raises and {} whose outcome is unknown", epoch,
                               epochs_.size(), unknown_epochs_);
        }
        if (counts != nullptr) {
            counts->answered = answered_;
            counts->unknown = unknown_;
        }
        return std::nullopt;
    }

  private:
    enum class Answer : uint8_t { done, refused, unknown };
    static bool is_unknown(const Error& error) { return error.reason() == kOutcomeUnknownReason; }

    void tell(std::map<uint64_t, Answer>& table, uint64_t id, const Status& status) {
        const std::lock_guard lock(mutex_);
        if (status) {
            table[id] = Answer::done;
            ++answered_;
            return;
        }
        table[id] = is_unknown(status.error()) ? Answer::unknown : Answer::refused;
        note(status.error());
    }
    void note(const Error& error) {
        unknown_ += is_unknown(error) ? 1 : 0;
        if (error.code() != Code::unavailable) problem_ = error.describe();
    }

    mutable std::mutex mutex_;
    std::map<uint64_t, Answer> files_;
    std::set<uint64_t> epochs_;
    std::set<uint64_t> ids_;
    uint64_t unknown_epochs_ = 0;
    uint64_t answered_ = 0;
    uint64_t unknown_ = 0;
    Problem problem_;
};

// Two nodes at once: a commit, then a raise of another tenant's epoch, again and again.
void work(PostgresCatalog& catalog, Told& told, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const auto id = catalog.allocate_ids(IdKind::file, 1);
        told.id(id);
        if (!id) continue;
        CommitFiles commit = sample_commit(1, 10);
        commit.add = {sample_file(*id)};
        commit.idempotency = {sample_key(std::to_string(*id % 50), *id, commit.now)};
        told.file(*id, catalog.commit_files(commit));
        if (*id % 4 == 0) told.epoch(catalog.raise_epoch({sample_tenant(2).id}));
    }
}

}  // namespace

Problem check_restarts_under_load(postgres::PostgresServer& server,
                                  const PostgresCatalogOptions& options, int restarts,
                                  RestartCounts* counts) {
    ManualClock clock;
    SystemRandom random;
    std::vector<std::unique_ptr<PostgresCatalog>> nodes;
    for (int node = 0; node < 2; ++node) {
        auto opened = PostgresCatalog::open(options, clock, random);
        if (!opened) return opened.error().describe();
        nodes.push_back(*std::move(opened));
    }
    if (!add_tenant(*nodes[0], sample_tenant(1)) || !add_tenant(*nodes[0], sample_tenant(2)) ||
        !nodes[0]->raise_epoch({sample_tenant(1).id}) ||
        !nodes[0]->add_source({sample_source(1, 10)})) {
        return "the catalog could not be filled";
    }
    Told told;
    {
        std::vector<std::jthread> threads;
        for (const auto& node : nodes) {
            for (int i = 0; i < kThreadsPerNode; ++i) {
                threads.emplace_back([&](const std::stop_token& stop) { work(*node, told, stop); });
            }
        }
        const Deadline deadline = Deadline::after(std::chrono::minutes(2));
        for (int restart = 0; restart < restarts; ++restart) {
            const uint64_t wanted = told.answered() + kChangesPerLife + restart % 7;
            while (told.answered() < wanted && !deadline.passed()) std::this_thread::yield();
            // In turns: as if it had been killed, and as an administrator restarts it.
            restart % 2 == 0 ? server.crash() : server.stop();
            if (const Status started = server.start_again(); !started) {
                return started.error().describe();
            }
        }
    }
    const Problem problem = told.compare(*nodes[0], counts);
    if (counts != nullptr) {
        for (const auto& node : nodes) counts->repeats += node->health().repeats;
    }
    return problem;
}

}  // namespace insula::catalog
