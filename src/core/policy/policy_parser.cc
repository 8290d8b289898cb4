// From JSON to a compiled policy. Every complaint begins with the place: "Statement[2].Effect …".
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "base/check.h"
#include "base/nearest.h"
#include "core/policy/ascii_case.h"
#include "core/policy/policy.h"
#include "core/policy/shown_text.h"
#include "core/policy/statement_parts.h"

namespace insula::policy {

namespace {

using json::JsonCursor;
using json::JsonMember;
using json::JsonValue;
using namespace std::string_view_literals;

constexpr std::array kElements{"Version"sv, "Id"sv, "Statement"sv};
constexpr std::array kStatementElements{
    "Sid"sv,       "Effect"sv,   "Principal"sv,   "NotPrincipal"sv, "Action"sv,
    "NotAction"sv, "Resource"sv, "NotResource"sv, "Condition"sv,
};
constexpr std::array kVersions{"2012-10-17"sv, "2008-10-17"sv};
constexpr std::array kEffects{"Allow"sv, "Deny"sv};

struct Header {
    std::string_view version = "2008-10-17";  // as AWS has it where a policy names none
    std::string_view id;
    const JsonMember* statement = nullptr;
};

Error unknown_element(const JsonCursor& at, std::string_view name,
                      std::span<const std::string_view> known) {
    return policy_error(at, fmt::format("has the unknown element \"{}\".", shown(name)))
        .with_hint(did_you_mean(name, known) + (nearest_name(name, known).empty()
                                                    ? "Elements: " + joined(known) + "."
                                                    : std::string()));
}

Result<std::string_view> one_of(const JsonCursor& at, std::span<const std::string_view> words) {
    ASSIGN_OR_RETURN(const auto text, string_at(at, kTextBytesMax));
    if (std::ranges::find(words, text) == words.end()) {
        return fail(
            policy_error(at, fmt::format("is \"{}\"; it must be {}.", shown(text),
                                         fmt::format("\"{}\" or \"{}\"", words[0], words[1])))
                .with_hint(did_you_mean(text, words)));
    }
    return text;
}

Result<Header> read_header(const JsonCursor& root) {
    Header header;
    if (!root.value().is_object()) return fail(must_be(root, "an object"));
    for (const JsonMember& member : root.value().object()) {
        const JsonCursor at = root.member(member);
        if (member.name == "Version") {
            ASSIGN_OR_RETURN(header.version, one_of(at, kVersions));
        } else if (member.name == "Id") {
            ASSIGN_OR_RETURN(header.id, string_at(at, kPolicyIdBytesMax));
        } else if (member.name == "Statement") {
            header.statement = &member;
        } else {
            return fail(unknown_element(root, member.name, kElements));
        }
    }
    if (header.statement == nullptr) return fail(policy_error(root, "has no Statement."));
    return header;
}

// Letters and digits, as AWS has it, and what other systems' policies have between words.
Result<std::string_view> read_sid(const JsonCursor& at) {
    ASSIGN_OR_RETURN(const auto sid, string_at(at, kSidBytesMax));
    const bool fit = std::ranges::all_of(sid, [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == ' ' ||
               c == '-' || c == '_' || c == '.';
    });
    if (!fit) {
        return fail(policy_error(at, "may hold letters, digits, blanks, '-', '_' and '.' only."));
    }
    return sid;
}

// Reads one statement, an element after the other.
class StatementReader {
  public:
    StatementReader(const JsonCursor& at, PolicyKind kind, bool variables)
        : at_(at), kind_(kind), variables_(variables) {}

    Result<Statement> read() {
        if (!at_.value().is_object()) return fail(must_be(at_, "an object"));
        for (const JsonMember& member : at_.value().object()) {
            RETURN_IF_ERROR(read_element(member));
        }
        RETURN_IF_ERROR(check_elements());
        return std::move(statement_);
    }

  private:
    Status read_element(const JsonMember& member) {
        const JsonCursor at = at_.member(member);
        const auto known = std::ranges::find(kStatementElements, member.name);
        if (known == kStatementElements.end()) {
            return fail(unknown_element(at_, member.name, kStatementElements));
        }
        seen_.set(static_cast<size_t>(known - kStatementElements.begin()));
        if (member.name == "Sid") {
            ASSIGN_OR_RETURN(statement_.sid, read_sid(at));
        } else if (member.name == "Effect") {
            ASSIGN_OR_RETURN(const auto effect, one_of(at, kEffects));
            statement_.effect = effect == "Allow" ? Effect::allow : Effect::deny;
        } else if (member.name == "Principal" || member.name == "NotPrincipal") {
            ASSIGN_OR_RETURN(statement_.principals, read_principals(at));
        } else if (member.name == "Action" || member.name == "NotAction") {
            ASSIGN_OR_RETURN(statement_.actions, read_actions(at));
        } else if (member.name == "Resource" || member.name == "NotResource") {
            ASSIGN_OR_RETURN(statement_.resources, read_resources(at, variables_));
        } else {
            ASSIGN_OR_RETURN(statement_.conditions, read_conditions(at, variables_));
        }
        return {};
    }

    bool has(std::string_view element) const {
        const auto at = std::ranges::find(kStatementElements, element);
        return seen_.test(static_cast<size_t>(at - kStatementElements.begin()));
    }

    // One of the pair, and which: `negated` of the list.
    Status check_pair(std::string_view element, bool& negated) const {
        const std::string other = fmt::format("Not{}", element);
        if (has(element) && has(other)) {
            return fail(policy_error(
                at_, fmt::format("has both {} and {}; it takes one of them.", element, other)));
        }
        if (!has(element) && !has(other)) {
            return fail(policy_error(at_, fmt::format("has neither {} nor {}.", element, other)));
        }
        negated = has(other);
        return {};
    }

    Status check_elements() {
        if (!has("Effect")) {
            return fail(policy_error(at_, "has no Effect; it must be \"Allow\" or \"Deny\"."));
        }
        RETURN_IF_ERROR(check_pair("Action", statement_.actions.negated));
        RETURN_IF_ERROR(check_pair("Resource", statement_.resources.negated));
        RETURN_IF_ERROR(check_principals());
        return check_short_resources();
    }

    Status check_principals() {
        if (kind_ == PolicyKind::resource) {
            RETURN_IF_ERROR(check_pair("Principal", statement_.principals.negated));
            if (statement_.principals.negated && statement_.effect == Effect::allow) {
                return fail(policy_error(at_,
                                         "has NotPrincipal with \"Allow\", which would allow it to "
                                         "everybody else; use Principal."));
            }
            return {};
        }
        if (!has("Principal") && !has("NotPrincipal")) {
            statement_.principals.everybody = true;
            return {};
        }
        return fail(policy_error(at_,
                                 "has a principal, which only policies of resources have; an "
                                 "identity's policy is about whoever it is attached to."));
    }

    // "bucket/*" would be a path of Insula's services, and match nothing.
    Status check_short_resources() const {
        const JsonValue* actions = at_.value().find("Action");
        const JsonValue* resources = at_.value().find("Resource");
        if (actions == nullptr || resources == nullptr) return {};
        const auto of_aws = [](const JsonValue& action) {
            const std::string& text = action.string();
            const auto service = find_service(text.substr(0, text.find(':')));
            return service && services()[*service].partition == "aws";
        };
        const auto is_short = [](const JsonValue& resource) {
            return resource.string() != "*" && !resource.string().starts_with("arn:");
        };
        if (!std::ranges::all_of(list_of(*actions), of_aws)) return {};
        if (!std::ranges::any_of(list_of(*resources), is_short)) return {};
        return fail(policy_error(at_,
                                 "has a Resource without \"arn:\", which is one of Insula's own "
                                 "services; write arn:aws:s3:::bucket/key for those of S3."));
    }

    const JsonCursor& at_;
    const PolicyKind kind_;
    const bool variables_;
    std::bitset<kStatementElements.size()> seen_;
    Statement statement_;
};

Result<std::vector<Statement>> read_statements(const JsonCursor& at, PolicyKind kind,
                                               bool variables) {
    std::vector<Statement> statements;
    if (!at.value().is_array()) {
        ASSIGN_OR_RETURN(auto one, StatementReader(at, kind, variables).read());
        statements.push_back(std::move(one));
        return statements;
    }
    const size_t count = at.value().array().size();
    if (count == 0) return fail(policy_error(at, "has no statement."));
    if (count > kStatementsMax) {
        return fail(policy_error(
            at, fmt::format("has {} statements; at most {} are allowed.", count, kStatementsMax)));
    }
    for (size_t i = 0; i < count; ++i) {
        const JsonCursor item = at.item(i);
        ASSIGN_OR_RETURN(auto one, StatementReader(item, kind, variables).read());
        const auto same = [&](const Statement& other) {
            return !one.sid.empty() && other.sid == one.sid;
        };
        if (std::ranges::any_of(statements, same)) {
            return fail(
                policy_error(item, fmt::format("has the Sid \"{}\" of another one.", one.sid)));
        }
        statements.push_back(std::move(one));
    }
    return statements;
}

}  // namespace

std::string_view effect_name(Effect effect) { return effect == Effect::allow ? "Allow" : "Deny"; }

Result<Policy> Policy::parse(std::string_view text, PolicyKind kind) {
    const json::ParseLimits limits{
        .bytes_max = kPolicyBytesMax, .depth_max = kPolicyDepthMax, .subject = "policy"};
    ASSIGN_OR_RETURN(const auto document, JsonValue::parse(text, limits));
    const JsonCursor root(document);
    ASSIGN_OR_RETURN(const auto header, read_header(root));
    const JsonCursor statement = root.member(*header.statement);
    Policy policy;
    policy.kind_ = kind;
    policy.id_ = header.id;
    ASSIGN_OR_RETURN(policy.statements_,
                     read_statements(statement, kind, header.version == "2012-10-17"));
    return policy;
}

}  // namespace insula::policy
