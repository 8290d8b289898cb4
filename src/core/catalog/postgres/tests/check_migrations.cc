// Migrations that are cut off, and nodes that migrate at once.
#include <fmt/format.h>

#include <array>
#include <latch>
#include <thread>

#include "core/catalog/postgres/migrations.h"
#include "core/catalog/postgres/tests/checks.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/model_catalog.h"
#include "core/catalog/tests/samples.h"
#include "platform/postgres/tests/cutting_proxy.h"

namespace insula::catalog {
namespace {

using postgres::Connection;
using postgres::Target;
using postgres_schema::Migration;

constexpr std::string_view kTenants = "20";

// Two steps of a later release, the second of which rewrites what is there.
constexpr std::array<std::string_view, 1> kRegions{
    "ALTER TABLE tenants ADD COLUMN region text NOT NULL DEFAULT 'none'"};
constexpr std::array<std::string_view, 3> kLabels{
    "CREATE TABLE labels (label bigint PRIMARY KEY)",
    "INSERT INTO labels SELECT created_at FROM tenants", "UPDATE tenants SET region = slug"};

std::vector<Migration> later_release() {
    const auto today = postgres_schema::migrations();
    std::vector<Migration> steps(today.begin(), today.end());
    const auto next = static_cast<uint32_t>(steps.size());
    steps.push_back({.version = next + 1, .name = "region of a tenant", .statements = kRegions});
    steps.push_back({.version = next + 2, .name = "labels", .statements = kLabels});
    return steps;
}

// Whether migrating succeeded; a connection that was cut is no problem.
bool migrate_through(const PostgresCatalogOptions& options, const std::string& url,
                     std::span<const Migration> steps) {
    const auto target = Target::parse(url);
    auto connection = Connection::open(*target, {.search_path = options.schema},
                                       Deadline::after(std::chrono::seconds(20)));
    return connection &&
           postgres_schema::migrate(**connection, options.schema, steps, 1, options.planted);
}

std::string version_of(const PostgresCatalogOptions& options) {
    const std::string there = run_sql(
        options, fmt::format("SELECT (to_regclass('{}.schema_migrations') IS NOT NULL)::text",
                             options.schema));
    if (there != "true") return "0";
    return run_sql(options, "SELECT coalesce(max(version), 0)::text FROM schema_migrations");
}

std::string count_of(const PostgresCatalogOptions& options, std::string_view what) {
    return run_sql(options, fmt::format("SELECT count(*)::text FROM {}", what));
}

// A schema that nobody has finished yet becomes a catalog that works.
Problem finish_new(const PostgresCatalogOptions& options) {
    ManualClock clock;
    SystemRandom random;
    auto catalog = PostgresCatalog::open(options, clock, random);
    if (!catalog) return catalog.error().describe();
    const auto content = describe(**catalog, 0);
    if (!content || !content->empty()) return "a new catalog is not empty, or cannot be read";
    if (const Status added = add_tenant(**catalog, sample_tenant(1)); !added) {
        return added.error().describe();
    }
    return std::nullopt;
}

Problem finish_upgrade(const PostgresCatalogOptions& options, const std::string& url) {
    const std::string before = version_of(options);
    const size_t shipped = postgres_schema::migrations().size();
    const bool labelled = count_of(options, "labels") == kTenants;
    if (labelled != (before == std::to_string(shipped + 2))) {
        return fmt::format("at version {}, and labels are {}there", before, labelled ? "" : "not ");
    }
    if (!migrate_through(options, url, later_release())) return "the upgrade cannot be finished";
    if (version_of(options) != std::to_string(shipped + 2)) return "not at the newest version";
    if (count_of(options, "labels") != kTenants) return "labels are missing or doubled";
    if (count_of(options, "tenants WHERE region = slug") != kTenants) return "regions are missing";
    return std::nullopt;
}

}  // namespace

Problem check_cut_migrations(const postgres::PostgresServer& server, PlantedFault planted,
                             const CutSweep& sweep, CutCounts* counts) {
    auto proxy = postgres::CuttingProxy::start(server.directory() + "/" + new_schema_name(),
                                               server.socket_path());
    if (!proxy) return proxy.error().describe();
    uint64_t cuts = 0;
    for (const bool upgrade : {false, true}) {
        uint64_t at = sweep.first;
        for (bool cut = true; cut; at += sweep.stride) {
            PostgresCatalogOptions options = test_options(server);
            options.planted = planted;
            if (upgrade) {
                if (const Problem problem = finish_new(options)) return problem;
                run_sql(options,
                        "INSERT INTO tenants SELECT gen_random_uuid(), 's' || n, '', 0, 100 + n"
                        " FROM generate_series(1, 19) n");
            }
            (*proxy)->arm({.after_client_bytes = at});
            const std::vector<Migration> steps = later_release();
            const size_t wanted = upgrade ? steps.size() : postgres_schema::migrations().size();
            const bool done =
                migrate_through(options, (*proxy)->url(), std::span(steps).first(wanted));
            cut = (*proxy)->disarm().cut;
            cuts += cut ? 1 : 0;
            if (!done && !cut) return "a migration failed that nobody disturbed";
            options.planted = PlantedFault::none;
            const Problem problem =
                upgrade ? finish_upgrade(options, options.url) : finish_new(options);
            if (problem) return fmt::format("cut after {} bytes: {}", at, *problem);
        }
    }
    if (counts != nullptr) counts->cuts = cuts;
    return std::nullopt;
}

Problem check_migrations_together(const postgres::PostgresServer& server, PlantedFault planted) {
    constexpr int kNodes = 4;
    constexpr int kRounds = 6;
    for (int round = 0; round < kRounds; ++round) {
        PostgresCatalogOptions options = test_options(server);
        options.planted = planted;
        ManualClock clock;
        SystemRandom random;
        std::array<std::string, kNodes> problems;
        {
            std::latch together(kNodes);
            std::vector<std::jthread> nodes;
            for (std::string& problem : problems) {
                nodes.emplace_back([&] {
                    together.arrive_and_wait();
                    const auto opened = PostgresCatalog::open(options, clock, random);
                    if (!opened) problem = opened.error().describe();
                });
            }
        }
        for (const std::string& problem : problems) {
            if (!problem.empty()) return problem;
        }
        if (count_of(options, "schema_migrations") !=
            std::to_string(postgres_schema::migrations().size())) {
            return "steps were recorded twice";
        }
    }
    return std::nullopt;
}

}  // namespace insula::catalog
