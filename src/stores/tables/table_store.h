// TableStore: the tables of all tenants of a node. Opens from the catalog and the journal's older
// streams, takes writes, gives pinned views for queries, and flushes in the background. Thread-safe
// once open.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "core/tenancy/request_context.h"
#include "stores/tables/recovery_gate.h"
#include "stores/tables/services.h"
#include "stores/tables/source.h"

namespace insula::tables {

inline constexpr size_t kSourceNameBytesMax = 255;

struct AddSourceRequest {
    std::string source_id;
    catalog::SourceOptions options;
    // Columns by dotted name, in the order of the request.
    std::vector<std::pair<std::string, ColumnType>> schema;
    std::vector<catalog::AuditRecord> audit;  // stored with the source
};

struct RecoveryStats {
    uint64_t sources = 0;
    uint64_t records = 0;
    uint64_t journal_bytes = 0;
    bool clean_stop = false;
    uint64_t last_hybrid_time = 0;  // hybrid times of the new stream must be above it
};

class TableStore {
  public:
    // `services` must outlive the store; services.journal is null.
    explicit TableStore(Services& services) : services_(services) {}
    ~TableStore();

    // Loads the tenants' sources, reads and checks all of `journal_directory`, and notes whose
    // records are to be applied. Afterwards the caller creates this start's stream and calls
    // start(), then replay().
    Result<RecoveryStats> open(const std::vector<catalog::Tenant>& tenants,
                               const std::string& journal_directory,
                               const journal::Options& journal_options);
    // Applies those records. recovery() opens each tenant with its last one, the others from the
    // beginning: their requests may run meanwhile. After an error the store is to be stopped.
    Status replay();
    RecoveryGate& recovery() { return recovery_; }
    // Attaches the journal and begins background flushes.
    void start(journal::Journal& journal);
    // The two steps of start() for a caller without background work, such as a simulation:
    // attach(), then maintain() whenever the background thread would have woken: flushes that are
    // due, journal and files that nobody needs any more.
    void attach(journal::Journal& journal) { services_.journal.store(&journal); }
    void maintain();
    // Ends background work; with `flush_large` memtables above clean_stop_bytes go to files first,
    // so that the next start has little to replay. Writers must have stopped.
    Status stop(bool flush_large);

    // already_exists "source_exists"; invalid_argument for names and types. With a
    // connection_string the files at that address are read (Source::attach() has the errors), which
    // takes as long as that and ends with the deadline; otherwise quick.
    Result<std::shared_ptr<Source>> add_source(const TenantId& tenant,
                                               const AddSourceRequest& request,
                                               Deadline deadline = Deadline::never(),
                                               const CancelToken& cancel = {});
    // `audit` is stored with the removal.
    Status remove_source(const TenantId& tenant, std::string_view source_id,
                         Deadline deadline = Deadline::never(),
                         const std::vector<catalog::AuditRecord>& audit = {});
    // not_found "source_not_found".
    Result<std::shared_ptr<Source>> find(const TenantId& tenant, std::string_view source_id) const;
    // The source of a write: created if unknown and allowed, and `audit` is stored with it then.
    Result<std::shared_ptr<Source>> find_or_create(
        const TenantId& tenant, std::string_view source_id, Deadline deadline = Deadline::never(),
        const std::vector<catalog::AuditRecord>& audit = {});
    std::vector<std::shared_ptr<Source>> list(const TenantId& tenant) const;  // by id
    // Those of the request's tenant to which it may do what it is for; permission_denied where
    // that is none, and could not be any.
    Result<std::vector<std::shared_ptr<Source>>> list_permitted(
        const tenancy::RequestContext& context) const;

    // A tenant that was added while the store is open, at the epoch of its row.
    void add_tenant(const catalog::Tenant& tenant);
    // Removes all of the tenant's sources, and the tenant from the store. Its files are garbage
    // from then on. Repeated after an error, it goes on.
    Status remove_tenant(const TenantId& tenant, Deadline deadline = Deadline::never());

    Services& services() { return services_; }
    // Flushes everything now, for tests and operators.
    Status flush_all();
    uint64_t flush_failures() const { return flush_failures_.load(); }
    uint64_t restatements() const { return restatements_.load(); }

  private:
    struct TenantState {
        Epoch epoch;
        std::unordered_map<std::string, std::shared_ptr<Source>> sources;
    };

    // The tenant's epoch, if one more source of this id may be added.
    Result<Epoch> check_new(const TenantId& tenant, const std::string& source_id) const;
    // A source that is being added, of the tenant's epoch.
    struct Addition {
        catalog::Source stored;
        Epoch epoch;
        std::vector<catalog::AuditRecord> audit;
    };
    Result<std::shared_ptr<Source>> attach_source(const Addition& addition,
                                                  tenancy::StorageGrant presence, Deadline deadline,
                                                  const CancelToken& cancel);
    void insert(const std::shared_ptr<Source>& source);

    void note(const journal::Record& record);
    Status apply(const journal::Record& record);
    Status free_memory_for_replay();
    std::shared_ptr<Source> find(SourceIncarnation incarnation) const;
    void run();
    struct Due {
        std::shared_ptr<Source> source;
        bool remainder = false;  // to be restated rather than flushed
    };
    // Of the sources that have not `failed`.
    std::optional<Due> next_due(const std::unordered_set<SourceIncarnation>& failed);
    Result<bool> restate_or_flush(Source& source);
    std::vector<std::shared_ptr<Source>> all_sources() const;
    void release_journal();
    Status remove_orphans(const catalog::Tenant& tenant,
                          const std::vector<catalog::Source>& sources);
    Status remove_orphans_in(const std::string& directory,
                             const std::unordered_set<std::string>& kept);
    void delete_garbage();
    // Asks what became of changes that the catalog has not answered.
    void settle_doubts();
    // already_exists too where memory does not know the source; it does so then.
    Status add_to_catalog(const Addition& addition);
    void doubt_addition(const Addition& addition);
    void settle_additions();

    Services& services_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<TenantId, TenantState> tenants_;
    std::unordered_map<SourceIncarnation, std::shared_ptr<Source>> by_incarnation_;
    std::timed_mutex changes_;  // serialises add and remove
    // Sources that the catalog may have, and memory has not; guarded by changes_.
    std::vector<Addition> additions_in_doubt_;

    bool garbage_unlisted_ = false;  // said once; of the thread that maintains
    // What replay() is to read. Of the thread that recovers.
    struct Unapplied {
        std::string journal_directory;
        journal::Options journal_options;
        Lsn first;
        StreamId last_stream;
        std::unordered_map<TenantId, Lsn> last;  // of each tenant
    };
    Unapplied unapplied_;
    RecoveryGate recovery_;
    std::atomic<bool> replayed_ = false;  // until then records are needed that no source knows of

    std::thread thread_;
    std::mutex wake_mutex_;
    std::condition_variable wake_;
    bool wanted_ = false;
    bool stopping_ = false;
    std::atomic<uint64_t> flush_failures_{0};
    std::atomic<uint64_t> restatements_{0};
};

}  // namespace insula::tables
