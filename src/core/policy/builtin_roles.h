// The roles that every tenant has, as policies in the same language as its own. What each may do,
// in words: docs/reference/policies.md.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "core/policy/policy.h"

namespace insula::policy {

struct BuiltinRole {
    std::string_view name;         // "reader"
    std::string_view description;  // one line, for people
    std::string_view text;         // the policy, as JSON
};

// From the most powerful to the least.
std::span<const BuiltinRole> builtin_roles();
// nullptr if there is none of that name.
const BuiltinRole* find_builtin_role(std::string_view name);

// Its policy, compiled; fails for no role of the list.
Result<Policy> parse_role(const BuiltinRole& role);

}  // namespace insula::policy
