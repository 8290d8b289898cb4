#include "core/catalog/postgres/transactor.h"

#include <algorithm>

#include "core/catalog/catalog.h"
#include "platform/runtime/fail_point.h"

namespace insula::catalog {
namespace {

using postgres::Access;
using postgres::Effect;
using postgres::Failure;
using postgres::Outcome;
using postgres::Query;
using postgres::Recovery;
using postgres::Rows;
using std::chrono::milliseconds;

constexpr milliseconds kPauseFirst{2};
constexpr milliseconds kPauseMax{500};
// The key's constraint: it is there already.
constexpr std::string_view kKeyTaken = "commands_pkey";

constexpr postgres::Statement kInsertKey{
    .name = "insert_key",
    .sql = "INSERT INTO commands (command, cancelled) VALUES ($1, $2) RETURNING answer"};
constexpr postgres::Statement kFindKey{
    .name = "find_key", .sql = "SELECT answer, cancelled FROM commands WHERE command = $1"};
// Far longer than a server can hold back a transaction that it was sent and then carry it out.
constexpr postgres::Statement kForgetKeys{
    .name = "forget_keys",
    .sql = "DELETE FROM commands WHERE done_at < clock_timestamp() - interval '1 day'"};

FailPoint change_made("catalog.postgres.change_made");  // and not sent
FailPoint change_done("catalog.postgres.change_done");  // and not answered

// One that is taken already was carried out; one that is being carried out is waited for.
constexpr postgres::Statement kCancelKeys{
    .name = "cancel_keys",
    .sql =
        "INSERT INTO commands (command, cancelled) SELECT key, true FROM unnest($1) AS key"
        " ON CONFLICT (command) DO NOTHING"};
// Beyond them the oldest are given up: long ago they were carried out, or lost.
constexpr size_t kDoubtsMax = 1000;

Query insert(const CommandKey& key, bool cancelled) {
    return {kInsertKey, std::move(postgres::Parameters().uuid(key).boolean(cancelled))};
}

std::optional<uint64_t> answer_in(const Rows& rows) {
    if (rows.count() == 0 || rows.is_null(0, 0)) return std::nullopt;
    return rows.uint64(0, 0);
}

Error catalog_unavailable(const Error& cause) {
    return unavailable("catalog_unavailable", "The catalog cannot be reached at the moment.")
        .with_detail(cause.describe());
}

}  // namespace

// The pauses between the tries of one command: growing, and not the same for all who try.
class Transactor::Pauses {
  public:
    milliseconds next(Random& random) {
        const auto longest = static_cast<uint64_t>(pause_.count());
        pause_ = std::min(pause_ * 2, kPauseMax);
        return milliseconds(1 + random.below(longest));
    }

  private:
    milliseconds pause_ = kPauseFirst;
};

Query Transactor::insert_key(const CommandKey& key) { return insert(key, false); }

Result<std::vector<Rows>> Transactor::read(std::span<const Query> queries) {
    return run(Access::read, queries);
}

Result<std::vector<Rows>> Transactor::write_repeatably(std::span<const Query> queries) {
    return run(Access::write, queries);
}

Result<std::vector<Rows>> Transactor::run(Access access, std::span<const Query> queries) {
    const Deadline deadline = Deadline::after(options_.command_timeout);
    Pauses pauses;
    for (;;) {
        auto rows = attempt(access, queries, deadline);
        if (rows) return *std::move(rows);
        if (!again(rows.error(), pauses, deadline)) return fail(error_of(rows.error()));
    }
}

Outcome<std::vector<Rows>> Transactor::attempt(Access access, std::span<const Query> queries,
                                               Deadline deadline) {
    auto lease = pool_.acquire(deadline);
    if (lease) return (*lease)->transact(access, queries, deadline);
    // Nothing was sent: what the server said to the login is no answer to the command.
    return std::unexpected(Failure{.error = catalog_unavailable(lease.error().error)});
}

bool Transactor::again(const Failure& failure, Pauses& pauses, Deadline deadline) {
    if (failure.recovery == Recovery::none || !pool_.pause(pauses.next(random_), deadline)) {
        return false;
    }
    ++repeats_;
    return true;
}

Error Transactor::error_of(const Failure& failure) const {
    if (const auto refusal = refusals_(failure)) return *refusal;
    const Error& error = failure.error;
    switch (error.code()) {
        case Code::unavailable:
        case Code::aborted:
            return error.reason() == "catalog_unavailable" ? error : catalog_unavailable(error);
        case Code::storage_exhausted:
            return Error(Code::storage_exhausted, "disk_full", "The catalog's disk is full.")
                .with_detail(error.describe());
        default:
            return error;
    }
}

std::vector<CommandKey> Transactor::doubts() {
    const std::lock_guard lock(doubts_mutex_);
    return doubts_;
}

void Transactor::forget_doubts(const std::vector<CommandKey>& cancelled) {
    if (cancelled.empty()) return;
    const std::lock_guard lock(doubts_mutex_);
    std::erase_if(doubts_, [&](const CommandKey& key) {
        return std::ranges::find(cancelled, key) != cancelled.end();
    });
}

Error Transactor::outcome_unknown(const CommandKey& key, const Error& cause) {
    ++unknown_;
    {
        const std::lock_guard lock(doubts_mutex_);
        doubts_.push_back(key);
        if (doubts_.size() > kDoubtsMax) doubts_.erase(doubts_.begin());
    }
    return unavailable(kOutcomeUnknownReason, "It is not known whether the change was carried out.")
        .with_hint("Look at what is there, or send it again after a moment.")
        .with_detail(cause.describe());
}

CommandKey Transactor::new_key() { return random_.uuid().bytes; }

Transactor::Answer Transactor::change(const Change& make) {
    const Deadline deadline = Deadline::after(options_.command_timeout);
    CommandKey key = new_key();
    std::vector<Query> queries = make(key);
    const std::vector<CommandKey> doubtful = doubts();
    // In the same transaction, behind our own key: what is in doubt comes before all else we do.
    if (precondition_) queries.insert(queries.begin() + 1, *precondition_);
    if (!doubtful.empty()) {
        queries.insert(queries.begin() + 1,
                       {kCancelKeys, std::move(postgres::Parameters().uuids(doubtful))});
    }
    Pauses pauses;
    bool in_doubt = false;  // an earlier try may have been carried out, or may still be
    change_made.reach();
    for (;;) {
        auto rows = attempt(Access::write, queries, deadline);
        change_done.reach();
        if (rows) {
            forget_doubts(doubtful);
            return answer_in(rows->front());
        }
        const Failure& failure = rows.error();
        if (failure.constraint == kKeyTaken) return ask(key);
        if (failure.effect == Effect::unknown) {
            in_doubt = true;
            if (options_.planted == PlantedFault::take_unknown_for_done) return std::nullopt;
            if (options_.planted == PlantedFault::take_unknown_for_refused) {
                return fail(catalog_unavailable(failure.error));
            }
            if (options_.planted == PlantedFault::repeat_without_key)
                queries = make(key = new_key());
        }
        if (again(failure, pauses, deadline)) continue;
        const Error error = error_of(failure);
        if (!in_doubt) return fail(error);
        const bool refused = failure.recovery == Recovery::none && !failure.sqlstate.empty();
        if (refused) return settle(key, error, deadline);
        return fail(outcome_unknown(key, error));
    }
}

Transactor::Answer Transactor::ask(const CommandKey& key) {
    const Query find{kFindKey, std::move(postgres::Parameters().uuid(key))};
    const auto rows = read({&find, 1});
    if (!rows) return fail(outcome_unknown(key, rows.error()));
    if (rows->front().count() == 1 && !rows->front().boolean(0, 1)) return answer_in(rows->front());
    return fail(internal_error("the key of a change was there and is gone"));
}

Transactor::Answer Transactor::settle(const CommandKey& key, const Error& refusal,
                                      Deadline deadline) {
    const Query cancel = insert(key, true);
    Pauses pauses;
    for (;;) {
        const auto cancelled = attempt(Access::write, {&cancel, 1}, deadline);
        if (cancelled) return fail(refusal);
        if (cancelled.error().constraint == kKeyTaken) {
            const Query find{kFindKey, std::move(postgres::Parameters().uuid(key))};
            const auto rows = read({&find, 1});
            // Taken by an earlier try to cancel it, whose answer was lost.
            if (rows && rows->front().count() == 1 && rows->front().boolean(0, 1)) {
                return fail(refusal);
            }
            return ask(key);
        }
        if (!again(cancelled.error(), pauses, deadline)) {
            return fail(outcome_unknown(key, cancelled.error().error));
        }
    }
}

Status Transactor::forget_old_keys() {
    const Query forget{kForgetKeys};
    RETURN_IF_ERROR(write_repeatably({&forget, 1}));
    return {};
}

}  // namespace insula::catalog
