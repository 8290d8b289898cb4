// The catalog as plain maps: what every implementation is compared with. Nothing lasts, nothing
// fails but preconditions. Not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/catalog/catalog.h"

namespace insula::catalog {

class ModelCatalog final : public Catalog {
  public:
    // A copy is a state of its own.
    explicit ModelCatalog(Clock& clock) : clock_(&clock) {}

    Result<std::vector<Tenant>> tenants() override;
    Result<std::vector<Source>> sources(const TenantId& tenant) override;
    Result<std::vector<IdempotencyEntry>> idempotency(SourceIncarnation incarnation,
                                                      WallNanos now) override;
    Result<std::vector<GarbageFile>> garbage() override;
    Result<std::vector<DirectoryEntry>> directory(const TenantId& tenant) override;
    Result<std::optional<DirectoryEntry>> find_entry(std::string_view lookup) override;
    Result<std::vector<AuditRecord>> audit_records(size_t count) override;
    Result<uint64_t> change_directory(const ChangeDirectory& command) override;
    Result<Epoch> raise_epoch(const RaiseEpoch& command) override;
    Status raise_epochs() override;
    Status forget_audit_records(const std::vector<uint64_t>& numbers) override;
    Status add_source(const AddSource& command) override;
    Status remove_source(const RemoveSource& command) override;
    Status commit_files(const CommitFiles& command) override;
    Status forget_garbage(const std::vector<FileId>& files) override;
    Result<uint64_t> allocate_ids(IdKind kind, uint64_t count) override;
    Result<std::optional<std::string>> setting(std::string_view key) override;
    Status put_setting(std::string_view key, std::string_view value) override;
    Status close() override { return {}; }

  private:
    Status apply(const ChangeDirectory& command, uint64_t revision);
    Status apply_tenants(const ChangeDirectory& command, uint64_t revision);
    Status apply_put(const PutEntry& put, uint64_t revision);
    Status check_update(const Tenant& updated) const;
    bool may_be_changed(const TenantId& tenant) const;
    void keep(const std::vector<AuditRecord>& records);
    Status check_commit(const CommitFiles& command) const;
    void move_to_garbage(const Source& source, const DataFile& file, WallNanos now);
    bool file_known(SourceIncarnation incarnation, const DataFile& file) const;

    Clock* clock_;
    using EntryKey = std::tuple<TenantId, EntryKind, std::string>;
    std::map<TenantId, Tenant> tenants_;
    std::map<EntryKey, DirectoryEntry> directory_;
    std::vector<AuditRecord> audit_;
    uint64_t audit_numbers_ = 0;
    uint64_t revision_ = 0;
    std::map<SourceIncarnation, Source> sources_;
    std::map<SourceIncarnation, std::map<std::string, IdempotencyEntry>> idempotency_;
    std::map<FileId, GarbageFile> garbage_;
    std::map<IdKind, uint64_t> next_ids_;
    std::map<std::string, std::string, std::less<>> settings_;
};

// Everything that a catalog holds, as text: two catalogs are equal if their texts are.
Result<std::string> describe(Catalog& catalog, WallNanos now);

}  // namespace insula::catalog
