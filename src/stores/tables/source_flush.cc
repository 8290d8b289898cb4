// Source: from memtables to files.
#include <algorithm>
#include <chrono>
#include <ranges>

#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "stores/tables/files/flush_writer.h"
#include "stores/tables/source.h"

namespace insula::tables {

namespace {

constexpr std::chrono::seconds kDurableWait{30};
// Smaller files say little about how well rows pack.
constexpr uint64_t kTellingRawBytes = 1ull << 20;
constexpr size_t kTellingFiles = 8;

FailPoint frozen_point("tables.flush.frozen");
FailPoint written_point("tables.flush.written");      // the files are whole, nothing names them
FailPoint committed_point("tables.flush.committed");  // the catalog names them, no view does
FailPoint published_point("tables.flush.published");

}  // namespace

Result<bool> Source::flush() {
    const std::lock_guard flushing(flush_);
    RETURN_IF_ERROR(settle_direct_write());
    freeze();
    frozen_point.reach();
    std::vector<std::shared_ptr<GenerationState>> frozen;
    {
        const std::lock_guard lock(state_);
        frozen = frozen_;
    }
    for (const auto& generation : frozen) RETURN_IF_ERROR(flush_generation(*generation));
    return !frozen.empty();
}

void Source::freeze() {
    const std::lock_guard writing(write_);
    const std::lock_guard lock(state_);
    if (active_->memtable.empty()) return;
    active_->schema = schema_;
    active_->next_row_id = next_row_id_;
    frozen_.push_back(active_);
    active_ = std::make_shared<GenerationState>(next_generation_);
    ++next_generation_.value;
}

Status Source::flush_generation(GenerationState& frozen) {
    RETURN_IF_ERROR(check_not_removed());
    const Lsn last = frozen.memtable.last_lsn();
    if (frozen.files.empty()) {
        ASSIGN_OR_RETURN(frozen.files, write_generation(frozen));
        charge_files(frozen.files, frozen.memory.stored.stored().bytes);
        written_point.reach();
    }
    const Status committed = commit({.add = frozen.files,
                                     .flushed_lsn = Lsn{last.stream, last.position + 1},
                                     .generation = frozen.memtable.generation(),
                                     .next_row_id = frozen.next_row_id,
                                     .idempotency = frozen.keys},
                                    frozen.schema, frozen.in_doubt);
    if (!committed) discard_refused(frozen.files, committed.error());
    RETURN_IF_ERROR(committed);
    committed_point.reach();
    log::debug("memtable flushed", {{"tenant", tenant_.to_string()},
                                    {"source", id_},
                                    {"rows", frozen.memtable.rows()},
                                    {"files", frozen.files.size()}});
    publish(frozen.files, &frozen);
    published_point.reach();
    return {};
}

Result<std::vector<catalog::DataFile>> Source::write_generation(GenerationState& frozen) {
    if (journal::Journal* journal = services_.journal.load(); journal != nullptr) {
        // Rows of a record that is not durable must not come to be so by way of a file.
        RETURN_IF_ERROR(
            journal->wait_durable(frozen.memtable.last_lsn(), Deadline::after(kDurableWait)));
    }
    std::vector<ChunkRows> chunks;
    std::vector<std::shared_ptr<ChunkZones>> zones;
    {
        const std::lock_guard lock(state_);
        frozen.memtable.pin(services_.durable(), chunks, zones);
    }
    return write_files(frozen.memtable.generation(), *frozen.schema, chunks);
}

Result<std::vector<catalog::DataFile>> Source::write_files(Generation generation,
                                                           const Schema& schema,
                                                           std::span<const ChunkRows> chunks) {
    ASSIGN_OR_RETURN(const auto engine, services_.engines.maintenance());
    const FlushTarget target{.data_directory = services_.data_directory,
                             .tenant = tenant_,
                             .incarnation = incarnation_,
                             .epoch = epoch_,
                             .generation = generation,
                             .next_file_id = [this]() -> Result<FileId> {
                                 ASSIGN_OR_RETURN(const uint64_t id, services_.catalog.allocate_ids(
                                                                         catalog::IdKind::file, 1));
                                 return FileId{id};
                             }};
    FlushWriter writer(services_.fs, *engine, target, schema, options_, chunks);
    return writer.write({.partition_file_bytes = services_.limits.partition_file_bytes,
                         .partition_files_max = services_.limits.partition_files_max,
                         .stored_share = stored_share()});
}

double Source::stored_share() const {
    std::shared_ptr<const FileSet> files;
    {
        const std::lock_guard lock(state_);
        files = files_;
    }
    uint64_t stored = 0;
    uint64_t raw = 0;
    const auto telling = [](const FileEntry& file) {
        return file.meta.raw_bytes >= kTellingRawBytes;
    };
    for (const FileEntry& file : *files | std::views::reverse | std::views::filter(telling) |
                                     std::views::take(kTellingFiles)) {
        stored += file.meta.content_bytes;
        raw += file.meta.raw_bytes;
    }
    return raw == 0 ? 1 : static_cast<double>(stored) / static_cast<double>(raw);
}

void Source::charge_files(std::vector<catalog::DataFile>& files, uint64_t charged_bytes) {
    uint64_t raw = 0;
    for (const catalog::DataFile& file : files) raw += file.raw_bytes;
    if (raw <= charged_bytes) return;
    for (catalog::DataFile& file : files) {
        const double share = static_cast<double>(file.raw_bytes) / static_cast<double>(raw);
        file.raw_bytes = static_cast<uint64_t>(static_cast<double>(charged_bytes) * share);
    }
}

Status Source::commit(catalog::CommitFiles command, const SchemaPtr& schema, bool& in_doubt) {
    command.tenant = tenant_;
    command.incarnation = incarnation_;
    command.epoch = epoch_;
    command.now = now();
    // A generation whose flush is tried again may be older than a direct write that was committed
    // since.
    command.columns = committed_schema_->missing_of(*schema);
    const Status committed_now = services_.catalog.commit_files(command);
    bool committed_before = false;
    if (!committed_now && in_doubt) {
        ASSIGN_OR_RETURN(committed_before, was_carried_out(command, committed_now.error()));
    }
    if (!committed_now && !committed_before) {
        const Error& error = committed_now.error();
        // Only what the catalog's rows say tells what became of an earlier try.
        in_doubt = error.reason() == catalog::kOutcomeUnknownReason ||
                   (in_doubt && error.code() != Code::failed_precondition &&
                    error.code() != Code::already_exists);
        return committed_now;
    }
    in_doubt = false;
    if (command.columns.empty()) return {};
    auto committed = std::make_shared<Schema>(*committed_schema_);
    for (const catalog::Column& column : command.columns) committed->upsert(column);
    committed_schema_ = std::move(committed);
    return {};
}

Result<bool> Source::was_carried_out(const catalog::CommitFiles& command,
                                     const Error& refusal) const {
    // Files have ids that nothing else has: they are there by an earlier try of this command.
    if (refusal.reason() == "file_exists") return true;
    if (refusal.reason() != "file_removed") return false;
    ASSIGN_OR_RETURN(const auto sources, services_.catalog.sources(tenant_));
    const auto source = std::ranges::find(sources, incarnation_, &catalog::Source::incarnation);
    if (source == sources.end()) return false;
    return std::ranges::all_of(command.add, [&](const catalog::DataFile& added) {
        return std::ranges::find(source->files, added.id, &catalog::DataFile::id) !=
               source->files.end();
    });
}

void Source::discard_refused(std::span<const catalog::DataFile> files, const Error& refusal) const {
    // Any other commit may turn up at the next start, and must find its files.
    if (refusal.reason() == "source_removed") remove_files(files);
}

void Source::remove_files(std::span<const catalog::DataFile> files) const {
    for (const catalog::DataFile& file : files) {
        const std::string path = catalog::file_path(tenant_, incarnation_, file);
        const Status removed = services_.fs.remove(services_.data_directory + "/" + path);
        if (removed || removed.error().code() == Code::not_found) continue;
        log::warn("file that nothing names stays until the next start",
                  {{"file", path}, {"error", removed.error().describe()}});
    }
}

void Source::publish(std::span<const catalog::DataFile> added, GenerationState* flushed,
                     tenancy::StorageGrant stored) {
    const std::lock_guard lock(state_);
    auto files = std::make_shared<FileSet>(*files_);
    for (const catalog::DataFile& file : added) files->push_back(open_file(file));
    files_ = std::move(files);
    if (flushed != nullptr) {
        stored = std::move(flushed->memory.stored);
        uint64_t charged = 0;
        for (const catalog::DataFile& file : added) charged += file.raw_bytes;
        stored.lower_bytes_to(charged);
    }
    if (!removed_) stored_.merge(std::move(stored));
    if (flushed == nullptr) {
        last_write_at_ = now();
        return;
    }
    std::erase_if(frozen_, [&](const auto& generation) { return generation.get() == flushed; });
    last_flush_at_ = now();
}

}  // namespace insula::tables
