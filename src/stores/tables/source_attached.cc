// Source: files that it shows and did not write.
#include <algorithm>
#include <unordered_set>

#include "platform/runtime/fail_point.h"
#include "platform/runtime/log.h"
#include "platform/runtime/timed_lock.h"
#include "stores/tables/attached/adoption.h"
#include "stores/tables/attached/attached_reader.h"
#include "stores/tables/attached/attachment.h"
#include "stores/tables/source.h"

namespace insula::tables {

namespace {

FailPoint read_point("tables.attach.read");    // files of ours are whole, nothing names them
FailPoint added_point("tables.attach.added");  // a new source is in the catalog, without its files
FailPoint committed_point("tables.attach.committed");

}  // namespace

Status Source::refresh(Deadline deadline, const CancelToken& cancel) {
    if (!attachment_) return {};
    ASSIGN_OR_RETURN(const auto refreshing, lock_until(attachment_->refreshing(), deadline));
    const Status refreshed = refresh_locked([] { return Status(); }, deadline, cancel);
    if (!refreshed) return fail(error_of_source(refreshed.error(), id_));
    return {};
}

Status Source::attach(const std::function<Status()>& add, Deadline deadline,
                      const CancelToken& cancel) {
    const std::lock_guard refreshing(attachment_->refreshing());
    return refresh_locked(add, deadline, cancel);
}

Status Source::refresh_locked(const std::function<Status()>& before_commit, Deadline deadline,
                              const CancelToken& cancel) {
    RETURN_IF_ERROR(check_not_removed());
    RETURN_IF_ERROR(settle_adoption());
    ASSIGN_OR_RETURN(const FoundFiles found, attachment_->find(services_.attachable));
    const Attachment::Changes changes = attachment_->compare(found);
    if (changes.empty() && attachment_->is_at(found.place)) return {};

    ASSIGN_OR_RETURN(const auto engine, services_.engines.maintenance());
    DataFileTarget target{.data_directory = services_.data_directory,
                          .tenant = tenant_,
                          .incarnation = incarnation_,
                          .epoch = epoch_};
    uint64_t next_row_id = 0;
    {
        const std::lock_guard writing(write_);
        next_row_id = next_row_id_;
        target.generation = next_generation_;
        ++next_generation_.value;
    }
    AttachedReader reader(services_, engine, target, schema(), next_row_id);
    for (const OutsideEntry& entry : changes.read) {
        RETURN_IF_ERROR(reader.read(found.place, entry, deadline, cancel));
    }
    return adopt(found, changes.remove, reader, before_commit);
}

Status Source::adopt(const FoundFiles& found, const std::vector<FileId>& removed,
                     AttachedReader& reader, const std::function<Status()>& before_commit) {
    const AttachedRead& read = reader.result();
    const std::unordered_set<FileId> gone(removed.begin(), removed.end());
    std::vector<catalog::DataFile> files;
    for (const catalog::DataFile& file : attachment_->files()) {
        if (!gone.contains(file.id)) files.push_back(file);
    }
    files.insert(files.end(), read.files.begin(), read.files.end());
    Adoption adoption{.command = {.add = read.files,
                                  .remove = removed,
                                  .generation = reader.generation(),
                                  .next_row_id = read.next_row_id},
                      .schema = read.schema,
                      .place = found.place};
    ASSIGN_OR_RETURN(
        adoption.entries,
        attachment_->entries(services_, found.place, files, *read.schema,
                             [this](const catalog::DataFile& file) { return open_file(file); }));
    adoption.files = std::move(files);
    read_point.reach();
    RETURN_IF_ERROR(before_commit());
    added_point.reach();
    if (!removed.empty() || !read.files.empty()) {
        const std::lock_guard flushing(flush_);
        const Status committed = commit(adoption.command, adoption.schema, adoption.in_doubt);
        // A commit that failed may turn up at the next start and must find the files that it meant.
        if (!committed && committed.error().code() != Code::failed_precondition) reader.keep();
        if (adoption.in_doubt) {
            adoption_in_doubt_ = std::make_unique<Adoption>(std::move(adoption));
            return committed;
        }
        RETURN_IF_ERROR(committed);
        committed_point.reach();
    }
    reader.keep();
    show(std::move(adoption));
    log::debug("attached files read", {{"tenant", tenant_.to_string()},
                                       {"source", id_},
                                       {"files", found.files.size()},
                                       {"read", read.files.size()},
                                       {"dropped", removed.size()}});
    return {};
}

void Source::show(Adoption adoption) {
    attachment_->adopt(adoption.place, std::move(adoption.files));
    const std::lock_guard writing(write_);
    const std::lock_guard lock(state_);
    next_row_id_ = std::max(next_row_id_, adoption.command.next_row_id);
    journalled_schema_ = schema_ = adoption.schema;
    files_ = std::make_shared<const FileSet>(std::move(adoption.entries));
}

Status Source::settle_adoption() {
    if (!adoption_in_doubt_) return {};
    {
        const std::lock_guard flushing(flush_);
        Adoption& adoption = *adoption_in_doubt_;
        const Status committed = commit(adoption.command, adoption.schema, adoption.in_doubt);
        if (!committed && adoption.in_doubt) return committed;
        if (!committed) {
            adoption_in_doubt_.reset();  // refused for good: all is read anew
            return {};
        }
    }
    show(std::move(*std::exchange(adoption_in_doubt_, nullptr)));
    return {};
}

}  // namespace insula::tables
