#include "core/tenancy/administration_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/tenancy/planted_fault.h"
#include "platform/json/utf8.h"

namespace insula::tenancy {

using catalog::EntryKind;

namespace {

std::string said_missing(std::string_view what, std::string_view name) {
    return fmt::format("The tenant has no {} \"{}\".", what, name.substr(0, kNameBytesMax));
}

}  // namespace

EntryKind entry_kind(MemberKind kind) {
    return kind == MemberKind::user ? EntryKind::user : EntryKind::service_account;
}

std::string_view noun(MemberKind kind) {
    return kind == MemberKind::user ? "user" : "service account";
}

Error no_such_member(MemberKind kind, std::string_view name) {
    return not_found("member_not_found", said_missing(noun(kind), name));
}
Error no_such_key(std::string_view id) {
    return not_found("key_not_found", said_missing("key", id));
}
Error no_such_role(std::string_view name) {
    return not_found("role_not_found", said_missing("role", name));
}
Error no_such_policy(std::string_view name) {
    return not_found("policy_not_found", said_missing("policy", name));
}
Error no_such_grant(std::string_view id) {
    return not_found("grant_not_found", said_missing("grant", id));
}
Error no_such_plan(std::string_view name) {
    return not_found("plan_not_found", said_missing("plan", name));
}
Error no_such_tenant() { return not_found("tenant_not_found", "There is no such tenant."); }
Error exists(std::string_view what, std::string_view name) {
    return {Code::already_exists, "entry_exists",
            fmt::format("There is a {} \"{}\" already.", what, name)};
}
Error limit_reached(std::string_view what, size_t limit) {
    return Error(Code::failed_precondition, "entry_limit_reached",
                 fmt::format("There are as many {} as there may be ({}).", what, limit))
        .with_hint("Remove some that are not needed any more.");
}

Status check_text(std::string_view what, std::string_view text) {
    const bool printable =
        std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (text.size() <= kTextBytesMax && printable && json::valid_utf8(text)) return {};
    return fail(invalid_argument(
        "invalid_text", fmt::format("{} has at most {} bytes of UTF-8 and no control characters.",
                                    what, kTextBytesMax)));
}

Status check_reaches(const Actor& actor, Rank rank) {
    if (actor.rank() >= std::max(rank, Rank::admin)) return {};
    if (is_planted(PlantedFault::rank_is_not_asked)) return {};
    return fail(Error(Code::permission_denied, "exceeds_own_rights",
                      "This reaches further than the credential's own rights.")
                    .with_hint("Ask somebody with the role owner or admin."));
}

Result<const Member*> member_to_act_for(const Actor& actor, const TenantView& view, MemberKind kind,
                                        std::string_view name) {
    const Member* member = view.member(kind, name);
    if (member == nullptr) return fail(no_such_member(kind, name));
    const bool self = actor.principal() == principal_name(kind, name) && !view.is_platform() &&
                      !actor.has_scopes();
    if (!self) RETURN_IF_ERROR(check_reaches(actor, rank_of_roles(member->roles)));
    return member;
}

void remove_keys_of(const TenantView& view, const Member& member,
                    catalog::ChangeDirectory& change) {
    for (const ApiKey* key : view.keys()) {
        if (key->owner_kind != member.kind || key->owner != member.name) continue;
        change.remove.push_back({view.tenant().id, EntryKind::api_key, key->id});
    }
}

}  // namespace insula::tenancy
