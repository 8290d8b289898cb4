#include "core/catalog/refusals.h"

#include <fmt/format.h>

namespace insula::catalog {

Error tenant_unknown() {
    return {Code::failed_precondition, "tenant_unknown", "The tenant does not exist."};
}
Error tenant_exists() {
    return {Code::already_exists, "tenant_exists",
            "A tenant with this id or short name exists already."};
}
Error tenant_has_sources() {
    return {Code::failed_precondition, "tenant_has_sources",
            "The tenant still has sources, which go first."};
}
Error entry_exists() {
    return {Code::already_exists, "entry_exists", "The tenant has one of this name already."};
}
Error entry_unknown() {
    return {Code::failed_precondition, "entry_unknown", "The tenant has none of this name."};
}
Error directory_changed() {
    return Error(Code::failed_precondition, "directory_changed",
                 "Somebody else has changed this meanwhile.")
        .with_hint("Read it again, and repeat the change if it still makes sense.");
}
Error source_exists() {
    return {Code::already_exists, "source_exists", "A source with this id exists already."};
}
Error source_removed() {
    return {Code::failed_precondition, "source_removed", "The source does not exist any longer."};
}
Error stale_epoch() {
    return {Code::failed_precondition, "stale_epoch",
            "The tenant has moved to another node, which alone may change it now."};
}
Error node_fenced() {
    return unavailable(kNodeFencedReason,
                       "This server does not own its data any longer: another one has taken over.")
        .with_hint("Send the request to that one.");
}
Error file_exists() {
    return {Code::already_exists, "file_exists", "The file is in the catalog already."};
}
Error file_removed() {
    return {Code::failed_precondition, "file_removed",
            "A file that the change replaces was removed by another change."};
}
Error catalog_closed() { return unavailable("catalog_closed", "The server is stopping."); }

namespace {

Status check_audit(const std::vector<AuditRecord>& records) {
    for (const AuditRecord& record : records) {
        if (record.record.size() <= kAuditRecordBytesMax) continue;
        return fail(internal_error(fmt::format("audit record of {} bytes, at most {}",
                                               record.record.size(), kAuditRecordBytesMax)));
    }
    return {};
}

Status check_entry(const DirectoryEntry& entry) {
    const bool fits = !entry.name.empty() && entry.name.size() <= kEntryNameBytesMax &&
                      entry.lookup.size() <= kEntryNameBytesMax;
    if (!fits) {
        return fail(invalid_argument("invalid_entry_name",
                                     fmt::format("A name has 1 to {} bytes.", kEntryNameBytesMax)));
    }
    if (entry.value.size() <= kEntryValueBytesMax) return {};
    return fail(invalid_argument(
        "entry_too_large",
        fmt::format("What is stored under one name has at most {} bytes.", kEntryValueBytesMax)));
}

}  // namespace

Status check(const ChangeDirectory& command) {
    if (command.put.size() + command.remove.size() > kDirectoryEntriesMax) {
        return fail(invalid_argument(
            "too_many_entries",
            fmt::format("One change has at most {} entries.", kDirectoryEntriesMax)));
    }
    for (const PutEntry& put : command.put) RETURN_IF_ERROR(check_entry(put.entry));
    for (const std::optional<Tenant>& tenant : {command.add_tenant, command.update_tenant}) {
        if (!tenant || tenant->profile.size() <= kEntryValueBytesMax) continue;
        return fail(internal_error(fmt::format("tenant's profile of {} bytes, at most {}",
                                               tenant->profile.size(), kEntryValueBytesMax)));
    }
    return check_audit(command.audit);
}

Status check(const AddSource& command) {
    RETURN_IF_ERROR(check_audit(command.audit));
    if (command.source.files.empty()) return {};
    return fail(
        invalid_argument("source_has_files", "A new source has no files; they come with commits."));
}

Status check(const CommitFiles& command) {
    RETURN_IF_ERROR(check_audit(command.audit));
    for (const IdempotencyEntry& entry : command.idempotency) {
        if (entry.key.size() <= kIdempotencyKeyBytesMax) continue;
        return fail(invalid_argument(
            "idempotency_key_too_long",
            fmt::format("An idempotency key has at most {} bytes.", kIdempotencyKeyBytesMax)));
    }
    return {};
}

Status check_setting(std::string_view key, std::string_view value) {
    if (key.size() <= kSettingBytesMax && value.size() <= kSettingBytesMax) return {};
    return fail(internal_error(
        fmt::format("setting of {} bytes, at most {}", value.size(), kSettingBytesMax)));
}

Status check_id_count(uint64_t count) {
    if (count > 0 && count <= kIdsAllocatedMax) return {};
    return fail(internal_error(fmt::format("allocate_ids of {} ids", count)));
}

}  // namespace insula::catalog
