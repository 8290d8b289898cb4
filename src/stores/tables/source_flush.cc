// Source: from memtables to files.
#include <algorithm>
#include <chrono>

#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "stores/tables/files/data_file_writer.h"
#include "stores/tables/source.h"

namespace insula::tables {

namespace {

constexpr std::chrono::seconds kDurableWait{30};

FailPoint frozen_point("tables.flush.frozen");
FailPoint written_point("tables.flush.written");      // the file is whole, nothing names it
FailPoint committed_point("tables.flush.committed");  // the catalog names it, no view does
FailPoint published_point("tables.flush.published");

}  // namespace

Result<bool> Source::flush() {
    const std::lock_guard flushing(flush_);
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
    if (!frozen.file) {
        ASSIGN_OR_RETURN(frozen.file, write_generation(frozen));
        written_point.reach();
    }
    RETURN_IF_ERROR(commit({.add = {*frozen.file},
                            .flushed_lsn = Lsn{last.stream, last.position + 1},
                            .generation = frozen.memtable.generation(),
                            .next_row_id = frozen.next_row_id,
                            .idempotency = frozen.keys},
                           frozen.schema));
    committed_point.reach();
    log::debug("memtable flushed", {{"tenant", tenant_.to_string()},
                                    {"source", id_},
                                    {"rows", frozen.file->rows},
                                    {"stored_bytes", frozen.file->stored_bytes}});
    publish({*frozen.file}, &frozen);
    published_point.reach();
    return {};
}

Result<catalog::DataFile> Source::write_generation(GenerationState& frozen) {
    if (journal::Journal* journal = services_.journal.load(); journal != nullptr) {
        // Rows of a record that is not durable must not come to be so by way of a file.
        RETURN_IF_ERROR(
            journal->wait_durable(frozen.memtable.last_lsn(), Deadline::after(kDurableWait)));
    }
    std::vector<ChunkRows> chunks;
    {
        const std::lock_guard lock(state_);
        frozen.memtable.pin(services_.durable(), chunks);
    }
    return write_file(frozen.memtable.generation(), *frozen.schema, chunks);
}

Result<catalog::DataFile> Source::write_file(Generation generation, const Schema& schema,
                                             std::span<const ChunkRows> chunks) {
    ASSIGN_OR_RETURN(const auto engine, services_.engines.maintenance());
    ASSIGN_OR_RETURN(const uint64_t id, services_.catalog.allocate_ids(catalog::IdKind::file, 1));
    const DataFileTarget target{.data_directory = services_.data_directory,
                                .tenant = tenant_,
                                .incarnation = incarnation_,
                                .id = FileId{id},
                                .epoch = epoch_,
                                .generation = generation};
    return write_data_file(services_.fs, *engine, target, schema, options_, chunks);
}

Status Source::commit(catalog::CommitFiles command, const SchemaPtr& schema) {
    command.tenant = tenant_;
    command.incarnation = incarnation_;
    command.epoch = epoch_;
    command.now = now();
    // A generation whose flush is tried again may be older than a direct write that was committed
    // since.
    command.columns = committed_schema_->missing_of(*schema);
    RETURN_IF_ERROR(services_.catalog.commit_files(command));
    if (command.columns.empty()) return {};
    auto committed = std::make_shared<Schema>(*committed_schema_);
    for (const catalog::Column& column : command.columns) committed->upsert(column);
    committed_schema_ = std::move(committed);
    return {};
}

void Source::publish(std::vector<catalog::DataFile> added, const GenerationState* flushed) {
    const std::lock_guard lock(state_);
    auto files = std::make_shared<FileSet>(*files_);
    for (const catalog::DataFile& file : added) files->push_back(open_file(file));
    files_ = std::move(files);
    if (flushed == nullptr) {
        last_write_at_ = now();
        return;
    }
    std::erase_if(frozen_, [&](const auto& generation) { return generation.get() == flushed; });
    last_flush_at_ = now();
}

}  // namespace insula::tables
