// Plans: limits that several tenants have.
#include "core/tenancy/administration.h"
#include "core/tenancy/administration_checks.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;
using catalog::EntryKind;

Result<std::vector<Plan>> Administration::plans() {
    ASSIGN_OR_RETURN(const TenantViewPtr platform, directory_.view(TenantId()));
    std::vector<Plan> plans;
    for (const Plan* plan : platform->plans()) plans.push_back(*plan);
    return plans;
}

Result<Plan> Administration::put_plan(Plan plan) {
    RETURN_IF_ERROR(check_name("The name of a plan", plan.name));
    RETURN_IF_ERROR(check_text("The description of a plan", plan.description));
    RETURN_IF_ERROR(check_limits(plan.limits));
    const Status put = carry_out(TenantId(), [&](const TenantView& platform) -> Change {
        const Plan* before = platform.plan(plan.name);
        if (before == nullptr && platform.plans().size() >= kPlansMax) {
            return fail(limit_reached("plans", kPlansMax));
        }
        plan.created_at = before != nullptr ? before->created_at : clock_.wall_now();
        ChangeDirectory change;
        change.put.push_back({entry_of(plan), platform.revision(EntryKind::plan, plan.name)});
        return change;
    });
    RETURN_IF_ERROR(put);
    return plan;
}

Status Administration::remove_plan(std::string_view name) {
    return carry_out(TenantId(), [&](const TenantView& platform) -> Change {
        if (platform.plan(name) == nullptr) return fail(no_such_plan(name));
        if (directory_.is_plan_in_use(name)) {
            return fail(Error(Code::failed_precondition, "plan_in_use",
                              "Tenants are on the plan \"" + std::string(name) + "\".")
                            .with_hint("Give them another plan first."));
        }
        ChangeDirectory change;
        change.remove.push_back({TenantId(), EntryKind::plan, std::string(name)});
        return change;
    });
}

}  // namespace insula::tenancy
