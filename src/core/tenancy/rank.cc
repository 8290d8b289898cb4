#include "core/tenancy/rank.h"

#include <algorithm>
#include <array>

namespace insula::tenancy {

namespace {

constexpr std::array<std::string_view, 2> kOwnersActions{"tenant:TransferOwnership",
                                                         "tenant:RemoveTenant"};

}  // namespace

Rank rank_of_role(std::string_view role) {
    // Of the platform's members those with its role are what owners are in a tenant.
    if (role == kOwnerRole || role == kPlatformRole) return Rank::owner;
    return role == kAdminRole ? Rank::admin : Rank::member;
}

Rank rank_of_roles(std::span<const std::string> roles) {
    Rank highest = Rank::member;
    for (const std::string& role : roles) highest = std::max(highest, rank_of_role(role));
    return highest;
}

bool is_owners_action(std::string_view action) {
    return std::ranges::find(kOwnersActions, action) != kOwnersActions.end();
}

}  // namespace insula::tenancy
