#include "core/policy/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "core/policy/statement_matcher.h"

namespace insula::policy {

namespace {

ConditionExplanation explain_condition(const Condition& condition, Effect effect,
                                       const StatementMatcher& matcher, const Request& request) {
    ConditionExplanation made{.op = condition.written_operator(),
                              .key = condition.written_key(),
                              .outcome = matcher.condition_outcome(condition, effect),
                              .values = {}};
    for (const std::string_view value : request.context.values(condition.key())) {
        made.values.emplace_back(value);
    }
    return made;
}

std::string values_text(std::span<const std::string> values) {
    return fmt::format("\"{}\"", fmt::join(values, "\", \""));
}

std::string describe_condition(const ConditionExplanation& condition) {
    const std::string what = fmt::format("its Condition {} on {}", condition.op, condition.key);
    switch (condition.outcome) {
        case ConditionOutcome::holds:
            return what + " holds";
        case ConditionOutcome::key_missing:
            return what + " does not hold: the request has no such key";
        case ConditionOutcome::value_differs:
            return fmt::format("{} does not hold: the request has {}", what,
                               values_text(condition.values));
        case ConditionOutcome::value_excluded:
            return fmt::format("{} does not hold: it excludes {}", what,
                               values_text(condition.values));
        case ConditionOutcome::variable_missing:
            return what + " does not hold: the request has nothing for a variable in it";
        case ConditionOutcome::value_too_long:
            return fmt::format("{} does not hold: the request's value is longer than {} bytes",
                               what, kValueBytesMax);
    }
    check_failed(__FILE__, __LINE__, "outcome", "unknown outcome of a condition");
}

}  // namespace

bool StatementExplanation::applies() const {
    return principal && action && resource &&
           std::ranges::all_of(conditions, &ConditionExplanation::holds);
}

std::string StatementExplanation::describe(const Request& request) const {
    const std::string name = sid.empty() ? fmt::format("Statement[{}]", statement)
                                         : fmt::format("Statement[{}] \"{}\"", statement, sid);
    std::vector<std::string> reasons;
    if (!principal) {
        reasons.push_back(request.principal.empty()
                              ? "it is not for requests without a principal"
                              : fmt::format("it is not for {}", request.principal));
    }
    if (!action) reasons.push_back(fmt::format("it is not about {}", request.action));
    if (resource_variable_missing) {
        reasons.emplace_back("the request has nothing for a variable in its Resource");
    } else if (!resource) {
        reasons.push_back(fmt::format("it is not about {}", resource_arn(request.resource)));
    }
    for (const ConditionExplanation& condition : conditions) {
        if (!condition.holds()) reasons.push_back(describe_condition(condition));
    }
    const std::string where = fmt::format("{} of \"{}\" ({})", name, policy, effect_name(effect));
    if (reasons.empty()) return where + " applies.";
    return fmt::format("{} does not apply: {}.", where, fmt::join(reasons, "; "));
}

Explanation explain(std::span<const AttachedPolicy> policies, const Request& request) {
    Explanation made{.decision = evaluate(policies, request), .statements = {}};
    const StatementMatcher matcher(request, PlantedFault::none);
    for (const AttachedPolicy& attached : policies) {
        const auto statements = attached.policy->statements();
        for (size_t i = 0; i < statements.size(); ++i) {
            const Statement& statement = statements[i];
            const Match resource = matcher.resource_applies(statement);
            StatementExplanation one{.policy = std::string(attached.name),
                                     .statement = i,
                                     .sid = statement.sid,
                                     .effect = statement.effect,
                                     .principal = matcher.principal_applies(statement),
                                     .action = matcher.action_applies(statement),
                                     .resource = resource == Match::yes,
                                     .resource_variable_missing = resource == Match::unresolved,
                                     .conditions = {}};
            for (const Condition& condition : statement.conditions) {
                one.conditions.push_back(
                    explain_condition(condition, statement.effect, matcher, request));
            }
            made.statements.push_back(std::move(one));
        }
    }
    return made;
}

}  // namespace insula::policy
