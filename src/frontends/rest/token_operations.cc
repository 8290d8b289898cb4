// Operations on tokens.
#include <array>

#include "frontends/rest/operation.h"

namespace insula::rest {

namespace {

using tenancy::MemberKind;

constexpr std::array<std::string_view, 4> kIssueKeys{"user", "service_account", "scopes",
                                                     "expires_in_seconds"};
constexpr std::array<std::string_view, 4> kRevokeKeys{"id", "user", "service_account", "all"};
constexpr uint64_t kTokenSeconds = 3600;  // where the request does not say
constexpr size_t kScopesMax = 16;

}  // namespace

Result<OperationAnswer> issue_token(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kIssueKeys));
    ASSIGN_OR_RETURN(const auto owner, read_member(request, fields, "token"));
    tenancy::NewToken wanted{.owner_kind = owner.kind, .owner = owner.name};
    ASSIGN_OR_RETURN(auto scopes, fields.texts("scopes", kScopesMax));
    if (scopes) wanted.scopes = *std::move(scopes);
    ASSIGN_OR_RETURN(const auto seconds,
                     fields.whole_number("expires_in_seconds", tenancy::kTokenLifetimeSecondsMax));
    wanted.lasts = std::chrono::seconds(seconds.value_or(kTokenSeconds));
    ASSIGN_OR_RETURN(const auto issued, request.administration.issue_token(request.actor, wanted));
    return answer_with(
        [&](json::JsonWriter& writer) {
            writer.begin_object();
            writer.key("id").string(issued.id);
            writer.key("token").string(issued.token);
            write_texts(writer, "scopes", wanted.scopes);
            writer.key("expires_at").timestamp(issued.expires_at);
            writer.end_object();
        },
        201);
}

Result<OperationAnswer> revoke_tokens(const OperationRequest& request) {
    ASSIGN_OR_RETURN(const BodyFields fields, BodyFields::read(request.body, kRevokeKeys));
    ASSIGN_OR_RETURN(const auto id, fields.text("id"));
    ASSIGN_OR_RETURN(const auto user, fields.text("user"));
    ASSIGN_OR_RETURN(const auto account, fields.text("service_account"));
    ASSIGN_OR_RETURN(const auto all, fields.boolean("all"));
    const int named = int{id.has_value()} + int{user.has_value()} + int{account.has_value()} +
                      int{all.value_or(false)};
    if (named != 1) {
        return fail(invalid_argument(
            "invalid_request",
            "The request names one token (\"id\"), one member (\"user\" or \"service_account\"), "
            "or \"all\": true."));
    }
    tenancy::Administration& administration = request.administration;
    if (id) {
        RETURN_IF_ERROR(administration.revoke_token(request.actor, *id));
    } else if (all) {
        RETURN_IF_ERROR(administration.revoke_all_tokens(request.actor));
    } else {
        const MemberKind kind = user ? MemberKind::user : MemberKind::service_account;
        RETURN_IF_ERROR(administration.revoke_tokens(request.actor, kind, user ? *user : *account));
    }
    return answer_with([&](json::JsonWriter& writer) {
        writer.begin_object().key("revoked").boolean(true);
        writer.end_object();
    });
}

}  // namespace insula::rest
