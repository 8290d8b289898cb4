#include "core/audit/entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/crypto/hash.h"
#include "platform/json/json_value.h"
#include "platform/json/json_writer.h"
#include "platform/json/time_text.h"
#include "platform/json/utf8.h"

namespace insula::audit {

namespace {

using json::JsonValue;
using json::JsonWriter;

constexpr std::string_view kTenantMember = R"("tenant":")";

// Valid UTF-8 of at most kEntryTextBytesMax bytes, cut between characters.
std::string bounded(std::string_view text) {
    std::string valid = json::replace_invalid_utf8(text.substr(0, kEntryTextBytesMax));
    if (text.size() <= kEntryTextBytesMax && valid.size() <= kEntryTextBytesMax) return valid;
    size_t end = std::min(valid.size(), kEntryTextBytesMax);
    while (end > 0 && end < valid.size() && (static_cast<uint8_t>(valid[end]) & 0xc0) == 0x80) {
        --end;
    }
    valid.resize(end);
    return valid;
}

void write_text(JsonWriter& writer, std::string_view name, std::string_view text) {
    if (!text.empty()) writer.key(name).string(bounded(text));
}

void write_changes(JsonWriter& writer, const std::vector<std::string>& changes) {
    if (changes.empty()) return;
    writer.key("changes").begin_array();
    const size_t shown = std::min(changes.size(), kEntryChangesMax);
    for (size_t i = 0; i < shown; ++i) writer.string(bounded(changes[i]));
    if (shown < changes.size()) writer.string(fmt::format("and {} more", changes.size() - shown));
    writer.end_array();
}

Error not_an_entry(std::string_view what) {
    return data_loss(fmt::format("not an entry of an audit log: {}", what));
}

// Reads members in any order; what a member is must hold.
class EntryReader {
  public:
    explicit EntryReader(const JsonValue& value) : value_(value) {}

    Result<std::string> text(std::string_view name) const {
        const JsonValue* found = value_.find(name);
        if (found == nullptr) return std::string();
        if (!found->is_string()) return fail(not_an_entry(name));
        return found->string();
    }
    Result<uint64_t> number(std::string_view name) const {
        const JsonValue* found = value_.find(name);
        if (found == nullptr) return uint64_t{0};
        if (found->kind() == JsonValue::Kind::uint64) return found->uint64();
        if (found->kind() != JsonValue::Kind::int64 || found->int64() < 0) {
            return fail(not_an_entry(name));
        }
        return static_cast<uint64_t>(found->int64());
    }
    Result<std::vector<std::string>> texts(std::string_view name) const {
        std::vector<std::string> texts;
        const JsonValue* found = value_.find(name);
        if (found == nullptr) return texts;
        if (!found->is_array()) return fail(not_an_entry(name));
        for (const JsonValue& item : found->array()) {
            if (!item.is_string()) return fail(not_an_entry(name));
            texts.push_back(item.string());
        }
        return texts;
    }

  private:
    const JsonValue& value_;
};

Result<EntryId> parse_id(std::string_view text) {
    const auto bytes = crypto::hex_decode(text);
    EntryId id;
    if (!bytes || bytes->size() != id.size()) return fail(not_an_entry("id"));
    std::ranges::transform(*bytes, id.begin(),
                           [](std::byte b) { return std::to_integer<uint8_t>(b); });
    return id;
}

}  // namespace

EntryId new_entry_id(Random& random) {
    EntryId id;
    random.fill(id);
    return id;
}

std::string encode(const Entry& entry) {
    std::string text;
    JsonWriter writer(text);
    writer.begin_object();
    writer.key("v").int64(kEntryVersion);
    writer.key("id").string(crypto::hex_encode(std::as_bytes(std::span(entry.id))));
    writer.key("time").timestamp(entry.time);
    if (entry.tenant) writer.key("tenant").string(entry.tenant->to_string());
    write_text(writer, "actor", entry.actor);
    write_text(writer, "action", entry.action);
    write_text(writer, "resource", entry.resource);
    write_changes(writer, entry.changes);
    write_text(writer, "remote_address", entry.remote_address);
    write_text(writer, "request_id", entry.request_id);
    write_text(writer, "decision", entry.decision);
    write_text(writer, "policy", entry.policy);
    write_text(writer, "statement", entry.statement);
    write_text(writer, "reason", entry.reason);
    if (entry.dropped > 0) writer.key("dropped").uint64(entry.dropped);
    writer.end_object();
    writer.finish();
    return text;
}

Result<Entry> decode(std::string_view text) {
    const auto parsed =
        JsonValue::parse(text, {.bytes_max = kEntryBytesMax, .subject = "audit entry"});
    if (!parsed) return fail(not_an_entry(parsed.error().message()));
    if (!parsed->is_object()) return fail(not_an_entry("no object"));
    const EntryReader reader(*parsed);
    ASSIGN_OR_RETURN(const uint64_t version, reader.number("v"));
    if (version != kEntryVersion) return fail(not_an_entry(fmt::format("version {}", version)));
    Entry entry;
    ASSIGN_OR_RETURN(const std::string id, reader.text("id"));
    ASSIGN_OR_RETURN(entry.id, parse_id(id));
    ASSIGN_OR_RETURN(const std::string time, reader.text("time"));
    const auto nanos = json::parse_timestamp(time);
    if (!nanos) return fail(not_an_entry("time"));
    entry.time = *nanos;
    ASSIGN_OR_RETURN(const std::string tenant, reader.text("tenant"));
    if (!tenant.empty()) {
        const auto tenant_id = TenantId::parse(tenant);
        if (!tenant_id) return fail(not_an_entry("tenant"));
        entry.tenant = *tenant_id;
    }
    ASSIGN_OR_RETURN(entry.actor, reader.text("actor"));
    ASSIGN_OR_RETURN(entry.action, reader.text("action"));
    ASSIGN_OR_RETURN(entry.resource, reader.text("resource"));
    ASSIGN_OR_RETURN(entry.changes, reader.texts("changes"));
    ASSIGN_OR_RETURN(entry.remote_address, reader.text("remote_address"));
    ASSIGN_OR_RETURN(entry.request_id, reader.text("request_id"));
    ASSIGN_OR_RETURN(entry.decision, reader.text("decision"));
    ASSIGN_OR_RETURN(entry.policy, reader.text("policy"));
    ASSIGN_OR_RETURN(entry.statement, reader.text("statement"));
    ASSIGN_OR_RETURN(entry.reason, reader.text("reason"));
    ASSIGN_OR_RETURN(entry.dropped, reader.number("dropped"));
    return entry;
}

// A text of somebody's choice cannot look like the member: its quotes are escaped.
bool is_of_tenant(std::string_view text, const TenantId& tenant) {
    const size_t found = text.find(kTenantMember);
    if (found == std::string_view::npos) return false;
    return text.substr(found + kTenantMember.size()).starts_with(tenant.to_string() + "\"");
}

}  // namespace insula::audit
