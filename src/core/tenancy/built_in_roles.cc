#include "core/tenancy/built_in_roles.h"

#include <deque>
#include <vector>

#include "base/check.h"
#include "core/policy/builtin_roles.h"
#include "core/tenancy/rank.h"

namespace insula::tenancy {

namespace {

constexpr policy::BuiltinRole kAdministrator{
    kPlatformRole, "tenants, their limits, and the server; no tenant's data", R"({
  "Version": "2012-10-17",
  "Id": "administrator",
  "Statement": [{"Sid": "Platform", "Effect": "Allow", "Action": "node:*", "Resource": "*"}]
})"};

class Compiled {
  public:
    Compiled() {
        for (const policy::BuiltinRole& role : policy::builtin_roles()) add(role, false);
        add(kAdministrator, true);
    }
    std::span<const BuiltInRole> roles() const { return roles_; }

  private:
    void add(const policy::BuiltinRole& role, bool of_platform) {
        auto parsed = policy::parse_role(role);
        INSULA_CHECK(parsed.has_value(), "the policies of built-in roles are right");
        policies_.push_back(*std::move(parsed));
        roles_.push_back({role.name, role.description, &policies_.back(), of_platform});
    }
    std::deque<policy::Policy> policies_;  // which do not move
    std::vector<BuiltInRole> roles_;
};

}  // namespace

std::span<const BuiltInRole> built_in_roles() {
    static const Compiled compiled;
    return compiled.roles();
}

const BuiltInRole* find_built_in_role(std::string_view name, bool of_platform) {
    for (const BuiltInRole& role : built_in_roles()) {
        if (role.name == name && role.of_platform == of_platform) return &role;
    }
    return nullptr;
}

}  // namespace insula::tenancy
