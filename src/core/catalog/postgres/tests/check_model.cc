// Checks of a catalog that is left in peace.
#include <fmt/format.h>

#include <algorithm>

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
    if (!add_tenant(catalog, sample_tenant(1))) return "no tenant added";
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

}  // namespace insula::catalog
