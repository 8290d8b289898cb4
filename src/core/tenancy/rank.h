// How far a member's rights reach. Nobody makes or changes what reaches further than he does: a
// credential, a member, a role, a policy. Pure functions.
//
// What custom policies allow is not compared with one another; it always reaches less far than an
// administrator of the tenant, since what only owners may do is allowed by no policy that a tenant
// writes (Actor::authorise() sees to that).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace insula::tenancy {

inline constexpr std::string_view kOwnerRole = "owner";
inline constexpr std::string_view kAdminRole = "admin";
inline constexpr std::string_view kPlatformRole = "administrator";  // of the platform

enum class Rank : uint8_t { member, admin, owner };

Rank rank_of_role(std::string_view role);
// The highest of the roles'.
Rank rank_of_roles(std::span<const std::string> roles);

// "tenant:RemoveTenant" and the like.
bool is_owners_action(std::string_view action);

}  // namespace insula::tenancy
