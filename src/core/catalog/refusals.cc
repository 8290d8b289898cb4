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

Status check(const AddSource& command) {
    if (command.source.files.empty()) return {};
    return fail(
        invalid_argument("source_has_files", "A new source has no files; they come with commits."));
}

Status check(const CommitFiles& command) {
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
