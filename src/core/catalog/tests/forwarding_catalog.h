// A catalog that passes every command on, for tests that change a few.
#pragma once

#include <memory>
#include <utility>

#include "core/catalog/catalog.h"

namespace insula::catalog {

class ForwardingCatalog : public Catalog {
  public:
    explicit ForwardingCatalog(std::unique_ptr<Catalog> catalog) : catalog_(std::move(catalog)) {}

    Result<std::vector<Tenant>> tenants() override { return catalog_->tenants(); }
    Result<std::vector<Source>> sources(const TenantId& tenant) override {
        return catalog_->sources(tenant);
    }
    Result<std::vector<IdempotencyEntry>> idempotency(SourceIncarnation incarnation,
                                                      WallNanos now) override {
        return catalog_->idempotency(incarnation, now);
    }
    Result<std::vector<GarbageFile>> garbage() override { return catalog_->garbage(); }
    Result<std::vector<DirectoryEntry>> directory(const TenantId& tenant) override {
        return catalog_->directory(tenant);
    }
    Result<std::optional<DirectoryEntry>> find_entry(std::string_view lookup) override {
        return catalog_->find_entry(lookup);
    }
    Result<std::vector<AuditRecord>> audit_records(size_t count) override {
        return catalog_->audit_records(count);
    }
    Result<uint64_t> change_directory(const ChangeDirectory& command) override {
        return catalog_->change_directory(command);
    }
    Status raise_epochs() override { return catalog_->raise_epochs(); }
    Status forget_audit_records(const std::vector<uint64_t>& numbers) override {
        return catalog_->forget_audit_records(numbers);
    }
    Result<Epoch> raise_epoch(const RaiseEpoch& command) override {
        return catalog_->raise_epoch(command);
    }
    Status add_source(const AddSource& command) override { return catalog_->add_source(command); }
    Status remove_source(const RemoveSource& command) override {
        return catalog_->remove_source(command);
    }
    Status commit_files(const CommitFiles& command) override {
        return catalog_->commit_files(command);
    }
    Status forget_garbage(const std::vector<FileId>& files) override {
        return catalog_->forget_garbage(files);
    }
    Result<uint64_t> allocate_ids(IdKind kind, uint64_t count) override {
        return catalog_->allocate_ids(kind, count);
    }
    Result<std::optional<std::string>> setting(std::string_view key) override {
        return catalog_->setting(key);
    }
    Status put_setting(std::string_view key, std::string_view value) override {
        return catalog_->put_setting(key, value);
    }
    CatalogHealth health() const override { return catalog_->health(); }
    Status check_owned() const override { return catalog_->check_owned(); }
    Status close() override { return catalog_->close(); }

  private:
    std::unique_ptr<Catalog> catalog_;
};

}  // namespace insula::catalog
