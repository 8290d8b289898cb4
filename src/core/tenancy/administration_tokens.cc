// Tokens: issued for a while, and revoked before it is over.
#include <fmt/format.h>

#include <algorithm>

#include "core/tenancy/administration.h"
#include "core/tenancy/administration_checks.h"
#include "platform/json/time_text.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;

namespace {

Status check_scopes(const std::vector<std::string>& scopes) {
    for (const std::string& scope : scopes) {
        if (find_scope(scope) != nullptr) continue;
        return fail(
            invalid_argument("invalid_scope", fmt::format("There is no scope \"{}\".", scope))
                .with_hint(fmt::format("Scopes: {}. Without any, a token may do what its member "
                                       "may.",
                                       fmt::join(scope_names(), ", "))));
    }
    return {};
}

// Makes room for one more; as many as one change takes.
void forget_revocations(const TenantView& view, int64_t now, ChangeDirectory& change) {
    for (const Revocation* old : view.revocations()) {
        if (change.remove.size() == catalog::kDirectoryEntriesMax / 2) return;
        if (old->forget_at > now) continue;
        change.remove.push_back({view.tenant().id, EntryKind::revocation, old->name});
    }
}

}  // namespace

Result<IssuedToken> Administration::issue_token(const Actor& actor, const NewToken& wanted) {
    RETURN_IF_ERROR(check_scopes(wanted.scopes));
    const auto lasts = wanted.lasts.count();
    if (lasts <= 0 || lasts > kTokenLifetimeSecondsMax) {
        return fail(invalid_argument(
            "invalid_duration",
            fmt::format("A token lasts 1 to {} seconds.", kTokenLifetimeSecondsMax)));
    }
    // Or it would go on for ever, one token after the other.
    if (actor.has_token()) {
        return fail(Error(Code::permission_denied, "exceeds_own_rights",
                          "A token is issued to a key, not to another token."));
    }
    ASSIGN_OR_RETURN(const TenantViewPtr view, directory_.view(actor.tenant().id));
    if (view->is_platform()) return fail(no_such_tenant());
    RETURN_IF_ERROR(member_to_act_for(actor, *view, wanted.owner_kind, wanted.owner));
    const int64_t now = clock_.wall_now() / json::kNanosPerSecond;
    const std::string subject = principal_name(wanted.owner_kind, wanted.owner);
    const int64_t issued_at = std::max(now, view->tokens_count_from(subject));
    const TokenClaims claims{.subject = subject,
                             .tenant = view->tenant().id,
                             .scopes = wanted.scopes,
                             .issued_at = issued_at,
                             .not_before = now,
                             .expires_at = issued_at + lasts,
                             .id = make_id(random_, "token_")};
    ASSIGN_OR_RETURN(std::string token, tokens_.issue(claims));
    return IssuedToken{.id = claims.id,
                       .token = std::move(token),
                       .expires_at = claims.expires_at * json::kNanosPerSecond};
}

Status Administration::revoke_token(const Actor& actor, std::string_view id) {
    if (id.empty() || id.size() > kTokenNameBytesMax) {
        return fail(not_found("token_not_found", "No token has this id."));
    }
    return revoke(actor, revocation_of_token(id), Rank::admin);
}

Status Administration::revoke_tokens(const Actor& actor, MemberKind kind, std::string_view owner) {
    ASSIGN_OR_RETURN(const TenantViewPtr view, directory_.view(actor.tenant().id));
    RETURN_IF_ERROR(member_to_act_for(actor, *view, kind, owner));
    return revoke(actor, revocation_of_subject(principal_name(kind, owner)), Rank::member);
}

Status Administration::revoke_all_tokens(const Actor& actor) {
    return revoke(actor, std::string(kAllTokens), Rank::admin);
}

Status Administration::revoke(const Actor& actor, std::string name, Rank rank,
                              std::optional<int64_t> issued_until) {
    if (rank != Rank::member) RETURN_IF_ERROR(check_reaches(actor, rank));
    const int64_t now = clock_.wall_now() / json::kNanosPerSecond;
    const Revocation revocation{
        .name = std::move(name),
        // The clocks of those who issue may be ahead. A token that is issued after this one is of
        // a later second by its own word, and counts at once: see tokens_count_from().
        .issued_until = issued_until.value_or(now + kTokenSkewSeconds - 1),
        .forget_at = now + kTokenLifetimeSecondsMax + 2 * kTokenSkewSeconds};
    return change(actor, [&](const TenantView& view) -> Change {
        ChangeDirectory change;
        forget_revocations(view, now, change);
        const uint64_t before = view.revision(EntryKind::revocation, revocation.name);
        const size_t kept = view.count(EntryKind::revocation) - change.remove.size();
        const bool is_new = before == 0;
        if (is_new && revocation.name != kAllTokens && kept >= kRevocationsMax) {
            return fail(limit_reached("revocations of one tenant", kRevocationsMax));
        }
        std::erase_if(change.remove,
                      [&](const catalog::EntryName& gone) { return gone.name == revocation.name; });
        change.put.push_back({entry_of(view.tenant().id, revocation), before});
        return change;
    });
}

}  // namespace insula::tenancy
