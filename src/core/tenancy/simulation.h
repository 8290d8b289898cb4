// What would become of a request of somebody's, and why: `insula policy simulate`. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/policy/explain.h"
#include "core/tenancy/tenant_view.h"
#include "platform/runtime/clock.h"

namespace insula::tenancy {

struct SimulatedRequest {
    MemberKind member_kind = MemberKind::user;
    std::string member;
    std::string action;    // "tables:Write"
    std::string resource;  // "source/orders"
    // Condition keys and their values. What the gate knows of every request is there already:
    // time, tenant, member; what is given comes in its place.
    std::vector<std::pair<std::string, std::string>> context;
    std::optional<std::string> policy;  // a document, as if the member had it as well
};

struct Simulation {
    bool allowed = false;
    std::string decided_by;               // "The statement …", or why none did
    std::vector<std::string> statements;  // each of them, and why it applies or does not
};

// not_found `member_not_found`; invalid_argument `unknown_action`, `invalid_context`, and what is
// wrong with the policy.
Result<Simulation> simulate(const TenantView& view, const SimulatedRequest& wanted, WallNanos now);

}  // namespace insula::tenancy
