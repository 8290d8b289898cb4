#include "core/catalog/tests/random_commands.h"

#include <fmt/format.h>

#include "core/catalog/tests/samples.h"

namespace insula::catalog {
namespace {

constexpr uint8_t kTenants = 3;
constexpr uint64_t kSourceIds = 4;

Status changed(Catalog& catalog, const ChangeDirectory& command) {
    const auto revision = catalog.change_directory(command);
    if (!revision) return fail(revision.error());
    return {};
}

}  // namespace

Command RandomCommands::next(Catalog& present) {
    // Tenants and sources first, so that the rest has something to work on.
    const uint64_t number = given_++;
    const bool opening = number < 2 * kTenants;
    auto tenant = static_cast<uint8_t>(1 + (opening ? number : random_()) % kTenants);
    const uint64_t kind = opening ? number / kTenants * 2 : below(15);
    if (kind != 0 && !opening && below(20) == 0) tenant = kTenants + 1;  // is never added
    switch (kind) {
        case 0: {
            const Tenant added = sample_tenant(tenant);
            return {fmt::format("add tenant {}", tenant),
                    [=](Catalog& catalog) { return add_tenant(catalog, added); }};
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
        case 12:
        case 13:
            return put_entry(present, tenant);
        case 14:
            return change_directory(present, tenant);
        default:
            return commit(present);
    }
}

Command RandomCommands::put_entry(Catalog& present, uint8_t tenant) {
    DirectoryEntry entry = sample_entry(tenant, fmt::format("e{}", below(4)));
    if (below(8) == 0) entry.tenant = {};
    entry.kind = static_cast<EntryKind>(1 + below(2));
    if (below(2) == 0) entry.lookup = fmt::format("l{}", below(6));
    entry.value = std::string(below(300), static_cast<char>('a' + below(26)));
    PutEntry put{entry, 0};
    const auto held = present.directory(entry.tenant);
    if (held && below(3) != 0) {
        for (const DirectoryEntry& other : *held) {
            if (other.name == entry.name && other.kind == entry.kind) put.replaces = other.revision;
        }
    }
    if (below(20) == 0) ++put.replaces;
    ChangeDirectory change;
    change.put.push_back(std::move(put));
    if (held && !held->empty() && below(3) == 0) {
        const DirectoryEntry& gone = (*held)[below(held->size())];
        change.remove.push_back({gone.tenant, gone.kind, gone.name});
    }
    if (below(2) == 0) change.audit.push_back(sample_audit(1, fmt::format("record {}", given_)));
    return {fmt::format("put entry {} of tenant {} in place of {}, {} removed", entry.name, tenant,
                        change.put[0].replaces, change.remove.size()),
            [=](Catalog& catalog) { return changed(catalog, change); }};
}

// Of the tenant itself, or of what was told.
Command RandomCommands::change_directory(Catalog& present, uint8_t tenant) {
    if (below(4) == 0) {
        std::vector<uint64_t> numbers;
        const auto records = present.audit_records(10);
        for (size_t i = 0; records && i < records->size(); ++i) {
            if (below(2) == 0) numbers.push_back((*records)[i].number);
        }
        return {fmt::format("forget {} audit records", numbers.size()),
                [=](Catalog& catalog) { return catalog.forget_audit_records(numbers); }};
    }
    if (below(8) == 0) {
        return {"raise all epochs", [](Catalog& catalog) { return catalog.raise_epochs(); }};
    }
    ChangeDirectory change;
    Tenant updated = sample_tenant(tenant);
    const auto tenants = present.tenants();
    for (size_t i = 0; tenants && i < tenants->size(); ++i) {
        if ((*tenants)[i].id == updated.id) updated = (*tenants)[i];
    }
    if (below(4) == 0) {
        change.remove_tenant = updated.id;
        return {fmt::format("remove tenant {}", tenant),
                [=](Catalog& catalog) { return changed(catalog, change); }};
    }
    updated.slug = fmt::format("tenant-{}", 1 + below(kTenants));
    updated.profile = std::string(below(200), 'p');
    updated.status = static_cast<TenantStatus>(below(6) == 0 ? 3 : 1 + below(2));
    if (below(10) == 0) ++updated.revision;
    change.update_tenant = updated;
    return {fmt::format("update tenant {} to status {}, slug {}", tenant,
                        static_cast<int>(updated.status), updated.slug),
            [=](Catalog& catalog) { return changed(catalog, change); }};
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
