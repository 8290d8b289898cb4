// The catalog on PostgreSQL (docs/formats/catalog.md): each command is one transaction, sent as one
// pipeline. What keeps processes apart that share it are the tenants' epochs, and the incarnation
// of a node: the process that owned it last is the only one whose changes are carried out.
//
// A call waits for the server as long as `command_timeout` says, repeats included; once an outage
// has lasted that long, calls fail at once, until one of them finds the server again.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/catalog/postgres/planted_fault.h"
#include "core/catalog/postgres/transactor.h"
#include "platform/postgres/connection_pool.h"
#include "platform/runtime/random.h"

namespace insula::catalog {

struct PostgresCatalogOptions {
    std::string url;  // postgresql://user:password@host:port/database?…: every parameter of libpq
    std::string schema = "insula";
    size_t connections_max = 16;
    std::chrono::milliseconds connect_timeout{10'000};  // a host
    std::chrono::milliseconds command_timeout{10'000};
    // How long open() waits for a server that does not answer, or not yet.
    std::chrono::milliseconds start_timeout{60'000};
    // Asked now and then while open() waits.
    std::function<bool()> give_up = [] { return false; };
    // For looking at it: nothing is made or changed by open(), which waits for nothing.
    bool as_it_is = false;
    PlantedFault planted = PlantedFault::none;
};

inline constexpr std::string_view kOtherNodeReason = "catalog_of_another_node";
// Names a node, and the data directory that is its own: a UUID.
using NodeName = TenantId;

// invalid_argument "invalid_schema_name"; messages are for operators.
Status check_schema_name(std::string_view name);

class PostgresCatalog final : public Catalog {
  public:
    // Errors speak to the operator who starts the server: "catalog_unreachable",
    // "invalid_connection_url", "catalog_too_new", "not_a_catalog", "database_unsuitable".
    static Result<std::unique_ptr<PostgresCatalog>> open(const PostgresCatalogOptions& options,
                                                         Clock& clock, Random& random);
    ~PostgresCatalog() override;

    // Whom the catalog belongs to; nullopt: to nobody yet.
    Result<std::optional<NodeName>> owner();
    // From now on this process alone may change the catalog for the node. What others that owned it
    // have sent is carried out before this returns, or refused (kNodeFencedReason): it is waited
    // for as open() waits. failed_precondition kOtherNodeReason if the catalog belongs to another
    // node. Before other threads use the catalog.
    Status own(const NodeName& node);

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

    CatalogHealth health() const override;
    Status check_owned() const override;
    Status close() override;

  private:
    struct IdBlock {
        uint64_t next = 0;
        uint64_t end = 0;
    };

    PostgresCatalog(postgres::Target target, const PostgresCatalogOptions& options, Clock& clock,
                    Random& random);
    Status wait_and_migrate(const PostgresCatalogOptions& options);
    Result<std::optional<uint64_t>> change(const Transactor::Change& make);
    // One without an answer.
    Status change_silently(const Transactor::Change& make);
    Result<postgres::Rows> select(const postgres::Query& query);
    Status check_open() const;
    Result<uint64_t> raise_incarnation(const NodeName& node);
    Result<uint64_t> reserve_ids(IdKind kind, uint64_t count);
    void forget_old_keys_now_and_then();
    void note_fenced();

    Clock& clock_;
    const PlantedFault planted_;
    const std::chrono::milliseconds start_timeout_;
    const std::function<bool()> give_up_;
    postgres::ConnectionPool pool_;
    Transactor transactor_;
    std::optional<postgres::Query> find_incarnation_;  // of the node that was owned
    uint64_t incarnation_ = 0;                         // that it was given
    std::atomic<bool> fenced_{false};
    std::atomic<bool> closed_{false};
    std::mutex ids_;
    std::map<IdKind, IdBlock> blocks_;  // guarded by ids_
    std::atomic<SteadyTime> keys_forgotten_at_{};
};

}  // namespace insula::catalog
