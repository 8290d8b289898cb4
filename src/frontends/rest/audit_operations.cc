#include "frontends/rest/audit_operations.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/audit/checkpoint.h"
#include "core/audit/entry.h"
#include "platform/json/time_text.h"

namespace insula::rest {

namespace {

using audit::AuditLog;
using audit::Entry;
using json::JsonWriter;

// Whose part of the log is shown.
enum class Part : uint8_t { tenant, platform };

constexpr std::string_view kPlatformActions = "node:";
constexpr std::string_view kAdministrators = "platform/";

Error invalid_parameter(std::string_view name, std::string_view what) {
    return invalid_argument("invalid_request",
                            fmt::format("The parameter \"{}\" must be {}.", name, what));
}

Result<uint64_t> number(const OperationRequest& request, std::string_view name, uint64_t otherwise,
                        uint64_t max) {
    const auto text = request.head.parameter(name);
    if (!text) return otherwise;
    uint64_t value = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, value);
    if (error == std::errc() && stop == end && value <= max) return value;
    return fail(invalid_parameter(name, max == UINT64_MAX
                                            ? std::string("a whole number")
                                            : fmt::format("a whole number up to {}", max)));
}

Result<std::optional<WallNanos>> time(const OperationRequest& request, std::string_view name) {
    const auto text = request.head.parameter(name);
    if (!text) return std::nullopt;
    const auto nanos = json::parse_timestamp(*text);
    if (nanos) return *nanos;
    return fail(invalid_parameter(name, "a time such as 2024-06-01T12:00:00Z"));
}

// "tenant:*" is all that begins so.
bool fits(std::string_view wanted, std::string_view value) {
    if (!wanted.ends_with('*')) return wanted == value;
    return value.starts_with(wanted.substr(0, wanted.size() - 1));
}

struct Wanted {
    std::optional<WallNanos> from;
    std::optional<WallNanos> to;
    std::optional<std::string_view> actor;
    std::optional<std::string_view> action;
    std::optional<std::string_view> resource;
    std::optional<std::string_view> decision;
    std::optional<std::string_view> request_id;

    static Result<Wanted> read(const OperationRequest& request) {
        Wanted wanted;
        ASSIGN_OR_RETURN(wanted.from, time(request, "from"));
        ASSIGN_OR_RETURN(wanted.to, time(request, "to"));
        wanted.actor = request.head.parameter("actor");
        wanted.action = request.head.parameter("action");
        wanted.resource = request.head.parameter("resource");
        wanted.decision = request.head.parameter("decision");
        wanted.request_id = request.head.parameter("request_id");
        return wanted;
    }
    bool holds(const Entry& entry) const {
        return (!from || entry.time >= *from) && (!to || entry.time < *to) &&
               (!actor || fits(*actor, entry.actor)) && (!action || fits(*action, entry.action)) &&
               (!resource || fits(*resource, entry.resource)) &&
               (!decision || *decision == entry.decision) &&
               (!request_id || *request_id == entry.request_id);
    }
};

// Of the platform are its own actions, what nobody's tenant was asked for, and what its
// administrators did in tenants.
bool is_of_platform(const Entry& entry) {
    return !entry.tenant || entry.action.starts_with(kPlatformActions) ||
           entry.actor.starts_with(kAdministrators);
}

bool is_shown(const OperationRequest& request, Part part, std::string_view text) {
    if (part == Part::tenant) return audit::is_of_tenant(text, request.actor.tenant().id);
    const auto entry = audit::decode(text);
    return entry && is_of_platform(*entry);
}

void write_entry(JsonWriter& writer, uint64_t index, std::string_view text) {
    writer.begin_object();
    writer.key("index").uint64(index);
    writer.key("entry").raw(text);
    writer.end_object();
}

// The newest first.
Result<OperationAnswer> search(const OperationRequest& request, Part part) {
    ASSIGN_OR_RETURN(const Wanted wanted, Wanted::read(request));
    ASSIGN_OR_RETURN(const uint64_t limit,
                     number(request, "limit", kAuditPageDefault, kAuditPageMax));
    ASSIGN_OR_RETURN(const uint64_t before, number(request, "before", UINT64_MAX, UINT64_MAX));
    if (limit == 0) return fail(invalid_parameter("limit", "at least 1"));
    RETURN_IF_ERROR(request.audit.catch_up(request.deadline));
    OperationAnswer answer;
    JsonWriter writer(answer.body);
    writer.begin_object().key("entries").begin_array();
    std::optional<uint64_t> next;
    uint64_t found = 0;
    uint64_t examined = 0;
    size_t bytes = 0;
    RETURN_IF_ERROR(
        request.audit.log().visit_down(before, [&](uint64_t index, std::string_view text) {
            const bool full =
                found == limit || examined == kAuditExaminedMax || bytes >= kAuditPageBytes;
            if (full) {
                next = index + 1;
                return false;
            }
            ++examined;
            if (!is_shown(request, part, text)) return true;
            const auto entry = audit::decode(text);
            if (!entry || !wanted.holds(*entry)) return true;
            write_entry(writer, index, text);
            ++found;
            bytes += text.size();
            return !request.deadline.passed();
        }));
    if (request.deadline.passed()) return fail(deadline_exceeded());
    writer.end_array();
    if (next) writer.key("next").uint64(*next);
    writer.end_object().newline();
    writer.finish();
    return answer;
}

// The oldest first, with the hashes of what belongs to others.
Result<OperationAnswer> export_part(const OperationRequest& request, Part part) {
    ASSIGN_OR_RETURN(const uint64_t from, number(request, "from", 0, UINT64_MAX));
    ASSIGN_OR_RETURN(const uint64_t size, number(request, "size", UINT64_MAX, UINT64_MAX));
    const uint64_t end = std::min(size, request.audit.log().checkpoint_size());
    OperationAnswer answer;
    JsonWriter writer(answer.body);
    writer.begin_object().key("entries").begin_array();
    std::optional<uint64_t> next;
    size_t bytes = 0;
    RETURN_IF_ERROR(request.audit.log().visit_up(from, [&](uint64_t index, std::string_view text) {
        if (index >= end) return false;
        if (bytes >= kAuditPageBytes) {
            next = index;
            return false;
        }
        if (is_shown(request, part, text)) {
            write_entry(writer, index, text);
            bytes += text.size();
        } else {
            writer.begin_object();
            writer.key("index").uint64(index);
            writer.key("hash").string(audit::base64(audit::leaf_hash(as_bytes(text))));
            writer.end_object();
            bytes += sizeof(audit::Hash);
        }
        return true;
    }));
    writer.end_array();
    if (next) writer.key("next").uint64(*next);
    writer.end_object().newline();
    writer.finish();
    return answer;
}

void write_proof(JsonWriter& writer, std::string_view name, const audit::Proof& proof) {
    writer.key(name).begin_array();
    for (const audit::Hash& hash : proof) writer.string(audit::base64(hash));
    writer.end_array();
}

Error no_such_entry() {
    return not_found("audit_entry_not_found", "There is no such entry in the audit log.");
}

Result<OperationAnswer> prove(const OperationRequest& request, Part part) {
    if (!request.head.parameter("index")) {
        return fail(invalid_parameter("index", "the number of an entry"));
    }
    ASSIGN_OR_RETURN(const uint64_t index, number(request, "index", 0, UINT64_MAX));
    RETURN_IF_ERROR(request.audit.catch_up(request.deadline));
    const AuditLog& log = request.audit.log();
    ASSIGN_OR_RETURN(const audit::EntryProof made, log.prove(index));
    if (!is_shown(request, part, made.entry.text)) return fail(no_such_entry());
    return answer_with([&](JsonWriter& writer) {
        writer.begin_object();
        writer.key("index").uint64(index);
        writer.key("entry").raw(made.entry.text);
        writer.key("size").uint64(made.tree.size);
        writer.key("root").string(audit::base64(made.tree.root));
        write_proof(writer, "proof", made.proof);
        writer.key("checkpoint").string(made.checkpoint);
        writer.end_object();
    });
}

}  // namespace

Result<OperationAnswer> search_audit(const OperationRequest& request) {
    return search(request, Part::tenant);
}
Result<OperationAnswer> export_audit(const OperationRequest& request) {
    return export_part(request, Part::tenant);
}
Result<OperationAnswer> prove_audit_entry(const OperationRequest& request) {
    return prove(request, Part::tenant);
}
Result<OperationAnswer> search_platform_audit(const OperationRequest& request) {
    return search(request, Part::platform);
}
Result<OperationAnswer> export_platform_audit(const OperationRequest& request) {
    return export_part(request, Part::platform);
}
Result<OperationAnswer> prove_platform_audit_entry(const OperationRequest& request) {
    return prove(request, Part::platform);
}

Result<OperationAnswer> get_audit_checkpoint(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const uint64_t since, number(request, "since", 0, UINT64_MAX));
    RETURN_IF_ERROR(request.audit.catch_up(request.deadline));
    const AuditLog& log = request.audit.log();
    audit::GrowthProof growth{.checkpoint = log.checkpoint(), .proof = {}};
    if (since > 0) {
        ASSIGN_OR_RETURN(growth, log.prove_growth(since));
    }
    return answer_with([&](JsonWriter& writer) {
        writer.begin_object();
        writer.key("checkpoint").string(growth.checkpoint);
        writer.key("key").string(audit::verifier_key(log.key()));
        if (since > 0) write_proof(writer, "growth", growth.proof);
        writer.end_object();
    });
}

}  // namespace insula::rest
