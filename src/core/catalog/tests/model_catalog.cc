#include "core/catalog/tests/model_catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

namespace insula::catalog {
namespace {

constexpr size_t kAuditRecordsDescribed = 1'000;

Error refused(Code code, std::string_view reason) { return {code, reason, "Refused."}; }

auto age(const IdempotencyEntry& entry) { return std::tuple(entry.created_at, entry.lsn); }

std::string describe(const Zone& zone) {
    return fmt::format("{}:{} nulls {} bounds {} {}..{} '{}'..'{}'", zone.column.value,
                       column_type_name(zone.type), zone.nulls, zone.has_bounds, zone.min, zone.max,
                       zone.min_text, zone.max_text.value_or("(none)"));
}

std::string describe(const DataFile& file) {
    std::string text = fmt::format("  file {} {}-{}-{} rows {} bytes {} {} {}\n", file.id.value,
                                   file.epoch.value, file.generation.value, file.part, file.rows,
                                   file.content_bytes, file.stored_bytes, file.raw_bytes);
    text += fmt::format("    origin {} bytes '{}'\n", file.origin.size(), file.origin);
    for (const Zone& zone : file.zones) text += fmt::format("    zone {}\n", describe(zone));
    return text;
}

std::string describe(const Source& source) {
    const SourceOptions& options = source.options;
    std::string text = fmt::format(
        " source {} {} '{}' '{}' '{}' {} {} {} {} {} lsn {}.{} generation {} row {} at {} {}\n",
        source.incarnation.value, source.source_id, options.name, options.connection_string,
        options.data_path, options.partition_columns, options.index_columns, options.compression,
        options.max_file_bytes, options.wal_enabled, source.flushed_lsn.stream.value,
        source.flushed_lsn.position, source.last_generation.value, source.next_row_id,
        source.created_at, source.last_flush_at);
    for (const Column& column : source.columns) {
        text +=
            fmt::format("  column {} {} '{}' {} {} {}\n", column.id.value, column.path, column.name,
                        column_type_name(column.type), column.declared, column.exact_in_double);
    }
    for (const DataFile& file : source.files) text += describe(file);
    return text;
}

Status describe_directory(Catalog& catalog, const TenantId& tenant, std::string& text) {
    ASSIGN_OR_RETURN(const auto entries, catalog.directory(tenant));
    for (const DirectoryEntry& entry : entries) {
        text += fmt::format(" entry {} '{}' lookup '{}' '{}' revision {}\n",
                            static_cast<int>(entry.kind), entry.name, entry.lookup, entry.value,
                            entry.revision);
        if (entry.lookup.empty()) continue;
        ASSIGN_OR_RETURN(const auto found, catalog.find_entry(entry.lookup));
        if (found != entry) text += "  and is not found by it\n";
    }
    return {};
}

}  // namespace

Result<std::string> describe(Catalog& catalog, WallNanos now) {
    std::string text;
    ASSIGN_OR_RETURN(const auto tenants, catalog.tenants());
    for (const Tenant& tenant : tenants) {
        text += fmt::format("tenant {} {} '{}' epoch {} at {} status {} '{}' revision {}\n",
                            tenant.id.to_string(), tenant.slug, tenant.name, tenant.epoch.value,
                            tenant.created_at, static_cast<int>(tenant.status), tenant.profile,
                            tenant.revision);
        RETURN_IF_ERROR(describe_directory(catalog, tenant.id, text));
        ASSIGN_OR_RETURN(const auto sources, catalog.sources(tenant.id));
        for (const Source& source : sources) {
            text += describe(source);
            ASSIGN_OR_RETURN(const auto entries, catalog.idempotency(source.incarnation, now));
            for (const IdempotencyEntry& entry : entries) {
                text += fmt::format("  key '{}' hash {} rows {} lsn {}.{} at {}\n", entry.key,
                                    entry.body_hash, entry.rows, entry.lsn.stream.value,
                                    entry.lsn.position, entry.created_at);
            }
        }
    }
    ASSIGN_OR_RETURN(const auto garbage, catalog.garbage());
    for (const GarbageFile& file : garbage) {
        text += fmt::format("garbage {} {} since {}\n", file.id.value, file.path, file.since);
    }
    RETURN_IF_ERROR(describe_directory(catalog, TenantId(), text));
    ASSIGN_OR_RETURN(const auto records, catalog.audit_records(kAuditRecordsDescribed));
    for (const AuditRecord& record : records) {
        text += fmt::format("audit {} of {} '{}'\n", record.id[0], record.tenant.to_string(),
                            record.record);
    }
    for (const std::string_view key : {"a", "b"}) {
        ASSIGN_OR_RETURN(const auto value, catalog.setting(key));
        if (value) text += fmt::format("setting {} = {} bytes\n", key, value->size());
    }
    return text;
}

Result<std::vector<Tenant>> ModelCatalog::tenants() {
    std::vector<Tenant> all;
    for (const auto& [id, tenant] : tenants_) all.push_back(tenant);
    return all;
}

Result<std::vector<Source>> ModelCatalog::sources(const TenantId& tenant) {
    std::vector<Source> all;
    for (const auto& [incarnation, source] : sources_) {
        if (source.tenant == tenant) all.push_back(source);
    }
    std::ranges::sort(all, {}, &Source::source_id);
    return all;
}

Result<std::vector<IdempotencyEntry>> ModelCatalog::idempotency(SourceIncarnation incarnation,
                                                                WallNanos now) {
    std::vector<IdempotencyEntry> all;
    for (const auto& [key, entry] : idempotency_[incarnation]) {
        if (entry.created_at > now - kIdempotencyWindow) all.push_back(entry);
    }
    std::ranges::sort(all, {}, age);
    return all;
}

Result<std::vector<GarbageFile>> ModelCatalog::garbage() {
    std::vector<GarbageFile> all;
    for (const auto& [id, file] : garbage_) all.push_back(file);
    return all;
}

Result<std::vector<DirectoryEntry>> ModelCatalog::directory(const TenantId& tenant) {
    std::vector<DirectoryEntry> all;
    for (const auto& [key, entry] : directory_) {
        if (entry.tenant == tenant) all.push_back(entry);
    }
    return all;
}

Result<std::optional<DirectoryEntry>> ModelCatalog::find_entry(std::string_view lookup) {
    for (const auto& [key, entry] : directory_) {
        if (!lookup.empty() && entry.lookup == lookup) return entry;
    }
    return std::nullopt;
}

Result<std::vector<AuditRecord>> ModelCatalog::audit_records(size_t count) {
    return std::vector<AuditRecord>(
        audit_.begin(),
        audit_.begin() + static_cast<std::ptrdiff_t>(std::min(count, audit_.size())));
}

Status ModelCatalog::forget_audit_records(const std::vector<uint64_t>& numbers) {
    std::erase_if(audit_, [&](const AuditRecord& record) {
        return std::ranges::find(numbers, record.number) != numbers.end();
    });
    return {};
}

void ModelCatalog::keep(const std::vector<AuditRecord>& records) {
    for (AuditRecord record : records) {
        record.number = ++audit_numbers_;
        audit_.push_back(std::move(record));
    }
}

bool ModelCatalog::may_be_changed(const TenantId& tenant) const {
    const auto found = tenants_.find(tenant);
    return found != tenants_.end() && found->second.status != TenantStatus::removing;
}

Status ModelCatalog::check_update(const Tenant& updated) const {
    if (!may_be_changed(updated.id) || tenants_.at(updated.id).revision != updated.revision) {
        return fail(refused(Code::failed_precondition, "directory_changed"));
    }
    for (const auto& [id, tenant] : tenants_) {
        if (id != updated.id && tenant.slug == updated.slug) {
            return fail(refused(Code::already_exists, "tenant_exists"));
        }
    }
    return {};
}

// Carried out one after the other on a copy, so that what one entry changes the next one meets.
Result<uint64_t> ModelCatalog::change_directory(const ChangeDirectory& command) {
    ModelCatalog changed(*this);
    const uint64_t revision = ++changed.revision_;
    RETURN_IF_ERROR(changed.apply(command, revision));
    *this = std::move(changed);
    return revision;
}

Status ModelCatalog::apply_tenants(const ChangeDirectory& command, uint64_t revision) {
    if (command.add_tenant) {
        Tenant added = *command.add_tenant;
        for (const auto& [id, tenant] : tenants_) {
            if (id == added.id || tenant.slug == added.slug) {
                return fail(refused(Code::already_exists, "tenant_exists"));
            }
        }
        added.epoch = {};
        added.revision = revision;
        tenants_[added.id] = added;
    }
    if (!command.update_tenant) return {};
    RETURN_IF_ERROR(check_update(*command.update_tenant));
    Tenant& tenant = tenants_.at(command.update_tenant->id);
    tenant.slug = command.update_tenant->slug;
    tenant.name = command.update_tenant->name;
    tenant.status = command.update_tenant->status;
    tenant.profile = command.update_tenant->profile;
    tenant.revision = revision;
    if (tenant.status == TenantStatus::removing) {
        std::erase_if(directory_,
                      [&](const auto& entry) { return entry.second.tenant == tenant.id; });
    }
    return {};
}

Status ModelCatalog::apply_put(const PutEntry& put, uint64_t revision) {
    const DirectoryEntry& entry = put.entry;
    const EntryKey key(entry.tenant, entry.kind, entry.name);
    const auto found = directory_.find(key);
    const bool is_new = put.replaces == 0;
    if (is_new && entry.tenant != TenantId() && !may_be_changed(entry.tenant)) {
        return fail(refused(Code::failed_precondition, "tenant_unknown"));
    }
    if (is_new && found != directory_.end()) {
        return fail(refused(Code::already_exists, "entry_exists"));
    }
    if (!is_new && (found == directory_.end() || found->second.revision != put.replaces)) {
        return fail(refused(Code::failed_precondition, "directory_changed"));
    }
    for (const auto& [other, held] : directory_) {
        if (other != key && !entry.lookup.empty() && held.lookup == entry.lookup) {
            return fail(refused(Code::already_exists, "entry_exists"));
        }
    }
    directory_[key] = entry;
    directory_[key].revision = revision;
    return {};
}

Status ModelCatalog::apply(const ChangeDirectory& command, uint64_t revision) {
    RETURN_IF_ERROR(apply_tenants(command, revision));
    for (const EntryName& name : command.remove) {
        if (directory_.erase(EntryKey(name.tenant, name.kind, name.name)) == 0) {
            return fail(refused(Code::failed_precondition, "entry_unknown"));
        }
    }
    for (const PutEntry& put : command.put) RETURN_IF_ERROR(apply_put(put, revision));
    if (command.remove_tenant) {
        const auto found = tenants_.find(*command.remove_tenant);
        if (found == tenants_.end() || found->second.status != TenantStatus::removing) {
            return fail(refused(Code::failed_precondition, "tenant_unknown"));
        }
        for (const auto& [incarnation, source] : sources_) {
            if (source.tenant == found->first) {
                return fail(refused(Code::failed_precondition, "tenant_has_sources"));
            }
        }
        tenants_.erase(found);
    }
    keep(command.audit);
    return {};
}

Status ModelCatalog::raise_epochs() {
    for (auto& [id, tenant] : tenants_) ++tenant.epoch.value;
    return {};
}

Result<Epoch> ModelCatalog::raise_epoch(const RaiseEpoch& command) {
    const auto found = tenants_.find(command.tenant);
    if (found == tenants_.end()) {
        return fail(refused(Code::failed_precondition, "tenant_unknown"));
    }
    ++found->second.epoch.value;
    return found->second.epoch;
}

Status ModelCatalog::add_source(const AddSource& command) {
    const Source& added = command.source;
    if (!may_be_changed(added.tenant)) {
        return fail(refused(Code::failed_precondition, "tenant_unknown"));
    }
    for (const auto& [incarnation, source] : sources_) {
        if (incarnation == added.incarnation ||
            (source.tenant == added.tenant && source.source_id == added.source_id)) {
            return fail(refused(Code::already_exists, "source_exists"));
        }
    }
    sources_[added.incarnation] = added;
    keep(command.audit);
    return {};
}

void ModelCatalog::move_to_garbage(const Source& source, const DataFile& file, WallNanos now) {
    garbage_[file.id] = {
        .id = file.id, .path = file_path(source.tenant, source.incarnation, file), .since = now};
}

Status ModelCatalog::remove_source(const RemoveSource& command) {
    const auto found = sources_.find(command.incarnation);
    if (found == sources_.end() || found->second.tenant != command.tenant) {
        return fail(refused(Code::failed_precondition, "source_removed"));
    }
    for (const DataFile& file : found->second.files) {
        move_to_garbage(found->second, file, clock_->wall_now());
    }
    idempotency_.erase(command.incarnation);
    sources_.erase(found);
    keep(command.audit);
    return {};
}

bool ModelCatalog::file_known(SourceIncarnation incarnation, const DataFile& file) const {
    const Source& owner = sources_.at(incarnation);
    const std::string path = file_path(owner.tenant, incarnation, file);
    for (const auto& [id, garbage] : garbage_) {
        if (id == file.id || garbage.path == path) return true;
    }
    for (const auto& [id, source] : sources_) {
        for (const DataFile& other : source.files) {
            if (other.id == file.id || file_path(source.tenant, id, other) == path) return true;
        }
    }
    return false;
}

Status ModelCatalog::check_commit(const CommitFiles& command) const {
    const auto found = sources_.find(command.incarnation);
    if (found == sources_.end() || found->second.tenant != command.tenant) {
        return fail(refused(Code::failed_precondition, "source_removed"));
    }
    if (tenants_.at(command.tenant).epoch != command.epoch) {
        return fail(refused(Code::failed_precondition, "stale_epoch"));
    }
    for (const FileId file : command.remove) {
        if (std::ranges::count(found->second.files, file, &DataFile::id) != 1 ||
            std::ranges::count(command.remove, file) != 1) {
            return fail(refused(Code::failed_precondition, "file_removed"));
        }
    }
    for (const DataFile& file : command.add) {
        if (file_known(command.incarnation, file) ||
            std::ranges::count(command.add, file.id, &DataFile::id) != 1) {
            return fail(refused(Code::already_exists, "file_exists"));
        }
    }
    return {};
}

Status ModelCatalog::commit_files(const CommitFiles& command) {
    RETURN_IF_ERROR(check_commit(command));
    keep(command.audit);
    Source& source = sources_.at(command.incarnation);
    for (const DataFile& file : source.files) {
        if (std::ranges::count(command.remove, file.id) > 0) {
            move_to_garbage(source, file, command.now);
        }
    }
    std::erase_if(source.files, [&](const DataFile& file) { return garbage_.contains(file.id); });
    source.files.insert(source.files.end(), command.add.begin(), command.add.end());
    std::ranges::sort(source.files, {}, &DataFile::id);
    for (const Column& column : command.columns) {
        std::erase_if(source.columns, [&](const Column& old) { return old.id == column.id; });
        source.columns.push_back(column);
    }
    std::ranges::sort(source.columns, {}, &Column::id);
    if (command.flushed_lsn) {
        source.flushed_lsn = std::max(source.flushed_lsn, *command.flushed_lsn);
        source.last_flush_at = std::max(source.last_flush_at, command.now);
    }
    source.last_generation = std::max(source.last_generation, command.generation);
    source.next_row_id = std::max(source.next_row_id, command.next_row_id);
    auto& entries = idempotency_[command.incarnation];
    for (const IdempotencyEntry& entry : command.idempotency) entries[entry.key] = entry;
    std::erase_if(entries, [&](const auto& entry) {
        return entry.second.created_at <= command.now - kIdempotencyWindow;
    });
    while (entries.size() > kIdempotencyKeysMax) {
        entries.erase(std::ranges::min_element(
            entries, {}, [](const auto& entry) { return age(entry.second); }));
    }
    return {};
}

Status ModelCatalog::forget_garbage(const std::vector<FileId>& files) {
    for (const FileId file : files) garbage_.erase(file);
    return {};
}

Result<uint64_t> ModelCatalog::allocate_ids(IdKind kind, uint64_t count) {
    uint64_t& next = next_ids_.try_emplace(kind, 1).first->second;
    return std::exchange(next, next + count);
}

Result<std::optional<std::string>> ModelCatalog::setting(std::string_view key) {
    const auto found = settings_.find(key);
    if (found == settings_.end()) return std::nullopt;
    return found->second;
}

Status ModelCatalog::put_setting(std::string_view key, std::string_view value) {
    settings_[std::string(key)] = value;
    return {};
}

}  // namespace insula::catalog
