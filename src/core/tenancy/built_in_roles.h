// The roles that every tenant has, and those of the platform's administrators. A tenant cannot
// change them. Constants; thread-safe.
#pragma once

#include <span>
#include <string_view>

#include "core/policy/policy.h"

namespace insula::tenancy {

struct BuiltInRole {
    std::string_view name;  // "writer"
    std::string_view description;
    const policy::Policy* policy = nullptr;
    bool of_platform = false;
};

std::span<const BuiltInRole> built_in_roles();
// nullptr: there is none of this name in a tenant, or in the platform.
const BuiltInRole* find_built_in_role(std::string_view name, bool of_platform);

}  // namespace insula::tenancy
