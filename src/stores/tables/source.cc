#include "stores/tables/source.h"

#include <algorithm>

#include "base/check.h"
#include "stores/tables/attached/adoption.h"
#include "stores/tables/attached/attachment.h"

namespace insula::tables {

Source::Source(Services& services, const catalog::Source& stored, Epoch epoch,
               tenancy::StorageGrant presence)
    : services_(services),
      id_(stored.source_id),
      incarnation_(stored.incarnation),
      tenant_(stored.tenant),
      epoch_(epoch),
      options_(stored.options),
      created_at_(stored.created_at),
      flushed_at_start_(stored.flushed_lsn),
      memory_("rows of one source", services.limits.source_memory_bytes),
      account_(services.storage->of(stored.tenant)),
      attachment_(
          stored.options.connection_string.empty()
              ? nullptr
              : std::make_unique<Attachment>(stored.options.connection_string, stored.files)),
      committed_schema_(std::make_shared<const Schema>(stored.columns)),
      next_row_id_(stored.next_row_id),
      next_generation_{stored.last_generation.value + 1},
      journalled_schema_(committed_schema_),
      schema_(committed_schema_),
      last_flush_at_(stored.last_flush_at) {
    active_ = std::make_shared<GenerationState>(next_generation_);
    ++next_generation_.value;
    auto files = std::make_shared<FileSet>();
    for (const catalog::DataFile& file : stored.files) {
        // Where attached files are is looked up by the first query.
        files->push_back(attachment_ ? FileEntry{.meta = file} : open_file(file));
    }
    files_ = std::move(files);
    stored_ = std::move(presence);
    if (stored_.stored().sources == 0) stored_ = account_->reserve_anyway({.sources = 1});
    if (attachment_) return;  // those files stand elsewhere
    tenancy::Stored rows;
    for (const catalog::DataFile& file : stored.files) {
        rows.bytes += file.raw_bytes;
        rows.rows += file.rows;
    }
    stored_.merge(account_->reserve_anyway(rows));
}

Source::~Source() = default;

Status Source::replay(Lsn lsn, uint64_t hybrid_time, TableRecord record) {
    if (!needs_replay(lsn)) return {};
    // What it restates was read before, unless the catalog says that it stands for all of that.
    if (record.restatement && lsn != flushed_at_start_) return {};
    ASSIGN_OR_RETURN(MemoryGrant memory, services_.memtables.try_reserve(record.bytes));
    // A start may find more of one source than it may have: only all of them together make it wait.
    MemoryGrant own_memory = memory_.reserve_anyway(record.bytes);
    auto stored = account_->reserve_anyway({.bytes = record.bytes, .rows = record.rows});
    if (record.head.idempotency) RETURN_IF_ERROR(load_keys());
    const std::lock_guard writing(write_);
    const WallNanos written_at = record.restatement
                                     ? record.restatement->last_write_at
                                     : static_cast<WallNanos>(hybrid_time >> 16) * 1'000'000;
    if (!record.head.schema_changes.empty()) {
        auto changed = std::make_shared<Schema>(*schema_);
        // The catalog may know later changes already, of a direct write.
        for (const catalog::Column& column : record.head.schema_changes) changed->merge(column);
        const std::lock_guard lock(state_);
        journalled_schema_ = schema_ = std::move(changed);
    }
    for (const ChunkRows& rows : record.chunks) {
        next_row_id_ = std::max(next_row_id_, rows.first_row_id + rows.rows);
    }
    apply(lsn, record.chunks, replayed_key(lsn, written_at, record),
          {std::move(memory), std::move(own_memory), std::move(stored)});
    const std::lock_guard lock(state_);
    last_write_at_ = written_at;
    return {};
}

std::optional<catalog::IdempotencyEntry> Source::replayed_key(Lsn lsn, WallNanos written_at,
                                                              const TableRecord& record) {
    if (!record.head.idempotency) return std::nullopt;
    return catalog::IdempotencyEntry{.key = record.head.idempotency->key,
                                     .body_hash = record.head.idempotency->body_hash,
                                     .rows = record.rows,
                                     .lsn = lsn,
                                     .created_at = written_at};
}

void Source::apply(Lsn lsn, std::span<const ChunkRows> chunks,
                   std::optional<catalog::IdempotencyEntry> key, RowMemory memory) {
    const std::lock_guard lock(state_);
    active_->memtable.append(lsn, chunks);
    if (key) {
        active_->key_bytes += sizeof *key + key->key.size();
        active_->keys.push_back(*key);
        window_.add(*std::move(key));
    }
    active_->memory.merge(std::move(memory));
    active_->memory.hold(active_->bytes());
}

std::vector<SourceView> Source::pin(const Services& services,
                                    std::span<const std::shared_ptr<Source>> sources) {
    std::vector<Source*> ordered;
    for (const auto& source : sources) ordered.push_back(source.get());
    // One order for all queries, so that two of them never wait for each other.
    std::ranges::sort(ordered, {}, [](const Source* source) { return source->incarnation_; });
    std::vector<std::unique_lock<std::mutex>> locks;
    for (Source* source : ordered) locks.emplace_back(source->state_);
    const Lsn durable = services.durable();

    std::vector<SourceView> views;
    for (const auto& source : sources) {
        SourceView view{source->id_, source->incarnation_, source->schema_, {}, {}, source->files_};
        for (const auto& frozen : source->frozen_) {
            frozen->memtable.pin(durable, view.chunks, view.chunk_zones);
        }
        source->active_->memtable.pin(durable, view.chunks, view.chunk_zones);
        views.push_back(std::move(view));
    }
    return views;
}

Status Source::remove(const std::function<Status()>& commit) {
    const std::lock_guard writing(write_);
    const Status removed = commit();
    const std::lock_guard lock(state_);
    removed_ = removed.has_value();
    if (removed_) release_storage();
    removal_in_doubt_ = !removed && catalog::is_in_doubt(removed.error());
    removal_unknown_ = !removed && removed.error().reason() == catalog::kOutcomeUnknownReason;
    return removed;
}

void Source::release_storage() {
    stored_.release();
    active_->memory.stored.release();
    for (const auto& frozen : frozen_) frozen->memory.stored.release();
}

bool Source::wants_removal() const {
    const std::lock_guard lock(state_);
    return removal_unknown_;
}

Status Source::check_not_removed() const {
    const std::lock_guard lock(state_);
    if (!removed_) return {};
    return fail(not_found("source_not_found", "There is no source with this id."));
}

Status Source::check_takes_writes() const {
    RETURN_IF_ERROR(check_not_removed());
    if (attachment_) {
        return fail(Error(Code::failed_precondition, "source_read_only",
                          "The source shows attached files and takes no writes.")
                        .with_hint("Write to a source without connection_string; one request may "
                                   "search both."));
    }
    const std::lock_guard lock(state_);
    if (!removal_in_doubt_) return {};
    return fail(
        unavailable("source_removal_in_doubt",
                    "A removal of this source has begun and not succeeded.")
            .with_hint(
                "Repeat the removal; a restart of the server shows too whether it is removed."));
}

SourceStats Source::stats() const {
    const std::lock_guard lock(state_);
    SourceStats stats{.source_id = id_,
                      .incarnation = incarnation_,
                      .files = files_->size(),
                      .columns = schema_->columns().size(),
                      .created_at = created_at_,
                      .last_write_at = last_write_at_,
                      .last_flush_at = last_flush_at_};
    for (const FileEntry& file : *files_) {
        stats.rows += file.meta.rows;
        stats.raw_bytes += file.meta.raw_bytes;
        stats.stored_bytes += file.meta.stored_bytes;
    }
    const auto add = [&](const GenerationState& generation) {
        stats.memtable_rows += generation.memtable.rows();
        stats.memtable_bytes += generation.memtable.bytes();
    };
    for (const auto& frozen : frozen_) add(*frozen);
    add(*active_);
    stats.rows += stats.memtable_rows;
    return stats;
}

SchemaPtr Source::schema() const {
    const std::lock_guard lock(state_);
    return schema_;
}

uint64_t Source::memtable_bytes() const {
    const std::lock_guard lock(state_);
    uint64_t bytes = active_->bytes();
    for (const auto& frozen : frozen_) bytes += frozen->bytes();
    return bytes;
}

std::optional<Lsn> Source::oldest_unflushed() {
    const std::lock_guard writing(write_);
    const std::lock_guard lock(state_);
    if (!frozen_.empty()) return frozen_.front()->memtable.first_lsn();
    if (!active_->memtable.empty()) return active_->memtable.first_lsn();
    return std::nullopt;
}

FileEntry Source::open_file(const catalog::DataFile& meta) const {
    return {meta, std::make_shared<StoredFile>(services_.fs, services_.open_files,
                                               services_.data_directory + "/" +
                                                   catalog::file_path(tenant_, incarnation_, meta),
                                               meta.id, meta.content_bytes)};
}

}  // namespace insula::tables
