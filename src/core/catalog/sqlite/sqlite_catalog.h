// The catalog on SQLite: control.db (docs/formats/catalog.md). One connection, one mutex around
// each call. After a failed sync every change fails until the catalog is opened anew; reading goes
// on.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/catalog/catalog.h"
#include "platform/sqlite/database.h"

namespace insula::catalog {

// Ids are reserved in blocks of this many, so that most allocations cost no commit. What a stop
// leaves of a block is never given out.
inline constexpr uint64_t kIdBlock = 64;

class SqliteCatalog final : public Catalog {
  public:
    static Result<std::unique_ptr<SqliteCatalog>> open(FileSystem& fs, Clock& clock,
                                                       std::string path);

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

    Status close() override;

  private:
    struct IdBlock {
        uint64_t next = 0;
        uint64_t end = 0;
    };

    SqliteCatalog(Clock& clock, std::unique_ptr<sqlite::Database> database)
        : clock_(clock), database_(std::move(database)) {}

    Status check_open() const;
    // One transaction around `work`, a callable that returns Status.
    template <class Work>
    Status in_transaction(Work work);
    Status reserve_ids(IdKind kind, uint64_t count, IdBlock& block);

    Clock& clock_;
    std::mutex mutex_;
    std::unique_ptr<sqlite::Database> database_;  // nullptr once closed
    std::map<IdKind, IdBlock> blocks_;
};

}  // namespace insula::catalog
