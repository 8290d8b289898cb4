// What may be agreed with a tenant beside its limits: where its data stands, which features it has,
// where its requests come from. Pure functions; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/tenancy/identity.h"

namespace insula::tenancy {

inline constexpr size_t kNetworksMax = 64;  // of a tenant; also regions

// All that there are by name; those that this release has.
std::span<const std::string_view> known_features();
bool is_available_feature(std::string_view feature);

// `regions`: the words for where this server keeps data ("eu-west-1", "EU"); letters' case does
// not count. unprocessable `region_not_available`, `feature_not_available`; invalid_argument
// `unknown_feature`, `invalid_network`, and `network_required` where a tenant that is bound to
// networks would have none.
Status check_terms(const TenantProfile& profile, std::span<const std::string> regions);

}  // namespace insula::tenancy
