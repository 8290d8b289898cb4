#include "core/tenancy/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/policy/context_table.h"
#include "core/tenancy/administration_checks.h"
#include "core/tenancy/rank.h"
#include "platform/json/time_text.h"

namespace insula::tenancy {

namespace {

constexpr std::string_view kSimulated = "the simulated policy";

// What every request has, unless it is given.
Status add_known(const TenantView& view, const SimulatedRequest& wanted, WallNanos now,
                 policy::ContextTable& context) {
    const std::vector<std::pair<std::string, std::string>> known{
        {"aws:CurrentTime", json::timestamp_text(now)},
        {"aws:EpochTime", std::to_string(now / 1'000'000'000)},
        {"aws:username", wanted.member},
        {"aws:PrincipalType", wanted.member_kind == MemberKind::user ? "User" : "ServiceAccount"},
        {"insula:TenantId", view.tenant().id.to_string()},
        {"insula:TenantSlug", view.tenant().slug},
    };
    for (const auto& [key, value] : known) {
        const auto name = policy::find_key(key);
        const bool given = std::ranges::any_of(
            wanted.context, [&](const auto& pair) { return policy::find_key(pair.first) == name; });
        if (!given) RETURN_IF_ERROR(context.add(key, value));
    }
    return {};
}

}  // namespace

Result<Simulation> simulate(const TenantView& view, const SimulatedRequest& wanted, WallNanos now) {
    const Member* member = view.member(wanted.member_kind, wanted.member);
    if (member == nullptr) return fail(no_such_member(wanted.member_kind, wanted.member));
    if (!policy::is_action(wanted.action)) {
        return fail(invalid_argument("unknown_action",
                                     fmt::format("There is no action \"{}\".", wanted.action))
                        .with_hint("Actions are written as in \"tables:Write\"; "
                                   "docs/reference/policies.md lists them."));
    }
    policy::ContextTable context;
    RETURN_IF_ERROR(add_known(view, wanted, now, context));
    for (const auto& [key, value] : wanted.context) RETURN_IF_ERROR(context.add(key, value));
    const auto rights = view.rights(*member);
    std::vector<policy::AttachedPolicy> policies(rights.begin(), rights.end());
    std::optional<policy::Policy> simulated;
    if (wanted.policy) {
        ASSIGN_OR_RETURN(simulated,
                         policy::Policy::parse(*wanted.policy, policy::PolicyKind::identity));
        policies.push_back({kSimulated, &*simulated});
    }
    const std::string principal = principal_name(member->kind, member->name);
    const policy::Request request{.action = wanted.action,
                                  .resource = policy::resource_of(wanted.action, wanted.resource),
                                  .principal = principal,
                                  .context = context};
    const policy::Explanation explanation = policy::explain(policies, request);
    Simulation simulation{.allowed = explanation.decision.allowed,
                          .decided_by = policy::describe(explanation.decision)};
    for (const auto& statement : explanation.statements) {
        simulation.statements.push_back(statement.describe(request));
    }
    // What the gate asks beside policies.
    if (member->disabled) {
        simulation.allowed = false;
        simulation.decided_by = "The member is disabled.";
    } else if (is_owners_action(wanted.action) && rank_of_roles(member->roles) != Rank::owner) {
        simulation.allowed = false;
        simulation.decided_by = "Only an owner may, whatever policies say.";
    } else if (!view.is_platform() && is_platform_action(wanted.action)) {
        simulation.allowed = false;
        simulation.decided_by =
            "It is an action of the platform, which no policy of a tenant opens.";
    }
    return simulation;
}

}  // namespace insula::tenancy
