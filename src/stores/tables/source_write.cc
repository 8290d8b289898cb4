// Source: writes, by the journal or directly to a file.
#include <algorithm>
#include <array>
#include <chrono>

#include "base/check.h"
#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "platform/runtime/timed_lock.h"
#include "stores/tables/source.h"

namespace insula::tables {

namespace {

constexpr int kSchemaAttemptsMax = 16;
constexpr size_t kKeptBufferBytes = 8u << 20;  // a larger encoding buffer is given back

FailPoint applied_point("tables.write.applied");  // in the journal's order, and not yet synced
FailPoint direct_reserved("tables.direct_write.reserved");
FailPoint direct_written("tables.direct_write.written");
FailPoint direct_committed("tables.direct_write.committed");
FailPoint direct_published("tables.direct_write.published");

Error too_many_schema_changes() {
    return Error(Code::aborted, "schema_contention",
                 "Other writers keep changing the source's columns.")
        .with_hint("Retry the request.");
}

// Rows in a file have no record of their own; they get a place that is durable already.
Lsn just_below(Lsn durable) {
    if (durable.position > 0) return {durable.stream, durable.position - 1};
    return {StreamId{durable.stream.value - 1}, INT64_MAX};
}

}  // namespace

Result<WriteOutcome> Source::write(const WriteInput& input, Deadline deadline) {
    if (input.idempotency) RETURN_IF_ERROR(load_keys());
    if (const Status admitted = services_.admit_write(); !admitted) {
        return answer_duplicate_or(input, admitted.error(), deadline);
    }
    thread_local ByteWriter columns;
    for (int attempt = 0; attempt < kSchemaAttemptsMax; ++attempt) {
        RETURN_IF_ERROR(check_takes_writes());
        ASSIGN_OR_RETURN(Batch batch, input.shred(schema()));
        if (batch.rows == 0)
            return WriteOutcome{.lsn = just_below(services_.durable()), .durable = true};
        auto stored = account_->reserve({.bytes = batch.bytes, .rows = batch.rows});
        if (!stored) return answer_duplicate_or(input, stored.error(), deadline);
        ASSIGN_OR_RETURN(MemoryGrant memory,
                         services_.memtables.reserve(batch.bytes, deadline, services_.admit_write));
        // Chunks encode to little more than they hold, mostly less.
        if (!options_.wal_enabled || batch.bytes > services_.limits.record_bytes_max ||
            batch.bytes > memory_.limit()) {
            return write_directly(input, std::move(batch), *std::move(stored), deadline);
        }
        ASSIGN_OR_RETURN(MemoryGrant own_memory, reserve_own(batch.bytes, deadline));
        columns.clear();
        for (const auto& chunk : batch.chunks) encode_chunk(*chunk, columns);
        ASSIGN_OR_RETURN(auto outcome, write_journalled(input, batch, columns.bytes(),
                                                        {std::move(memory), std::move(own_memory),
                                                         *std::move(stored)},
                                                        deadline));
        if (columns.size() > kKeptBufferBytes) columns = ByteWriter();
        if (!outcome) continue;
        if (memtable_bytes() >= services_.limits.source_memtable_bytes ||
            services_.memtables.usage() >= services_.limits.node_flush_bytes) {
            services_.flush_wanted();
        }
        return *outcome;
    }
    return fail(too_many_schema_changes());
}

// Where the source has as much in memory as it may have, a flush makes room.
Result<MemoryGrant> Source::reserve_own(uint64_t bytes, Deadline deadline) {
    auto free = memory_.try_reserve(bytes);
    if (free) return free;
    services_.flush_wanted();
    return memory_.reserve(bytes, deadline, services_.admit_write);
}

Result<std::optional<WriteOutcome>> Source::write_journalled(const WriteInput& input,
                                                             const Batch& batch, Bytes columns,
                                                             RowMemory memory, Deadline deadline) {
    ASSIGN_OR_RETURN(const auto writing, lock_until(write_, deadline));
    RETURN_IF_ERROR(check_takes_writes());
    ASSIGN_OR_RETURN(const auto duplicate, find_duplicate(input));
    if (duplicate) return duplicate;
    // Only writers change schema_, and they hold write_.
    if (schema_ != batch.base) return std::nullopt;

    RecordHead head{.first_row_id = next_row_id_,
                    .schema_changes = journalled_schema_ == batch.base
                                          ? batch.changes
                                          : journalled_schema_->missing_of(*batch.schema),
                    .idempotency = input.idempotency,
                    .audit = input.audit};
    ByteWriter encoded_head;
    encode_head(head, encoded_head);
    const std::array<Bytes, 2> body{encoded_head.bytes(), columns};
    const journal::RecordHeader header{.kind = journal::RecordKind::table_write,
                                       .tenant = tenant_,
                                       .source = incarnation_,
                                       .epoch = epoch_};
    journal::Journal* journal = services_.journal.load();
    if (journal == nullptr) return fail(unavailable("starting", "The server is still starting."));
    ASSIGN_OR_RETURN(const Lsn lsn, journal->append(header, body, deadline));

    // From here on nothing can fail: the record is in the journal's order.
    WriteOutcome outcome{.rows = batch.rows, .lsn = lsn};
    std::optional<catalog::IdempotencyEntry> key;
    if (input.idempotency) key = key_entry(*input.idempotency, outcome);
    apply(lsn, batch.rows_from(next_row_id_), std::move(key), std::move(memory));
    next_row_id_ += batch.rows;
    journalled_schema_ = batch.schema;
    {
        const std::lock_guard lock(state_);
        schema_ = batch.schema;
        last_write_at_ = now();
    }
    applied_point.reach();
    return outcome;
}

Result<std::optional<WriteOutcome>> Source::find_duplicate(const WriteInput& input) {
    if (!input.idempotency) return std::nullopt;
    INSULA_CHECK(keys_loaded_, "keys are loaded before a writer's turn");
    const catalog::IdempotencyEntry* entry = window_.find(input.idempotency->key, now());
    if (entry == nullptr) return std::nullopt;
    if (entry->body_hash != input.idempotency->body_hash) {
        return fail(Error(Code::already_exists, "idempotency_conflict",
                          "This Idempotency-Key was used with another body.")
                        .with_hint("Use a new key for each batch; repeat one only to retry it."));
    }
    return WriteOutcome{.rows = entry->rows,
                        .lsn = entry->lsn,
                        .durable = entry->lsn < services_.durable(),
                        .duplicate = true};
}

Result<WriteOutcome> Source::answer_duplicate_or(const WriteInput& input, const Error& refusal,
                                                 Deadline deadline) {
    ASSIGN_OR_RETURN(const auto writing, lock_until(write_, deadline));
    RETURN_IF_ERROR(check_takes_writes());
    ASSIGN_OR_RETURN(const auto duplicate, find_duplicate(input));
    if (duplicate) return *duplicate;
    return fail(refusal);
}

Status Source::load_keys() {
    if (keys_loaded_) return {};
    const std::lock_guard loading(keys_loading_);
    if (keys_loaded_) return {};
    ASSIGN_OR_RETURN(auto stored, services_.catalog.idempotency(incarnation_, now()));
    const std::lock_guard writing(write_);
    for (catalog::IdempotencyEntry& entry : stored) window_.add(std::move(entry));
    keys_loaded_ = true;
    return {};
}

catalog::IdempotencyEntry Source::key_entry(const RecordIdempotency& key,
                                            const WriteOutcome& outcome) const {
    return {.key = key.key,
            .body_hash = key.body_hash,
            .rows = outcome.rows,
            .lsn = outcome.lsn,
            .created_at = now()};
}

Result<Source::Reserved> Source::reserve_rows(const WriteInput& input, Batch batch) {
    for (int attempt = 0; attempt < kSchemaAttemptsMax; ++attempt) {
        {
            const std::lock_guard writing(write_);
            RETURN_IF_ERROR(check_takes_writes());
            const std::lock_guard lock(state_);
            if (schema_ == batch.base) {
                Reserved reserved{std::move(batch), next_row_id_, next_generation_};
                next_row_id_ += reserved.batch.rows;
                ++next_generation_.value;
                schema_ = reserved.batch.schema;
                return reserved;
            }
        }
        ASSIGN_OR_RETURN(batch, input.shred(schema()));
    }
    return fail(too_many_schema_changes());
}

Result<WriteOutcome> Source::write_directly(const WriteInput& input, Batch batch,
                                            tenancy::StorageGrant stored, Deadline deadline) {
    ASSIGN_OR_RETURN(const auto flushing, lock_until(flush_, deadline));
    // It may have been this one.
    RETURN_IF_ERROR(settle_direct_write());
    {
        const std::lock_guard writing(write_);
        ASSIGN_OR_RETURN(const auto duplicate, find_duplicate(input));
        if (duplicate) return *duplicate;
    }
    ASSIGN_OR_RETURN(Reserved reserved, reserve_rows(input, std::move(batch)));
    direct_reserved.reach();
    ASSIGN_OR_RETURN(auto files, write_files(reserved.generation, *reserved.batch.schema,
                                             reserved.batch.rows_from(reserved.first_row_id)));
    if (const Status charged = charge_direct_files(files, stored); !charged) {
        remove_files(files);
        return fail(charged.error());
    }
    direct_written.reach();
    const WriteOutcome outcome{
        .rows = reserved.batch.rows, .lsn = just_below(services_.durable()), .durable = true};
    DirectWrite direct{.command = {.add = files,
                                   .generation = reserved.generation,
                                   .next_row_id = reserved.first_row_id + reserved.batch.rows},
                       .schema = reserved.batch.schema,
                       .outcome = outcome,
                       .stored = std::move(stored)};
    if (input.idempotency) {
        direct.command.idempotency.push_back(key_entry(*input.idempotency, outcome));
    }
    RETURN_IF_ERROR(commit_directly(std::move(direct)));
    return outcome;
}

Status Source::charge_direct_files(std::vector<catalog::DataFile>& files,
                                   tenancy::StorageGrant& stored) {
    uint64_t bytes = 0;
    for (catalog::DataFile& file : files) {
        file.raw_bytes = std::max(file.raw_bytes, file.stored_bytes);
        bytes += file.raw_bytes;
    }
    RETURN_IF_ERROR(stored.raise_bytes_to(bytes));
    stored.lower_bytes_to(bytes);
    return {};
}

Status Source::commit_directly(DirectWrite direct) {
    const Status committed = commit(direct.command, direct.schema, direct.in_doubt);
    unsettled_ = direct.in_doubt;
    if (!committed) {
        discard_refused(direct.command.add, committed.error());
        if (direct.in_doubt) direct_in_doubt_ = std::move(direct);
        return committed;
    }
    direct_committed.reach();
    publish(direct.command.add, nullptr, std::move(direct.stored));
    direct_published.reach();
    const std::lock_guard writing(write_);
    for (catalog::IdempotencyEntry& key : direct.command.idempotency) window_.add(std::move(key));
    return {};
}

Status Source::settle() {
    const std::lock_guard flushing(flush_);
    return settle_direct_write();
}

Status Source::settle_direct_write() {
    if (!direct_in_doubt_) return {};
    DirectWrite direct = *std::exchange(direct_in_doubt_, std::nullopt);
    const std::string file = std::to_string(direct.command.add.front().id.value);
    const Status settled = commit_directly(std::move(direct));
    if (settled || direct_in_doubt_) return settled;
    // Refused for good: nobody was told that these rows are there.
    log::warn("a direct write whose outcome was unknown was not carried out",
              {{"source", id_}, {"first_file", file}, {"error", settled.error().describe()}});
    return {};
}

}  // namespace insula::tables
