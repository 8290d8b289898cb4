#include "core/policy/statement_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "core/policy/ascii_case.h"
#include "core/policy/shown_text.h"
#include "core/policy/vocabulary.h"

namespace insula::policy {

namespace {

using json::JsonCursor;
using json::JsonMember;
using json::JsonValue;

constexpr std::string_view kUserPrefix = "user/";
constexpr std::string_view kPrincipalArnPrefix = "arn:insula:tenant:::";

// Calls `read` with the cursor of each item of a list, or of the one value in its place.
template <class Read>
Status for_each_item(const JsonCursor& at, size_t items_max, Read read) {
    if (!at.value().is_array()) return read(at);
    const size_t count = at.value().array().size();
    if (count == 0) return fail(policy_error(at, "is empty; it must name at least one."));
    if (count > items_max) {
        return fail(policy_error(
            at, fmt::format("has {} items; at most {} are allowed.", count, items_max)));
    }
    for (size_t i = 0; i < count; ++i) RETURN_IF_ERROR(read(at.item(i)));
    return {};
}

std::vector<std::string_view> service_names() {
    std::vector<std::string_view> names;
    for (const Service& service : services()) names.push_back(service.name);
    return names;
}

Error unknown_service(const JsonCursor& at, std::string_view name) {
    const auto names = service_names();
    return policy_error(at, fmt::format("names the unknown service \"{}\".", shown(name)))
        .with_hint(nearest_name(name, names).empty() ? "Services: " + joined(names) + "."
                                                     : did_you_mean(name, names));
}

// "tables:Wr*" must stand for an operation that there is, where the operations are known.
Status check_verb(const JsonCursor& at, const Service& service, std::string_view verb) {
    if (service.verbs.empty()) return {};
    const Pattern pattern = parse_pattern(lowered(verb));
    const bool known = std::ranges::any_of(service.verbs, [&](std::string_view one) {
        return pattern.matches(LowerCase(one).view());
    });
    if (known) return {};
    const std::string_view nearest = nearest_name(verb, service.verbs);
    return fail(policy_error(at, fmt::format("is \"{}:{}\", which stands for no action of {}.",
                                             service.name, shown(verb), service.name))
                    .with_hint(nearest.empty() ? "Actions: " + joined(service.verbs) + "."
                                               : fmt::format("Did you mean \"{}:{}\"?",
                                                             service.name, nearest)));
}

Result<Pattern> read_action(const JsonCursor& at) {
    ASSIGN_OR_RETURN(const auto text, string_at(at, kActionBytesMax));
    if (text != "*") {
        const size_t colon = text.find(':');
        if (colon == std::string_view::npos) {
            return fail(policy_error(
                at, fmt::format("is \"{}\"; an action is written \"service:Verb\".", shown(text))));
        }
        const std::string_view name = text.substr(0, colon);
        const auto service = find_service(name);
        if (!service && name != "*") return fail(unknown_service(at, name));
        const std::string_view verb = text.substr(colon + 1);
        if (verb.empty()) return fail(policy_error(at, "has no verb behind the colon."));
        if (service) RETURN_IF_ERROR(check_verb(at, services()[*service], verb));
    }
    Pattern pattern = parse_pattern(lowered(text));
    if (pattern.longest_searched_run() > kWildcardRunBytesMax) {
        return fail(policy_error(at, fmt::format("has a '?' in a piece of more than {} bytes "
                                                 "between two '*'.",
                                                 kWildcardRunBytesMax)));
    }
    return pattern;
}

// Services whose partition and name the ARN's first parts match.
uint32_t matching_services(const ArnTemplate& arn) {
    uint32_t found = 0;
    for (size_t i = 0; i < services().size(); ++i) {
        const Service& service = services()[i];
        const bool fits = arn.part(1).fixed().matches(service.partition) &&
                          arn.part(2).fixed().matches(service.name);
        if (fits) found |= 1u << i;
    }
    return found;
}

uint32_t services_of_insula() {
    uint32_t found = 0;
    for (size_t i = 0; i < services().size(); ++i) {
        if (services()[i].partition == "insula") found |= 1u << i;
    }
    return found;
}

Result<ResourcePattern> read_arn(const JsonCursor& at, std::string_view text,
                                 const TextSyntax& syntax) {
    auto arn = ArnTemplate::parse(text, syntax);
    if (!arn) return fail(placed(at, arn.error()));
    for (size_t i = 0; i + 1 < kArnParts; ++i) {
        if (!arn->part(i).has_variables()) continue;
        return fail(policy_error(at,
                                 "has a variable before the fifth colon; variables may stand "
                                 "behind it."));
    }
    if (!arn->part(3).fixed().matches("") || !arn->part(4).fixed().matches("")) {
        return fail(policy_error(at,
                                 "names a region or an account; both are left empty here, as in "
                                 "arn:aws:s3:::bucket/key."));
    }
    const TextTemplate& path = arn->part(5);
    if (!path.has_variables() && !path.fixed().has_wildcards() && path.fixed().matches("")) {
        return fail(policy_error(at, "ends before its path, as in arn:aws:s3:::bucket/key."));
    }
    const uint32_t found = matching_services(*arn);
    if (found == 0) {
        return fail(policy_error(at, fmt::format("is \"{}\", which names no service.", shown(text)))
                        .with_hint("Resources begin with arn:aws:s3:::, or with arn:insula: and "
                                   "one of: " +
                                   joined(service_names()) + "."));
    }
    return ResourcePattern{.everything = false, .services = found, .path = path};
}

Result<ResourcePattern> read_resource(const JsonCursor& at, bool variables) {
    ASSIGN_OR_RETURN(const auto text, string_at(at, kTextBytesMax));
    if (text == "*") return ResourcePattern{.everything = true, .services = 0, .path = {}};
    if (text.empty()) return fail(policy_error(at, "is empty."));
    const TextSyntax syntax{.wildcards = true, .variables = variables, .ignore_case = false};
    if (text.starts_with("arn:")) return read_arn(at, text, syntax);
    auto path = TextTemplate::parse(text, syntax);
    if (!path) return fail(placed(at, path.error()));
    return ResourcePattern{
        .everything = false, .services = services_of_insula(), .path = *std::move(path)};
}

// "alice", "user/alice", "arn:insula:tenant:::user/alice" -> "user/alice".
Result<std::string> read_principal(const JsonCursor& at) {
    ASSIGN_OR_RETURN(auto text, string_at(at, kTextBytesMax));
    const std::string_view written = text;
    if (text.starts_with(kPrincipalArnPrefix)) {
        text.remove_prefix(kPrincipalArnPrefix.size());
    } else if (text.starts_with("arn:")) {
        return fail(policy_error(at, fmt::format("is \"{}\", which is no principal of Insula.",
                                                 shown(written)))
                        .with_hint("Write a user's name, or arn:insula:tenant:::user/name."));
    }
    if (text.empty()) return fail(policy_error(at, "is empty."));
    if (text.find_first_of("*?") != std::string_view::npos) {
        return fail(policy_error(at, fmt::format("is \"{}\"; a principal is \"*\" for everybody, "
                                                 "or a whole name.",
                                                 shown(written))));
    }
    const bool bare = text.find('/') == std::string_view::npos;
    return bare ? std::string(kUserPrefix).append(text) : std::string(text);
}

Status read_principal_names(const JsonCursor& at, PrincipalList& list) {
    return for_each_item(at, kPrincipalsMax, [&](const JsonCursor& item) -> Status {
        if (item.value() == JsonValue(std::string("*"))) {
            list.everybody = true;
            return {};
        }
        ASSIGN_OR_RETURN(auto name, read_principal(item));
        list.names.push_back(std::move(name));
        return {};
    });
}

Result<std::string> value_text(const JsonCursor& at) {
    const JsonValue& value = at.value();
    if (value.is_string()) return value.string();
    if (value.is_number() || value.kind() == JsonValue::Kind::boolean) return value.text();
    return fail(must_be(at, "a string, a number, true or false"));
}

Result<KeyName> read_key(const JsonCursor& at, const JsonCursor& key_at, const JsonMember& member,
                         const Operator& op) {
    const auto key = find_key(member.name);
    if (!key) {
        return fail(
            policy_error(at, fmt::format("names the unknown key \"{}\".", shown(member.name)))
                .with_hint(key_hint(member.name)));
    }
    const bool needs_qualifier =
        key_info(key->key).multivalued && op.qualifier == SetQualifier::none;
    if (needs_qualifier && op.kind != ValueKind::null) {
        return fail(policy_error(key_at, fmt::format("has several values in a request; say "
                                                     "\"ForAllValues:{0}\" or \"ForAnyValue:{0}\".",
                                                     op.name)));
    }
    return *key;
}

Status read_operator(const JsonCursor& at, const JsonMember& member, bool variables,
                     std::vector<Condition>& conditions) {
    const auto op = parse_operator(member.name);
    const JsonCursor keys = at.member(member);
    if (!op) return fail(placed(at, op.error()));
    if (!keys.value().is_object()) return fail(must_be(keys, "an object of keys and values"));
    if (keys.value().object().empty()) return fail(policy_error(keys, "names no key."));
    const size_t first = conditions.size();
    for (const JsonMember& entry : keys.value().object()) {
        const JsonCursor key_at = keys.member(entry);
        ASSIGN_OR_RETURN(auto key, read_key(keys, key_at, entry, *op));
        const auto same = [&](const Condition& other) { return other.key() == key; };
        if (std::any_of(conditions.begin() + static_cast<ptrdiff_t>(first), conditions.end(),
                        same)) {
            return fail(policy_error(key_at, "stands twice; the case of a key does not count."));
        }
        if (conditions.size() == kConditionsMax) {
            return fail(policy_error(
                key_at, fmt::format("is one condition too many; a statement may have {}.",
                                    kConditionsMax)));
        }
        Condition condition({.op = *op,
                             .key = std::move(key),
                             .written_operator = member.name,
                             .written_key = entry.name,
                             .variables = variables});
        RETURN_IF_ERROR(for_each_item(key_at, kValuesMax, [&](const JsonCursor& item) -> Status {
            ASSIGN_OR_RETURN(const auto text, value_text(item));
            const Status added = condition.add_value(text);
            return added ? Status() : fail(placed(item, added.error()));
        }));
        conditions.push_back(std::move(condition));
    }
    return {};
}

}  // namespace

Error policy_error(const JsonCursor& at, std::string_view complaint) {
    const std::string path = at.path();
    return invalid_argument(
        "invalid_policy",
        fmt::format("{} {}", path == "The request" ? "The policy" : path, complaint));
}

Error must_be(const JsonCursor& at, std::string_view expected) {
    return policy_error(
        at, fmt::format("must be {}; it is {}.", expected, json::kind_phrase(at.value().kind())));
}

Error placed(const JsonCursor& at, const Error& error) {
    return policy_error(at, error.message()).with_hint(std::string(error.hint()));
}

Result<std::string_view> string_at(const JsonCursor& at, size_t bytes_max) {
    if (!at.value().is_string()) return fail(must_be(at, "a string"));
    const std::string& text = at.value().string();
    if (text.size() > bytes_max) {
        return fail(policy_error(
            at, fmt::format("has {} bytes; at most {} are allowed.", text.size(), bytes_max)));
    }
    return std::string_view(text);
}

std::span<const JsonValue> list_of(const JsonValue& value) {
    if (value.is_array()) return value.array();
    return {&value, 1};
}

Result<PrincipalList> read_principals(const JsonCursor& at) {
    PrincipalList list;
    if (at.value() == JsonValue(std::string("*"))) {
        list.everybody = true;
        return list;
    }
    if (!at.value().is_object()) {
        return fail(policy_error(at, "must be \"*\" or {\"AWS\": …}."));
    }
    for (const JsonMember& member : at.value().object()) {
        if (member.name != "AWS") {
            return fail(policy_error(at, fmt::format("has \"{}\"; principals are named under "
                                                     "\"AWS\" only.",
                                                     shown(member.name))));
        }
        RETURN_IF_ERROR(read_principal_names(at.member(member), list));
    }
    if (!list.everybody && list.names.empty()) return fail(policy_error(at, "names nobody."));
    return list;
}

Result<ActionList> read_actions(const JsonCursor& at) {
    ActionList list;
    RETURN_IF_ERROR(for_each_item(at, kActionsMax, [&](const JsonCursor& item) -> Status {
        ASSIGN_OR_RETURN(auto pattern, read_action(item));
        list.patterns.push_back(std::move(pattern));
        return {};
    }));
    return list;
}

Result<ResourceList> read_resources(const JsonCursor& at, bool variables) {
    ResourceList list;
    RETURN_IF_ERROR(for_each_item(at, kResourcesMax, [&](const JsonCursor& item) -> Status {
        ASSIGN_OR_RETURN(auto pattern, read_resource(item, variables));
        list.patterns.push_back(std::move(pattern));
        return {};
    }));
    return list;
}

Result<std::vector<Condition>> read_conditions(const JsonCursor& at, bool variables) {
    if (!at.value().is_object()) return fail(must_be(at, "an object of operators"));
    std::vector<Condition> conditions;
    for (const JsonMember& member : at.value().object()) {
        RETURN_IF_ERROR(read_operator(at, member, variables, conditions));
    }
    return conditions;
}

}  // namespace insula::policy
