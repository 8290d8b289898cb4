// StatementMatcher: whether the parts of a statement apply to one request. Internal to this folder;
// lives on the stack of one evaluation.
#pragma once

#include <cstdint>

#include "core/policy/ascii_case.h"
#include "core/policy/evaluate.h"
#include "core/policy/matching.h"

namespace insula::policy {

class StatementMatcher {
  public:
    // The request must outlive it.
    StatementMatcher(const Request& request, PlantedFault fault);

    bool principal_applies(const Statement& statement) const;
    bool action_applies(const Statement& statement) const;
    // `unresolved` is no: a variable in the resources has neither a value nor a default.
    Match resource_applies(const Statement& statement) const;
    ConditionOutcome condition_outcome(const Condition& condition, Effect effect) const {
        return condition.evaluate(matching_, effect == Effect::allow);
    }
    bool conditions_apply(const Statement& statement) const;

    bool applies(const Statement& statement) const {
        return action_applies(statement) && principal_applies(statement) &&
               resource_applies(statement) == Match::yes && conditions_apply(statement);
    }

  private:
    Match matches_resource(const ResourcePattern& pattern) const;

    const Request& request_;
    const Matching matching_;
    const LowerCase action_;
    uint32_t service_ = 0;  // the bit of the resource's service
};

}  // namespace insula::policy
