// Why a request is decided as it is: every statement of every policy with what applied and what did
// not. For people (`insula policy simulate`) and tests; the decision is evaluate()'s.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/evaluate.h"

namespace insula::policy {

struct ConditionExplanation {
    std::string op;   // as the policy has it: "ForAnyValue:StringLike"
    std::string key;  // "aws:SourceIp"
    ConditionOutcome outcome = ConditionOutcome::holds;
    std::vector<std::string> values;  // the request's
    bool holds() const { return outcome == ConditionOutcome::holds; }
};

struct StatementExplanation {
    std::string policy;
    size_t statement = 0;  // its place in the policy, from 0
    std::string sid;
    Effect effect = Effect::deny;
    bool principal = false;
    bool action = false;
    bool resource = false;
    bool resource_variable_missing = false;  // and so `resource` is false
    std::vector<ConditionExplanation> conditions;

    bool applies() const;
    // "Statement[1] of "writer" (Allow) does not apply: its Action does not name tables:Search."
    std::string describe(const Request& request) const;
};

struct Explanation {
    Decision decision;
    std::vector<StatementExplanation> statements;  // in the order of the policies
};

Explanation explain(std::span<const AttachedPolicy> policies, const Request& request);

}  // namespace insula::policy
