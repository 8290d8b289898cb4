// Roles and policies.
#include <fmt/format.h>

#include <algorithm>

#include "core/policy/policy.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/administration_checks.h"
#include "core/tenancy/built_in_roles.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;

Result<Role> Administration::put_role(const Actor& actor, Role role) {
    RETURN_IF_ERROR(check_name("The name of a role", role.name));
    RETURN_IF_ERROR(check_text("The description of a role", role.description));
    const Status put = change(actor, [&](const TenantView& view) -> Change {
        RETURN_IF_ERROR(check_reaches(actor, Rank::admin));
        if (find_built_in_role(role.name, view.is_platform())) {
            return fail(exists("built-in role", role.name));
        }
        if (role.policies.size() > kRolesMax) {
            return fail(limit_reached("policies of one role", kRolesMax));
        }
        for (const std::string& policy : role.policies) {
            if (!view.policy(policy)) return fail(no_such_policy(policy));
        }
        const Role* before = view.role(role.name);
        if (before == nullptr && view.roles().size() >= kRolesOfTenantMax) {
            return fail(limit_reached("roles", kRolesOfTenantMax));
        }
        role.created_at = before != nullptr ? before->created_at : clock_.wall_now();
        ChangeDirectory change;
        change.put.push_back(
            {entry_of(view.tenant().id, role), view.revision(EntryKind::role, role.name)});
        return change;
    });
    RETURN_IF_ERROR(put);
    return role;
}

Status Administration::remove_role(const Actor& actor, std::string_view name) {
    return change(actor, [&](const TenantView& view) -> Change {
        RETURN_IF_ERROR(check_reaches(actor, Rank::admin));
        if (view.role(name) == nullptr) return fail(no_such_role(name));
        ChangeDirectory change;
        change.remove.push_back({view.tenant().id, EntryKind::role, std::string(name)});
        return change;
    });
}

Result<PolicyDocument> Administration::put_policy(const Actor& actor, PolicyDocument policy) {
    RETURN_IF_ERROR(check_name("The name of a policy", policy.name));
    RETURN_IF_ERROR(check_text("The description of a policy", policy.description));
    ASSIGN_OR_RETURN([[maybe_unused]] const policy::Policy parsed,
                     policy::Policy::parse(policy.document, policy::PolicyKind::identity));
    const Status put = change(actor, [&](const TenantView& view) -> Change {
        RETURN_IF_ERROR(check_reaches(actor, Rank::admin));
        const PolicyDocument* before = view.policy(policy.name);
        if (before == nullptr && view.policies().size() >= kPoliciesOfTenantMax) {
            return fail(limit_reached("policies", kPoliciesOfTenantMax));
        }
        policy.created_at = before != nullptr ? before->created_at : clock_.wall_now();
        ChangeDirectory change;
        change.put.push_back(
            {entry_of(view.tenant().id, policy), view.revision(EntryKind::policy, policy.name)});
        return change;
    });
    RETURN_IF_ERROR(put);
    return policy;
}

Result<Simulation> Administration::simulate(const Actor& actor, const SimulatedRequest& wanted) {
    ASSIGN_OR_RETURN(const TenantViewPtr view, directory_.view(actor.tenant().id));
    return tenancy::simulate(*view, wanted, clock_.wall_now());
}

Status Administration::remove_policy(const Actor& actor, std::string_view name) {
    return change(actor, [&](const TenantView& view) -> Change {
        RETURN_IF_ERROR(check_reaches(actor, Rank::admin));
        if (view.policy(name) == nullptr) return fail(no_such_policy(name));
        ChangeDirectory change;
        change.remove.push_back({view.tenant().id, EntryKind::policy, std::string(name)});
        return change;
    });
}

}  // namespace insula::tenancy
