// Checks of a catalog that is left in peace.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "core/catalog/postgres/tests/checks.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/model_catalog.h"
#include "core/catalog/tests/random_commands.h"
#include "core/catalog/tests/samples.h"

namespace insula::catalog {
namespace {

std::string outcome(const Status& status) {
    if (status) return "success";
    return fmt::format("{}/{}", code_name(status.error().code()), status.error().reason());
}

std::string text_of(Catalog& catalog, Clock& clock) {
    const auto text = describe(catalog, clock.wall_now());
    return text ? *text : text.error().describe();
}

}  // namespace

Problem check_against_model(const PostgresCatalogOptions& options, uint64_t seed, int steps) {
    ManualClock clock;
    SystemRandom random;
    RandomCommands commands(seed, clock);
    ModelCatalog model(clock);
    auto catalog = PostgresCatalog::open(options, clock, random);
    if (!catalog) return catalog.error().describe();
    for (int step = 0; step < steps; ++step) {
        const Command command = commands.next(model);
        const std::string where = fmt::format("seed {} step {}: {}", seed, step, command.name);
        const std::string expected = outcome(command.run(model));
        const std::string found = outcome(command.run(**catalog));
        if (found != expected) return fmt::format("{}: {}, not {}", where, found, expected);
        if (text_of(**catalog, clock) != text_of(model, clock)) {
            return fmt::format("{}: it holds\n{}\nthe model\n{}", where, text_of(**catalog, clock),
                               text_of(model, clock));
        }
    }
    return std::nullopt;
}

Problem check_bytewise_names(const PostgresCatalogOptions& options) {
    ManualClock clock;
    SystemRandom random;
    auto opened = PostgresCatalog::open(options, clock, random);
    if (!opened) return opened.error().describe();
    PostgresCatalog& catalog = **opened;
    if (!catalog.add_tenant({sample_tenant(1)})) return "no tenant added";
    // As people sort them: a-b, ab, aB, Z, é
    std::vector<std::string> names{"Z", "a-b", "aB", "ab", "\u00e9", "e\u0301"};
    uint64_t incarnation = 0;
    for (const std::string& name : names) {
        Source source = sample_source(1, ++incarnation);
        source.source_id = name;
        if (const Status added = catalog.add_source({source}); !added) {
            return fmt::format("{}: {}", name, added.error().describe());
        }
    }
    const auto sources = catalog.sources(sample_tenant(1).id);
    if (!sources) return sources.error().describe();
    std::ranges::sort(names);
    std::string found;
    std::string expected;
    for (const Source& source : *sources) found += source.source_id + " ";
    for (const std::string& name : names) expected += name + " ";
    if (found != expected) return fmt::format("the order is {}, not {}", found, expected);
    return std::nullopt;
}

// A commit waits for a row that this test has locked, behind its look at the epoch; the epoch must
// not be raised meanwhile.
Problem check_epoch_is_held(const PostgresCatalogOptions& options) {
    ManualClock clock;
    SystemRandom random;
    auto opened = PostgresCatalog::open(options, clock, random);
    if (!opened) return opened.error().describe();
    PostgresCatalog& catalog = **opened;
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1)};
    if (!catalog.add_tenant({sample_tenant(1)}) || !catalog.raise_epoch({sample_tenant(1).id}) ||
        !catalog.add_source({sample_source(1, 10)}) || !catalog.commit_files(commit)) {
        return "the catalog could not be filled";
    }
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    auto locker = postgres::Connection::open(*postgres::Target::parse(options.url),
                                             {.search_path = options.schema}, deadline);
    if (!locker) return locker.error().error.describe();
    commit.add = {sample_file(2)};
    commit.remove = {FileId{1}};
    Status committed;
    Result<Epoch> raised = Epoch{};
    std::atomic<bool> raise_done{false};
    const auto step = [&](std::string_view sql) {
        const postgres::Query query{{.name = "", .sql = sql}};
        return (*locker)->transact(postgres::Access::write, {&query, 1}, deadline);
    };
    // An advisory lock of this session stands for the row, so that no transaction of this test has
    // to stay open: a trigger waits for it.
    for (const std::string_view sql :
         {"CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$"
          " BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN OLD; END $$",
          "CREATE TRIGGER wait BEFORE DELETE ON files FOR EACH ROW EXECUTE FUNCTION "
          "wait_for_test()",
          "SELECT pg_advisory_lock(4711)"}) {
        if (const auto done = step(sql); !done) return done.error().error.describe();
    }
    const auto waiting = [&](int64_t sessions) {
        while (!deadline.passed() && !raise_done) {
            const auto rows = step(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND application_name = 'insula catalog'");
            if (rows && rows->front().int64(0, 0) >= sessions) return;
        }
    };
    std::jthread committer([&] { committed = catalog.commit_files(commit); });
    waiting(1);
    std::jthread raiser([&] {
        raised = catalog.raise_epoch({sample_tenant(1).id});
        raise_done = true;
    });
    waiting(2);
    const bool raised_early = raise_done;
    const auto released = step("SELECT pg_advisory_unlock(4711)");
    committer.join();
    raiser.join();
    if (!released || !raised) return "the locks could not be released";
    if (raised_early && committed) {
        return "a commit of epoch 1 succeeded though the epoch had been raised before its end";
    }
    if (raised_early || !committed) return "the raise did not wait for the commit";
    return std::nullopt;
}

}  // namespace insula::catalog
