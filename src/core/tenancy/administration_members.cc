// Users and service accounts.
#include <fmt/format.h>

#include <algorithm>

#include "core/audit/catalog_record.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/administration_checks.h"
#include "core/tenancy/built_in_roles.h"
#include "core/tenancy/told_change.h"
#include "platform/crypto/password.h"
#include "platform/json/time_text.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;

namespace {

// A tenant without one could not be administered any more.
Status check_owner_left(const TenantView& view, const Member& without) {
    if (rank_of_roles(without.roles) != Rank::owner || without.disabled) return {};
    const auto others = view.members(MemberKind::user);
    const bool left = std::ranges::any_of(others, [&](const Member* other) {
        return other->name != without.name && !other->disabled &&
               rank_of_roles(other->roles) == Rank::owner;
    });
    if (left || without.kind != MemberKind::user) return {};
    return fail(
        Error(Code::failed_precondition, "last_owner", "This is the last user who owns the tenant.")
            .with_hint("Give another user the role owner first."));
}

}  // namespace

Result<TenantViewPtr> Administration::view(const Actor& actor) {
    return directory_.view(actor.tenant().id);
}

Status Administration::change(const Actor& actor,
                              const std::function<Change(const TenantView&)>& make) {
    return carry_out(actor.tenant().id, make);
}

Administration Administration::audited(audit::Entry told) const {
    Administration audited = *this;
    audited.told_ = std::move(told);
    return audited;
}

Status Administration::carry_out(const TenantId& id, const Directory::MakeChange& make) {
    return directory_.change(id, [&](const TenantView& view) -> Change {
        ASSIGN_OR_RETURN(ChangeDirectory change, make(view));
        if (told_) {
            audit::Entry entry = told_change(*told_, id, change);
            entry.id = audit::new_entry_id(random_);
            entry.time = clock_.wall_now();
            change.audit.push_back(audit::catalog_record(entry));
        }
        return change;
    });
}

Result<Member> Administration::changed(const Actor& actor, const TenantView& view, Member member,
                                       const MemberChanges& changes) const {
    if (changes.display_name) member.display_name = *changes.display_name;
    if (changes.email) member.email = *changes.email;
    if (changes.roles) member.roles = *changes.roles;
    if (changes.policies) member.policies = *changes.policies;
    if (changes.disabled) member.disabled = *changes.disabled;
    RETURN_IF_ERROR(check_text("A display name", member.display_name));
    RETURN_IF_ERROR(check_text("An e-mail address", member.email));
    if (member.roles.size() > kRolesMax || member.policies.size() > kRolesMax) {
        return fail(limit_reached("roles or policies of one member", kRolesMax));
    }
    for (const std::string& role : member.roles) {
        const bool known = find_built_in_role(role, view.is_platform()) || view.role(role);
        if (!known) return fail(no_such_role(role));
    }
    for (const std::string& policy : member.policies) {
        if (!view.policy(policy)) return fail(no_such_policy(policy));
    }
    RETURN_IF_ERROR(check_reaches(actor, rank_of_roles(member.roles)));
    return member;
}

Result<Member> Administration::add_member(const Actor& actor, MemberKind kind,
                                          std::string_view name, const MemberChanges& wanted) {
    RETURN_IF_ERROR(check_name(fmt::format("The name of a {}", noun(kind)), name));
    Member member;
    member.kind = kind;
    member.name = name;
    member.created_at = clock_.wall_now();
    const Status added = change(actor, [&](const TenantView& view) -> Change {
        if (view.member(kind, name)) return fail(exists(noun(kind), name));
        if (view.count(EntryKind::user) + view.count(EntryKind::service_account) >= kMembersMax) {
            return fail(limit_reached("users and service accounts", kMembersMax));
        }
        ASSIGN_OR_RETURN(member, changed(actor, view, std::move(member), wanted));
        ChangeDirectory change;
        change.put.push_back({entry_of(view.tenant().id, member)});
        return change;
    });
    RETURN_IF_ERROR(added);
    return member;
}

Result<Member> Administration::update_member(const Actor& actor, MemberKind kind,
                                             std::string_view name, const MemberChanges& changes) {
    Member member;
    const Status updated = change(actor, [&](const TenantView& view) -> Change {
        const Member* before = view.member(kind, name);
        if (before == nullptr) return fail(no_such_member(kind, name));
        RETURN_IF_ERROR(check_reaches(actor, rank_of_roles(before->roles)));
        ASSIGN_OR_RETURN(member, changed(actor, view, *before, changes));
        if (rank_of_roles(member.roles) != Rank::owner || member.disabled) {
            RETURN_IF_ERROR(check_owner_left(view, *before));
        }
        ChangeDirectory change;
        change.put.push_back(
            {entry_of(view.tenant().id, member), view.revision(entry_kind(kind), name)});
        return change;
    });
    RETURN_IF_ERROR(updated);
    return member;
}

Status Administration::set_password(const Actor& actor, std::string_view user,
                                    std::string_view password) {
    if (password.size() < kPasswordBytesMin) {
        return fail(invalid_argument(
            "password_too_short",
            fmt::format("A password has at least {} characters.", kPasswordBytesMin)));
    }
    ASSIGN_OR_RETURN(const TenantViewPtr before, directory_.view(actor.tenant().id));
    RETURN_IF_ERROR(member_to_act_for(actor, *before, MemberKind::user, user));
    ASSIGN_OR_RETURN(const std::string hash, crypto::hash_password(password));
    const Status set = change(actor, [&](const TenantView& view) -> Change {
        ASSIGN_OR_RETURN(const Member* held,
                         member_to_act_for(actor, view, MemberKind::user, user));
        Member member = *held;
        member.password_hash = hash;
        ChangeDirectory change;
        change.put.push_back(
            {entry_of(view.tenant().id, member), view.revision(EntryKind::user, user)});
        return change;
    });
    RETURN_IF_ERROR(set);
    // Those of this very second may be the next login's.
    const int64_t issued_until = clock_.wall_now() / json::kNanosPerSecond - 1;
    const std::string subject = principal_name(MemberKind::user, user);
    return revoke(actor, revocation_of_subject(subject), Rank::member, issued_until);
}

Status Administration::remove_member(const Actor& actor, MemberKind kind, std::string_view name) {
    return change(actor, [&](const TenantView& view) -> Change {
        const Member* member = view.member(kind, name);
        if (member == nullptr) return fail(no_such_member(kind, name));
        RETURN_IF_ERROR(check_reaches(actor, rank_of_roles(member->roles)));
        RETURN_IF_ERROR(check_owner_left(view, *member));
        ChangeDirectory change;
        change.remove.push_back({view.tenant().id, entry_kind(kind), std::string(name)});
        remove_keys_of(view, *member, change);
        return change;
    });
}

}  // namespace insula::tenancy
