// Faults of authorisation, chosen at run time, so that the tests of the whole server can show that
// they would notice. Nothing outside of tests plants one: the program that users run has no way to.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace insula::tenancy {

enum class PlantedFault : uint8_t {
    none,
    header_chooses_freely,  // X-Tenant-Id is believed, whatever the key
    absent_tenant_is_told,  // a tenant that is not there answers otherwise than a foreign one
    removed_key_opens,      // a key that was used once opens for ever
    expired_key_opens,
    disabled_member_opens,
    suspended_tenant_opens,
    platform_is_open,        // tenants' members may do what the platform's administrators may
    grants_are_not_asked,    // administrators act in every tenant
    policies_are_not_asked,  // who has a key may do everything in his tenant
    content_is_not_asked,    // what bodies name is not authorised
    listing_is_not_asked,    // searches of all sources cover those that may not be read
    revoked_token_opens,     // a token that was used once opens until its time is over
    scopes_are_not_asked,    // a token may do all that its member may
    rank_is_not_asked,       // members are made owners by anybody who may change them
};

struct FaultName {
    PlantedFault fault;
    std::string_view name;
};
// All but `none`, by the names above.
inline constexpr std::array kFaultNames{
    FaultName{PlantedFault::header_chooses_freely, "header_chooses_freely"},
    FaultName{PlantedFault::absent_tenant_is_told, "absent_tenant_is_told"},
    FaultName{PlantedFault::removed_key_opens, "removed_key_opens"},
    FaultName{PlantedFault::expired_key_opens, "expired_key_opens"},
    FaultName{PlantedFault::disabled_member_opens, "disabled_member_opens"},
    FaultName{PlantedFault::suspended_tenant_opens, "suspended_tenant_opens"},
    FaultName{PlantedFault::platform_is_open, "platform_is_open"},
    FaultName{PlantedFault::grants_are_not_asked, "grants_are_not_asked"},
    FaultName{PlantedFault::policies_are_not_asked, "policies_are_not_asked"},
    FaultName{PlantedFault::content_is_not_asked, "content_is_not_asked"},
    FaultName{PlantedFault::listing_is_not_asked, "listing_is_not_asked"},
    FaultName{PlantedFault::revoked_token_opens, "revoked_token_opens"},
    FaultName{PlantedFault::scopes_are_not_asked, "scopes_are_not_asked"},
    FaultName{PlantedFault::rank_is_not_asked, "rank_is_not_asked"},
};

// Before any other thread runs.
void plant(PlantedFault fault);
bool is_planted(PlantedFault fault);

}  // namespace insula::tenancy
