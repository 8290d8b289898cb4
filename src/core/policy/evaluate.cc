#include "core/policy/evaluate.h"

#include <fmt/format.h>

#include "base/check.h"
#include "core/policy/statement_matcher.h"

namespace insula::policy {

namespace {

Decision decided_by(const AttachedPolicy& attached, size_t index) {
    const Statement& statement = attached.policy->statements()[index];
    const bool allow = statement.effect == Effect::allow;
    return {.allowed = allow,
            .reason = allow ? Reason::allowed : Reason::explicit_deny,
            .policy = attached.name,
            .sid = statement.sid,
            .statement = index};
}

}  // namespace

std::string_view reason_name(Reason reason) {
    switch (reason) {
        case Reason::explicit_deny:
            return "explicit_deny";
        case Reason::allowed:
            return "allowed";
        case Reason::no_statement_matched:
            return "no_statement_matched";
    }
    check_failed(__FILE__, __LINE__, "reason", "unknown reason");
}

Decision evaluate_with_fault(std::span<const AttachedPolicy> policies, const Request& request,
                             PlantedFault fault) {
    const StatementMatcher matcher(request, fault);
    Decision decision;
    if (fault == PlantedFault::allow_by_default) decision.allowed = true;
    for (const AttachedPolicy& attached : policies) {
        const auto statements = attached.policy->statements();
        for (size_t i = 0; i < statements.size(); ++i) {
            const bool allow = statements[i].effect == Effect::allow;
            // Only a Deny can change what one Allow has decided.
            if (allow && decision.reason == Reason::allowed) continue;
            if (!allow && fault == PlantedFault::deny_ignored) continue;
            if (!matcher.applies(statements[i])) continue;
            decision = decided_by(attached, i);
            if (!allow || fault == PlantedFault::deny_does_not_win) return decision;
        }
    }
    return decision;
}

Decision evaluate(std::span<const AttachedPolicy> policies, const Request& request) {
    return evaluate_with_fault(policies, request, PlantedFault::none);
}

std::string describe(const Decision& decision) {
    if (decision.reason == Reason::no_statement_matched) return "No statement allows it.";
    const std::string statement = decision.sid.empty()
                                      ? fmt::format("Statement[{}]", decision.statement)
                                      : fmt::format("The statement \"{}\"", decision.sid);
    return fmt::format("{} of the policy \"{}\" {} it.", statement, decision.policy,
                       decision.allowed ? "allows" : "denies");
}

}  // namespace insula::policy
