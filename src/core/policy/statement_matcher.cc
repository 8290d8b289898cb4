#include "core/policy/statement_matcher.h"

#include <algorithm>

#include "core/policy/vocabulary.h"

namespace insula::policy {

StatementMatcher::StatementMatcher(const Request& request, PlantedFault fault)
    : request_(request),
      matching_{.context = request.context, .fault = fault},
      action_(fault == PlantedFault::action_case_matters ? std::string_view() : request.action) {
    const auto service = find_service(request.resource.service);
    if (service) service_ = 1u << *service;
}

bool StatementMatcher::principal_applies(const Statement& statement) const {
    const PrincipalList& list = statement.principals;
    if (matching_.planted(PlantedFault::principal_ignored)) return true;
    const bool named =
        list.everybody || (!request_.principal.empty() &&
                           std::ranges::find(list.names, request_.principal) != list.names.end());
    return named != list.negated;
}

bool StatementMatcher::action_applies(const Statement& statement) const {
    const std::string_view action =
        matching_.planted(PlantedFault::action_case_matters) ? request_.action : action_.view();
    const bool named = std::ranges::any_of(statement.actions.patterns,
                                           [&](const Pattern& one) { return one.matches(action); });
    if (matching_.planted(PlantedFault::not_action_as_action)) return named;
    return named != statement.actions.negated;
}

Match StatementMatcher::matches_resource(const ResourcePattern& pattern) const {
    if (pattern.everything) return Match::yes;
    const bool fits = (pattern.services & service_) != 0 ||
                      matching_.planted(PlantedFault::resource_service_ignored);
    return fits ? pattern.path.match(request_.resource.path, matching_) : Match::no;
}

Match StatementMatcher::resource_applies(const Statement& statement) const {
    if (request_.resource.path.size() > kPathBytesMax) return Match::no;
    Match named = Match::no;
    for (const ResourcePattern& pattern : statement.resources.patterns) {
        const Match one = matches_resource(pattern);
        if (one == Match::no) continue;
        named = one;
        if (one == Match::yes) break;
    }
    const bool negated =
        statement.resources.negated && !matching_.planted(PlantedFault::not_resource_as_resource);
    if (!negated) return named;
    if (named == Match::yes) return Match::no;
    // What is not known may be what the Allow leaves out; a Deny leaves nothing out for it.
    const bool unknown = named == Match::unresolved && statement.effect == Effect::allow &&
                         !matching_.planted(PlantedFault::unresolved_widens_allow);
    return unknown ? Match::unresolved : Match::yes;
}

bool StatementMatcher::conditions_apply(const Statement& statement) const {
    if (matching_.planted(PlantedFault::conditions_ignored)) return true;
    const auto holds = [&](const Condition& condition) {
        return condition_outcome(condition, statement.effect) == ConditionOutcome::holds;
    };
    if (matching_.planted(PlantedFault::one_condition_is_enough)) {
        return statement.conditions.empty() || std::ranges::any_of(statement.conditions, holds);
    }
    return std::ranges::all_of(statement.conditions, holds);
}

}  // namespace insula::policy
