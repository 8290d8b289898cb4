// Source: one table of a tenant: its schema, memtables, files and idempotency keys.
//
// Threads: everything is thread-safe. Two locks, taken in this order: `write_` serialises writers
// (schema check, journal append and memtable append are one step, so that rows stand in journal
// order); `state_` guards what a query pins and is only ever held for microseconds, never across
// I/O. `flush_` lets one flush or direct write run at a time and comes before both; the lock of an
// attachment comes before all.
//
// Always holds:
//  1. A row is in exactly one of: a memtable, a file. A flush swaps both under `state_`.
//  2. A query sees the rows of whole records that are durable, and all whose write was answered
//  before it began.
//  3. The catalog's flushed_lsn is below every record whose rows are only in memtables.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/runtime/deadline.h"
#include "stores/tables/idempotency_window.h"
#include "stores/tables/ingest/batch.h"
#include "stores/tables/memtable/memtable.h"
#include "stores/tables/memtable/record_codec.h"
#include "stores/tables/memtable/row_memory.h"
#include "stores/tables/services.h"

namespace insula::tables {

struct WriteInput {
    // Turns the body into rows; called again if another writer changed the schema meanwhile.
    std::function<Result<Batch>(SchemaPtr)> shred;
    std::optional<RecordIdempotency> idempotency;
    AuditStamp audit;
};

struct WriteOutcome {
    uint64_t rows = 0;
    Lsn lsn;  // answer only once this is durable, unless `durable` says so already
    bool durable = false;
    bool duplicate = false;  // a retry: `rows` and `lsn` are the first write's
};

// What a query sees: immutable.
struct SourceView {
    std::string source_id;
    SourceIncarnation incarnation;
    SchemaPtr schema;
    std::vector<ChunkRows> chunks;
    std::vector<std::shared_ptr<ChunkZones>> chunk_zones;  // of the chunks; nullptr: may still grow
    std::shared_ptr<const FileSet> files;
};

struct SourceStats {
    std::string source_id;
    SourceIncarnation incarnation;
    uint64_t rows = 0;
    uint64_t files = 0;
    uint64_t raw_bytes = 0;     // of rows in files, as they were in memory
    uint64_t stored_bytes = 0;  // of files on disk
    uint64_t memtable_rows = 0;
    uint64_t memtable_bytes = 0;
    size_t columns = 0;
    WallNanos created_at = 0;
    WallNanos last_write_at = 0;
    WallNanos last_flush_at = 0;
};

struct Adoption;
class Attachment;
class AttachedReader;
struct FoundFiles;

class Source {
  public:
    // `presence`: of the source itself, where room for it was reserved.
    Source(Services& services, const catalog::Source& stored, Epoch epoch,
           tenancy::StorageGrant presence = {});
    ~Source();

    const std::string& id() const { return id_; }
    SourceIncarnation incarnation() const { return incarnation_; }
    const TenantId& tenant() const { return tenant_; }
    const catalog::SourceOptions& options() const { return options_; }

    // Waits for memory, for other writers and for the journal's buffer until the deadline; nothing
    // was written where it passes before.
    Result<WriteOutcome> write(const WriteInput& input, Deadline deadline);
    // A record of an earlier start. Records below flushed_lsn are skipped.
    bool needs_replay(Lsn lsn) const { return lsn >= flushed_at_start_; }
    Status replay(Lsn lsn, uint64_t hybrid_time, TableRecord record);

    // All sources of one query at once, so that they stand at one journal position.
    static std::vector<SourceView> pin(const Services& services,
                                       std::span<const std::shared_ptr<Source>> sources);

    // Writes all that is in memory at the moment of the call to files. Returns whether there was
    // anything.
    Result<bool> flush();
    // Writes all that is in memory to the journal's head once more, so that no older record is
    // needed. False, and nothing done, where that is no way: there is nothing, it is too much for a
    // record, or a flush that failed is to be tried again.
    Result<bool> restate();
    // Removes the source by `commit`, for which writers wait. Once it has succeeded, writers and
    // flushes fail with not_found; queries that were on their way see the rows as they were. Where
    // it is not known whether it did (anything but failed_precondition), writers fail until a later
    // removal: what they were answered would vanish with the source at the next start.
    Status remove(const std::function<Status()>& commit);
    // Whether the outcome of a removal is unknown: one that is repeated will tell.
    bool wants_removal() const;

    // Whether the catalog has not told what became of a commit.
    bool is_unsettled() const { return unsettled_.load(); }
    // Repeats such a commit of a direct write; its rows are visible once it is known to be carried
    // out. Fails as long as that is not known.
    Status settle();

    // Whether the source shows files that stand elsewhere. It takes no writes then.
    bool attached() const { return attachment_ != nullptr; }
    // Attached files are read anew where they changed since, as far as they did: before each query.
    // Nothing to do for other sources. failed_precondition: attachment_not_found,
    // attachment_too_large, attachment_unreadable; aborted: attachment_changed.
    Status refresh(Deadline deadline, const CancelToken& cancel);
    // The first reading, of a source that the catalog does not have yet: `add` brings it there,
    // once all is read. Errors as of refresh(), but unprocessable.
    Status attach(const std::function<Status()>& add, Deadline deadline, const CancelToken& cancel);

    SourceStats stats() const;
    SchemaPtr schema() const;
    uint64_t memtable_bytes() const;  // and the keys that came with the rows
    // Whether writers wait until a flush has made room for their rows.
    bool wants_flush() const { return memory_.waiting() > 0; }
    // The oldest record whose rows are only in memory. Waits for a writer between journal and
    // memtable, so that no record below a durable position that was read before the call is missed.
    std::optional<Lsn> oldest_unflushed();

  private:
    struct GenerationState {
        explicit GenerationState(Generation generation) : memtable(generation) {}
        uint64_t bytes() const { return memtable.bytes() + key_bytes; }

        Memtable memtable;
        RowMemory memory;  // bytes()
        std::vector<catalog::IdempotencyEntry> keys;
        uint64_t key_bytes = 0;
        // As of the freeze.
        SchemaPtr schema;
        uint64_t next_row_id = 0;
        // Written and not yet known to be committed. A flush that is tried again commits the same
        // ones: a commit that failed may turn up at the next start and must find the files that it
        // meant. Guarded by flush_.
        std::vector<catalog::DataFile> files;
        bool in_doubt = false;  // a commit of them may have been carried out. Guarded by flush_
    };
    // A direct write whose files are written.
    struct DirectWrite {
        catalog::CommitFiles command;
        SchemaPtr schema;
        WriteOutcome outcome;
        tenancy::StorageGrant stored;
        bool in_doubt = false;  // its commit may have been carried out
    };

    Status refresh_locked(const std::function<Status()>& before_commit, Deadline deadline,
                          const CancelToken& cancel);
    Status adopt(const FoundFiles& found, const std::vector<FileId>& removed,
                 AttachedReader& reader, const std::function<Status()>& before_commit);
    void show(Adoption adoption);
    // Repeats a commit of which it is not known whether it was carried out.
    Status settle_adoption();

    Status check_not_removed() const;
    Status check_takes_writes() const;
    Result<std::optional<WriteOutcome>> find_duplicate(const WriteInput& input);
    // A batch that was written already is answered while new ones are refused.
    Result<WriteOutcome> answer_duplicate_or(const WriteInput& input, const Error& refusal,
                                             Deadline deadline);
    // Before write_ is taken: the catalog may take its time.
    Status load_keys();
    // Nothing if another writer changed the schema after `batch` was read: read again.
    Result<std::optional<WriteOutcome>> write_journalled(const WriteInput& input,
                                                         const Batch& batch, Bytes columns,
                                                         RowMemory memory, Deadline deadline);
    Result<MemoryGrant> reserve_own(uint64_t bytes, Deadline deadline);
    Result<WriteOutcome> write_directly(const WriteInput& input, Batch batch,
                                        tenancy::StorageGrant stored, Deadline deadline);
    // A file of few rows takes more than they do: its tenant is charged with what it takes.
    static Status charge_direct_files(std::vector<catalog::DataFile>& files,
                                      tenancy::StorageGrant& stored);
    struct Reserved {
        Batch batch;
        uint64_t first_row_id = 0;
        Generation generation;
    };
    Result<Reserved> reserve_rows(const WriteInput& input, Batch batch);
    catalog::IdempotencyEntry key_entry(const RecordIdempotency& key,
                                        const WriteOutcome& outcome) const;
    // Commits, publishes and remembers the key; flush_ is held.
    Status commit_directly(DirectWrite direct);
    Status settle_direct_write();
    // With write_ held.
    void apply(Lsn lsn, std::span<const ChunkRows> chunks,
               std::optional<catalog::IdempotencyEntry> key, RowMemory memory);
    // A key that a record of an earlier start holds, if it holds one.
    static std::optional<catalog::IdempotencyEntry> replayed_key(Lsn lsn, WallNanos written_at,
                                                                 const TableRecord& record);

    struct Restated {
        Lsn lsn;
        std::shared_ptr<GenerationState> generation;
        SchemaPtr schema;
        catalog::CommitFiles command;
    };
    // Nothing where it is no way.
    Result<std::optional<Restated>> append_restatement();

    void freeze();
    Status flush_generation(GenerationState& frozen);
    Result<std::vector<catalog::DataFile>> write_generation(GenerationState& frozen);
    Result<std::vector<catalog::DataFile>> write_files(Generation generation, const Schema& schema,
                                                       std::span<const ChunkRows> chunks);
    // Parquet bytes for a byte in memory, of the newest files that tell.
    double stored_share() const;
    // Completes the command with what every commit has, and carries it out. `in_doubt` says whether
    // an earlier try of it may have been carried out, and then whether this one may have been.
    Status commit(catalog::CommitFiles command, const SchemaPtr& schema, bool& in_doubt);
    // Whether a repeated command was refused because it had been carried out.
    Result<bool> was_carried_out(const catalog::CommitFiles& command, const Error& refusal) const;
    // Removes files whose commit was refused for good: nothing names them, nor ever will.
    void discard_refused(std::span<const catalog::DataFile> files, const Error& refusal) const;
    void remove_files(std::span<const catalog::DataFile> files) const;
    // Adds files and drops `flushed` (may be null) in one step.
    void publish(std::span<const catalog::DataFile> added, GenerationState* flushed,
                 tenancy::StorageGrant stored = {});
    // What was charged for rows in memory is what their files are charged with.
    static void charge_files(std::vector<catalog::DataFile>& files, uint64_t charged_bytes);
    // Gives back all that the tenant was charged with. With state_ held.
    void release_storage();
    FileEntry open_file(const catalog::DataFile& meta) const;
    WallNanos now() const { return services_.clock.wall_now(); }

    Services& services_;
    const std::string id_;
    const SourceIncarnation incarnation_;
    const TenantId tenant_;
    const Epoch epoch_;
    const catalog::SourceOptions options_;
    const WallNanos created_at_;
    const Lsn flushed_at_start_;
    MemoryBudget memory_;  // of rows that are not in files yet
    const std::shared_ptr<tenancy::StorageAccount> account_;
    const std::unique_ptr<Attachment> attachment_;  // null: an ordinary source
    std::unique_ptr<Adoption> adoption_in_doubt_;   // guarded by attachment_->refreshing()

    std::timed_mutex flush_;
    SchemaPtr committed_schema_;  // guarded by flush_: what the catalog has, at least
    std::optional<DirectWrite> direct_in_doubt_;  // guarded by flush_
    std::atomic<bool> unsettled_{false};          // direct_in_doubt_ holds one

    std::mutex keys_loading_;  // comes before write_

    std::timed_mutex write_;  // writers have deadlines
    // Guarded by write_.
    uint64_t next_row_id_;
    Generation next_generation_;
    IdempotencyWindow window_;
    std::atomic<bool> keys_loaded_{false};  // set with write_ held
    // What a replay would make of the columns: schema_, but for what direct writes changed whose
    // commit is still to come, or failed. A record carries what is missing here, so that its rows
    // never need another's commit.
    SchemaPtr journalled_schema_;

    mutable std::mutex state_;
    // Guarded by state_ (and changed only with write_ held as well, but for files_ and frozen_).
    SchemaPtr schema_;
    std::shared_ptr<GenerationState> active_;
    std::vector<std::shared_ptr<GenerationState>> frozen_;  // oldest first
    std::shared_ptr<const FileSet> files_;
    tenancy::StorageGrant stored_;  // the source and its files
    WallNanos last_write_at_ = 0;
    WallNanos last_flush_at_ = 0;
    bool removed_ = false;
    bool removal_in_doubt_ = false;
    bool removal_unknown_ = false;  // in doubt because the catalog has not answered
};

}  // namespace insula::tables
