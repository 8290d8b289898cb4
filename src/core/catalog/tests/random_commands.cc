#include "core/catalog/tests/random_commands.h"

#include <fmt/format.h>

#include "core/catalog/tests/samples.h"

namespace insula::catalog {
namespace {

constexpr uint8_t kTenants = 3;
constexpr uint64_t kSourceIds = 4;

}  // namespace

Command RandomCommands::next(Catalog& present) {
    // Tenants and sources first, so that the rest has something to work on.
    const uint64_t number = given_++;
    const bool opening = number < 2 * kTenants;
    auto tenant = static_cast<uint8_t>(1 + (opening ? number : random_()) % kTenants);
    const uint64_t kind = opening ? number / kTenants * 2 : below(12);
    if (kind != 0 && !opening && below(20) == 0) tenant = kTenants + 1;  // is never added
    switch (kind) {
        case 0: {
            const Tenant added = sample_tenant(tenant);
            return {fmt::format("add tenant {}", tenant),
                    [=](Catalog& catalog) { return catalog.add_tenant({added}); }};
        }
        case 1:
            return {fmt::format("raise epoch {}", tenant), [=](Catalog& catalog) -> Status {
                        RETURN_IF_ERROR(catalog.raise_epoch({sample_tenant(tenant).id}));
                        return {};
                    }};
        case 2:
        case 3: {
            Source source = sample_source(tenant, ++last_incarnation_);
            source.source_id = fmt::format("s{}", below(kSourceIds));
            return {fmt::format("add source {} {}", tenant, source.source_id),
                    [=](Catalog& catalog) { return catalog.add_source({source}); }};
        }
        case 4:
            return remove_source(present);
        case 5:
            return forget_garbage(present);
        case 6: {
            const std::string key = below(2) == 0 ? "a" : "b";
            const std::string value(below(5000), 'v');
            return {fmt::format("put setting {}", key),
                    [=](Catalog& catalog) { return catalog.put_setting(key, value); }};
        }
        default:
            return commit(present);
    }
}

Source RandomCommands::pick_source(Catalog& present) {
    const auto tenant = static_cast<uint8_t>(1 + below(kTenants));
    const auto sources = present.sources(sample_tenant(tenant).id);
    if (!sources || sources->empty() || below(20) == 0) return sample_source(tenant, 999'999);
    return (*sources)[below(sources->size())];
}

Command RandomCommands::remove_source(Catalog& present) {
    const Source source = pick_source(present);
    return {fmt::format("remove source {}", source.incarnation.value), [=](Catalog& catalog) {
                return catalog.remove_source({source.tenant, source.incarnation});
            }};
}

Command RandomCommands::forget_garbage(Catalog& present) {
    std::vector<FileId> files;
    const auto garbage = present.garbage();
    if (garbage) {
        for (const GarbageFile& file : *garbage) {
            if (below(2) == 0) files.push_back(file.id);
        }
    }
    return {fmt::format("forget {} files", files.size()),
            [=](Catalog& catalog) { return catalog.forget_garbage(files); }};
}

Command RandomCommands::commit(Catalog& present) {
    clock_.advance(std::chrono::hours(below(4)));
    const Source source = pick_source(present);
    CommitFiles commit;
    commit.tenant = source.tenant;
    commit.incarnation = source.incarnation;
    const auto tenants = present.tenants();
    if (tenants) {
        for (const Tenant& tenant : *tenants) {
            if (tenant.id == source.tenant) commit.epoch = tenant.epoch;
        }
    }
    if (below(10) == 0) ++commit.epoch.value;
    for (uint64_t files = below(4); files > 0; --files) {
        commit.add.push_back(sample_file(below(20) == 0 ? 1 + below(10) : ++last_file_));
    }
    for (const DataFile& file : source.files) {
        if (below(4) == 0) commit.remove.push_back(file.id);
    }
    if (below(20) == 0) commit.remove.push_back(FileId{1 + below(10)});
    if (below(3) == 0) {
        commit.columns.push_back(
            sample_column(1 + below(8), static_cast<ColumnType>(1 + below(7))));
    }
    if (below(4) != 0) commit.flushed_lsn = Lsn{StreamId{1 + below(3)}, below(1000)};
    commit.generation = Generation{below(100)};
    commit.next_row_id = below(1000);
    commit.now = clock_.wall_now();
    for (uint64_t keys = below(4); keys > 0; --keys) {
        commit.idempotency.push_back(
            sample_key(fmt::format("k{}", below(30)), below(1'000'000), commit.now));
    }
    return {fmt::format("commit to {} at epoch {}: {} added, {} removed", commit.incarnation.value,
                        commit.epoch.value, commit.add.size(), commit.remove.size()),
            [=](Catalog& catalog) { return catalog.commit_files(commit); }};
}

}  // namespace insula::catalog
