// Connections that are cut at any byte.
#include <fmt/format.h>

#include <functional>
#include <vector>

#include "core/catalog/postgres/tests/checks.h"
#include "core/catalog/postgres/tests/test_schema.h"
#include "core/catalog/tests/model_catalog.h"
#include "core/catalog/tests/samples.h"
#include "platform/postgres/tests/cutting_proxy.h"

namespace insula::catalog {
namespace {

using postgres::Cut;
using postgres::CuttingProxy;

// A change that can be made again and again, each time with as many bytes, and the same change on
// the model.
struct Repeatable {
    std::string name;
    std::function<Status(Catalog&, uint64_t round)> run;
};

std::vector<Repeatable> repeatable_changes() {
    const TenantId tenant = sample_tenant(1).id;
    return {
        {"raise_epoch",
         [](Catalog& catalog, uint64_t) -> Status {
             RETURN_IF_ERROR(catalog.raise_epoch({sample_tenant(2).id}));
             return {};
         }},
        {"commit_files",
         [](Catalog& catalog, uint64_t round) {
             CommitFiles commit = sample_commit(1, 10);
             commit.add = {sample_file(1000 + round)};
             commit.remove = {FileId{1000 + round - 1}};
             commit.columns = {sample_column(1 + round % 5, ColumnType::int64)};
             commit.flushed_lsn = Lsn{StreamId{3}, 100 + round};
             commit.idempotency = {sample_key(fmt::format("{:06}", round), round, commit.now)};
             return catalog.commit_files(commit);
         }},
        {"add_source",
         [](Catalog& catalog, uint64_t round) {
             Source source = sample_source(1, 100'000 + round);
             source.options.data_path = "/";  // as many bytes each time
             return catalog.add_source({source});
         }},
        {"remove_source",
         [tenant](Catalog& catalog, uint64_t round) {
             return catalog.remove_source({tenant, SourceIncarnation{100'000 + round}});
         }},
        {"change_directory",
         [](Catalog& catalog, uint64_t round) -> Status {
             ChangeDirectory change;
             change.add_tenant = sample_tenant(3);
             change.add_tenant->id.bytes[14] = static_cast<uint8_t>(round >> 8);
             change.add_tenant->id.bytes[15] = static_cast<uint8_t>(round);
             change.add_tenant->slug = fmt::format("t{:06}", round);
             DirectoryEntry entry = sample_entry(3, "owner");
             entry.tenant = change.add_tenant->id;
             entry.lookup = change.add_tenant->slug;
             change.put = {{entry}};
             change.audit = {sample_audit(static_cast<uint8_t>(round), "added")};
             const auto revision = catalog.change_directory(change);
             if (!revision) return fail(revision.error());
             return {};
         }},
        {"put_setting",
         [](Catalog& catalog, uint64_t round) {
             return catalog.put_setting("a", std::string(1 + round % 3, 'v'));
         }},
    };
}

class Sweeper {
  public:
    Sweeper(CuttingProxy& proxy, PostgresCatalog& catalog, ManualClock& clock)
        : proxy_(proxy), catalog_(catalog), clock_(clock), model_(clock) {}

    Problem prepare() {
        for (Catalog* each : {static_cast<Catalog*>(&catalog_), static_cast<Catalog*>(&model_)}) {
            CommitFiles first = sample_commit(1, 10);
            first.add = {sample_file(1000)};
            if (!add_tenant(*each, sample_tenant(1)) || !add_tenant(*each, sample_tenant(2)) ||
                !each->raise_epoch({sample_tenant(1).id}) ||
                !each->add_source({sample_source(1, 10)}) || !each->commit_files(first)) {
                return "the catalog could not be filled";
            }
        }
        return std::nullopt;
    }

    // Cuts at each chosen byte until the change passes without being cut.
    enum class Side : uint8_t { client, server, client_that_connects };
    Problem sweep(const Repeatable& change, const CutSweep& where, Side side) {
        uint64_t at = where.first;
        for (bool cut = true; cut; at += where.stride) {
            const uint64_t round = ++rounds_[change.name];
            if (side == Side::client_that_connects) proxy_.drop();
            proxy_.arm(side == Side::server ? Cut{.after_server_bytes = at}
                                            : Cut{.after_client_bytes = at});
            const Status done = change.run(catalog_, round);
            cut = proxy_.disarm().cut;
            cuts_ += cut ? 1 : 0;
            const std::string name = fmt::format("{} cut after {} bytes of the {}", change.name, at,
                                                 side == Side::server ? "server" : "client");
            const Status expected = change.run(model_, round);
            if (!expected) return fmt::format("{}: {}", name, expected.error().describe());
            if (!done) return fmt::format("{}: {}", name, done.error().describe());
            // The whole content is looked at now and then, for it takes as long as ten changes.
            if (const Problem differs = cut && cuts_ % 16 != 0 ? std::nullopt : compare()) {
                return fmt::format("{}: {}", name, *differs);
            }
        }
        return std::nullopt;
    }
    uint64_t cuts() const { return cuts_; }

  private:
    Problem compare() {
        const auto found = describe(catalog_, clock_.wall_now());
        const auto expected = describe(model_, clock_.wall_now());
        if (!found) return found.error().describe();
        if (*found == *expected) return std::nullopt;
        return fmt::format("it holds\n{}\nthe model\n{}", *found, *expected);
    }

    CuttingProxy& proxy_;
    PostgresCatalog& catalog_;
    ManualClock& clock_;
    ModelCatalog model_;
    std::map<std::string, uint64_t> rounds_;
    uint64_t cuts_ = 0;
};

}  // namespace

Problem check_cut_connections(const postgres::PostgresServer& server,
                              const PostgresCatalogOptions& options, const CutSweep& sweep,
                              CutCounts* counts) {
    auto proxy =
        CuttingProxy::start(server.directory() + "/" + options.schema, server.socket_path());
    if (!proxy) return proxy.error().describe();
    PostgresCatalogOptions through = options;
    through.url = (*proxy)->url();
    through.connections_max = 1;
    ManualClock clock;
    SystemRandom random;
    auto catalog = PostgresCatalog::open(through, clock, random);
    if (!catalog) return catalog.error().describe();
    Sweeper sweeper(**proxy, **catalog, clock);
    if (const Problem problem = sweeper.prepare()) return problem;
    using Side = Sweeper::Side;
    // What the server says is short; what a client says that connects and prepares is long.
    for (const auto& [side, stride] :
         {std::pair(Side::client, sweep.stride), std::pair(Side::server, (sweep.stride + 3) / 4),
          std::pair(Side::client_that_connects, sweep.stride * 5)}) {
        for (const Repeatable& change : repeatable_changes()) {
            if (const Problem problem =
                    sweeper.sweep(change, {sweep.first % stride, stride}, side)) {
                return problem;
            }
        }
    }
    if (counts != nullptr) *counts = {sweeper.cuts(), (*catalog)->health().repeats};
    return std::nullopt;
}

}  // namespace insula::catalog
