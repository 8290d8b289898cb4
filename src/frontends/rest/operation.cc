#include "frontends/rest/operation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace insula::rest {

using json::JsonCursor;
using json::JsonMember;
using json::JsonValue;

namespace {

Error unknown_limit(const JsonCursor& cursor, std::string_view name) {
    std::vector<std::string_view> known;
    for (const tenancy::LimitField& field : tenancy::limit_fields()) known.push_back(field.name);
    std::string hint = did_you_mean(name, known);
    if (!hint.empty()) hint += ' ';
    return cursor.error("unknown_key", fmt::format("has no limit \"{}\".", name.substr(0, 100)))
        .with_hint(hint + "Limits: " + joined(known) + ".");
}

}  // namespace

Result<BodyFields> BodyFields::read(std::string_view body,
                                    std::span<const std::string_view> known) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return BodyFields(JsonValue(JsonValue::Object()));
    }
    ASSIGN_OR_RETURN(JsonValue value,
                     JsonValue::parse(body, {.bytes_max = kAdministrationBodyBytesMax}));
    const JsonCursor cursor(value);
    ASSIGN_OR_RETURN(const auto members, cursor.object(kBodyTextBytesMax));
    for (const JsonMember& member : members) {
        if (std::ranges::find(known, std::string_view(member.name)) != known.end()) continue;
        std::string hint = did_you_mean(member.name, known);
        if (!hint.empty()) hint += ' ';
        return fail(
            cursor
                .error("unknown_key", fmt::format("has no key \"{}\".", member.name.substr(0, 100)))
                .with_hint(hint + "Keys: " + joined(known) + "."));
    }
    return BodyFields(std::move(value));
}

const JsonMember* BodyFields::find(std::string_view name) const {
    const auto found = std::ranges::find(value_.object(), name, &JsonMember::name);
    return found == value_.object().end() ? nullptr : &*found;
}

Result<std::optional<std::string>> BodyFields::text(std::string_view name) const {
    const JsonMember* member = find(name);
    if (member == nullptr) return std::nullopt;
    const JsonCursor root(value_);
    ASSIGN_OR_RETURN(const std::string_view text, root.member(*member).string(kBodyTextBytesMax));
    return std::string(text);
}

Result<std::optional<std::vector<std::string>>> BodyFields::texts(std::string_view name,
                                                                  size_t items_max) const {
    const JsonMember* member = find(name);
    if (member == nullptr) return std::nullopt;
    const JsonCursor root(value_);
    const JsonCursor cursor = root.member(*member);
    ASSIGN_OR_RETURN(const auto items, cursor.array(items_max));
    std::vector<std::string> texts;
    for (size_t i = 0; i < items.size(); ++i) {
        ASSIGN_OR_RETURN(const std::string_view text, cursor.item(i).string(kBodyTextBytesMax));
        if (std::ranges::find(texts, text) == texts.end()) texts.emplace_back(text);
    }
    return texts;
}

Result<std::optional<bool>> BodyFields::boolean(std::string_view name) const {
    const JsonMember* member = find(name);
    if (member == nullptr) return std::nullopt;
    const JsonCursor root(value_);
    ASSIGN_OR_RETURN(const bool value, root.member(*member).boolean());
    return value;
}

Result<std::optional<uint64_t>> BodyFields::whole_number(std::string_view name,
                                                         uint64_t max) const {
    const JsonMember* member = find(name);
    if (member == nullptr) return std::nullopt;
    const JsonCursor root(value_);
    ASSIGN_OR_RETURN(const uint64_t value, root.member(*member).whole_number(0, max));
    return value;
}

Result<BodyFields::TextPairs> BodyFields::text_pairs(std::string_view name,
                                                     size_t items_max) const {
    TextPairs pairs;
    const JsonMember* member = find(name);
    if (member == nullptr) return pairs;
    const JsonCursor root(value_);
    const JsonCursor cursor = root.member(*member);
    ASSIGN_OR_RETURN(const auto members, cursor.object(items_max));
    for (const JsonMember& pair : members) {
        const JsonCursor value = cursor.member(pair);
        if (!pair.value.is_array()) {
            ASSIGN_OR_RETURN(const std::string_view text, value.string(kBodyTextBytesMax));
            pairs.emplace_back(pair.name, text);
            continue;
        }
        ASSIGN_OR_RETURN(const auto items, value.array(items_max));
        for (size_t i = 0; i < items.size(); ++i) {
            ASSIGN_OR_RETURN(const std::string_view text, value.item(i).string(kBodyTextBytesMax));
            pairs.emplace_back(pair.name, text);
        }
    }
    return pairs;
}

std::optional<std::string> BodyFields::document(std::string_view name) const {
    const JsonMember* member = find(name);
    if (member == nullptr) return std::nullopt;
    return member->value.text();
}

Result<std::vector<tenancy::LimitChange>> BodyFields::limits(std::string_view name) const {
    std::vector<tenancy::LimitChange> changes;
    const JsonMember* member = find(name);
    if (member == nullptr) return changes;
    const JsonCursor root(value_);
    const JsonCursor cursor = root.member(*member);
    ASSIGN_OR_RETURN(const auto members, cursor.object(tenancy::kLimits));
    for (const JsonMember& wanted : members) {
        const tenancy::LimitField* limit = tenancy::find_limit(wanted.name);
        if (limit == nullptr) return fail(unknown_limit(cursor, wanted.name));
        tenancy::LimitChange change{limit, std::nullopt};
        if (!wanted.value.is_null()) {
            ASSIGN_OR_RETURN(change.value,
                             cursor.member(wanted).whole_number(limit->min, limit->max));
        }
        changes.push_back(change);
    }
    return changes;
}

Result<std::string> BodyFields::required_text(std::string_view name) const {
    ASSIGN_OR_RETURN(auto found, text(name));
    if (found) return *std::move(found);
    return fail(
        invalid_argument("invalid_request", fmt::format("The request has no \"{}\".", name)));
}

Result<NamedMember> read_member(const OperationRequest& request, const BodyFields& fields,
                                std::string_view what) {
    ASSIGN_OR_RETURN(const auto user, fields.text("user"));
    ASSIGN_OR_RETURN(const auto service_account, fields.text("service_account"));
    if (user && service_account) {
        return fail(
            invalid_argument("invalid_request",
                             fmt::format("A {} belongs to a user or to a service account.", what)));
    }
    if (user) return NamedMember{tenancy::MemberKind::user, *user};
    if (service_account) {
        return NamedMember{tenancy::MemberKind::service_account, *service_account};
    }
    const tenancy::Actor& actor = request.actor;
    if (!actor.member_name().empty()) return NamedMember{actor.member_kind(), actor.member_name()};
    return fail(invalid_argument("invalid_request",
                                 fmt::format("The request names no owner of the {}.", what))
                    .with_hint("Send \"user\" or \"service_account\"."));
}

void write_limits(json::JsonWriter& writer, std::string_view name, const tenancy::Limits& limits) {
    writer.key(name).begin_object();
    for (const tenancy::LimitField& field : tenancy::limit_fields()) {
        if (const auto& value = limits.*field.value) writer.key(field.name).uint64(*value);
    }
    writer.end_object();
}

void write_texts(json::JsonWriter& writer, std::string_view name,
                 const std::vector<std::string>& texts) {
    writer.key(name).begin_array();
    for (const std::string& text : texts) writer.string(text);
    writer.end_array();
}

}  // namespace insula::rest
