// Changes that stand still in their middle, while another process takes over what they rest on.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "core/catalog/postgres/tests/checks.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/samples.h"

namespace insula::catalog {
namespace {

// A session whose advisory lock stands for a row, so that no transaction of the test has to stay
// open: a trigger waits for it.
class Holdup {
  public:
    explicit Holdup(const PostgresCatalogOptions& options)
        : deadline_(Deadline::after(std::chrono::seconds(20))),
          session_(postgres::Connection::open(*postgres::Target::parse(options.url),
                                              {.search_path = options.schema}, deadline_)) {}

    // `moment` is what a trigger waits at: "BEFORE DELETE ON files".
    Problem begin(std::string_view moment, std::string_view condition = "true") {
        if (!session_) return session_.error().error.describe();
        const std::string trigger = fmt::format(
            "CREATE TRIGGER wait {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION "
            "wait_for_test()",
            moment, condition);
        for (const std::string_view sql :
             {std::string_view("CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS"
                               " $$ BEGIN PERFORM pg_advisory_xact_lock(4711);"
                               " RETURN coalesce(NEW, OLD); END $$"),
              std::string_view(trigger), std::string_view("SELECT pg_advisory_lock(4711)")}) {
            if (const auto done = step(sql); !done) return done.error().error.describe();
        }
        return std::nullopt;
    }
    // Until so many sessions of catalogs wait for locks, or `done`.
    void wait_for(int64_t sessions, const std::atomic<bool>& done) {
        while (!deadline_.passed() && !done) {
            const auto rows = step(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND application_name = 'insula catalog'");
            if (rows && rows->front().int64(0, 0) >= sessions) return;
        }
    }
    bool end() { return step("SELECT pg_advisory_unlock(4711)").has_value(); }

  private:
    postgres::Outcome<std::vector<postgres::Rows>> step(std::string_view sql) {
        const postgres::Query query{{.name = "", .sql = sql}};
        return (*session_)->transact(postgres::Access::write, {&query, 1}, deadline_);
    }

    const Deadline deadline_;
    const postgres::Outcome<std::unique_ptr<postgres::Connection>> session_;
};

}  // namespace

// A commit stands still behind its look at the epoch.
Problem check_epoch_is_held(const PostgresCatalogOptions& options) {
    ManualClock clock;
    SystemRandom random;
    auto opened = PostgresCatalog::open(options, clock, random);
    if (!opened) return opened.error().describe();
    PostgresCatalog& catalog = **opened;
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1)};
    if (!add_tenant(catalog, sample_tenant(1)) || !catalog.raise_epoch({sample_tenant(1).id}) ||
        !catalog.add_source({sample_source(1, 10)}) || !catalog.commit_files(commit)) {
        return "the catalog could not be filled";
    }
    Holdup holdup(options);
    if (const Problem problem = holdup.begin("BEFORE DELETE ON files")) return problem;
    commit.add = {sample_file(2)};
    commit.remove = {FileId{1}};
    Status committed;
    Result<Epoch> raised = Epoch{};
    std::atomic<bool> raise_done{false};
    std::jthread committer([&] { committed = catalog.commit_files(commit); });
    holdup.wait_for(1, raise_done);
    std::jthread raiser([&] {
        raised = catalog.raise_epoch({sample_tenant(1).id});
        raise_done = true;
    });
    holdup.wait_for(2, raise_done);
    const bool raised_early = raise_done;
    const bool released = holdup.end();
    committer.join();
    raiser.join();
    if (!released || !raised) return "the locks could not be released";
    if (raised_early && committed) {
        return "a commit of epoch 1 succeeded though the epoch had been raised before its end";
    }
    if (raised_early || !committed) return "the raise did not wait for the commit";
    return std::nullopt;
}

Problem check_node_is_held(const PostgresCatalogOptions& options, bool begun) {
    ManualClock clock;
    SystemRandom random;
    const NodeName node = random.uuid();
    auto opened = PostgresCatalog::open(options, clock, random);
    auto later = PostgresCatalog::open(options, clock, random);
    if (!opened || !later) return "not opened";
    if (!(*opened)->own(node)) return "not owned";
    // A take-over inserts its key with its answer.
    Holdup holdup(options);
    if (const Problem problem =
            begun ? holdup.begin("BEFORE INSERT ON settings")
                  : holdup.begin("BEFORE INSERT ON commands", "NEW.answer IS NULL")) {
        return problem;
    }
    Status changed;
    Status owned;
    std::atomic<bool> taken_over{false};
    std::jthread changing([&] { changed = (*opened)->put_setting("a", "1"); });
    holdup.wait_for(1, taken_over);
    std::jthread owning([&] {
        owned = (*later)->own(node);
        taken_over = true;
    });
    holdup.wait_for(2, taken_over);
    const bool early = taken_over;
    const bool released = holdup.end();
    changing.join();
    owning.join();
    if (!released || !owned) return "the locks could not be released";
    if (early != !begun) {
        return begun ? "the take-over did not wait for a change that was under way"
                     : "the take-over waited for a change that had not begun";
    }
    if (begun) return changed ? std::nullopt : Problem("a change that came before was refused");
    if (changed) return "a change succeeded after the node had been taken over";
    if (changed.error().reason() != kNodeFencedReason) return changed.error().describe();
    return std::nullopt;
}

}  // namespace insula::catalog
