// Source: a small remainder is written to the journal's head once more, instead of to a small file.
//
// The record counts from the commit on that says so: it moves flushed_lsn to the record itself. A
// start without that commit finds all that is restated still in the journal and passes over the
// record; a start with it passes over what is older.
#include <array>
#include <chrono>

#include "platform/runtime/fail_point.h"
#include "stores/tables/source.h"

namespace insula::tables {

namespace {

constexpr std::chrono::seconds kJournalWait{30};

FailPoint appended_point("tables.restate.appended");
FailPoint durable_point("tables.restate.durable");      // and does not count yet
FailPoint committed_point("tables.restate.committed");  // and what it restates is there still

}  // namespace

Result<bool> Source::restate() {
    const std::lock_guard flushing(flush_);
    ASSIGN_OR_RETURN(auto restated, append_restatement());
    if (!restated) return false;
    appended_point.reach();
    RETURN_IF_ERROR(
        services_.journal.load()->wait_durable(restated->lsn, Deadline::after(kJournalWait)));
    durable_point.reach();
    // Where the outcome is unknown both hold: a start finds what is restated, or the record.
    bool in_doubt = false;
    RETURN_IF_ERROR(commit(std::move(restated->command), restated->schema, in_doubt));
    committed_point.reach();
    const std::lock_guard lock(state_);
    restated->generation->memtable.forget_records_below(restated->lsn);
    return true;
}

Result<std::optional<Source::Restated>> Source::append_restatement() {
    const std::lock_guard writing(write_);
    RETURN_IF_ERROR(check_not_removed());
    // Nobody else changes the memtable meanwhile, nor takes it away: that needs write_, too.
    WallNanos last_write_at = 0;
    {
        const std::lock_guard lock(state_);
        if (active_->memtable.empty() || !frozen_.empty()) return std::nullopt;
        last_write_at = last_write_at_;
    }
    ByteWriter body;
    encode_restatement({.last_write_at = last_write_at}, active_->memtable.all(), body);
    if (body.size() > services_.limits.record_bytes_max) return std::nullopt;
    const journal::RecordHeader header{.kind = journal::RecordKind::table_write,
                                       .tenant = tenant_,
                                       .source = incarnation_,
                                       .epoch = epoch_};
    const std::array<Bytes, 1> pieces{body.bytes()};
    ASSIGN_OR_RETURN(const Lsn lsn, services_.journal.load()->append(
                                        header, pieces, Deadline::after(kJournalWait)));
    const std::lock_guard lock(state_);
    active_->memtable.restated_at(lsn);
    return Restated{
        .lsn = lsn,
        .generation = active_,
        .schema = schema_,
        .command = {.flushed_lsn = lsn, .next_row_id = next_row_id_, .idempotency = active_->keys}};
}

}  // namespace insula::tables
