// What may be agreed with a tenant beside its limits: where its data stands, which features it has,
// where its requests come from. Pure functions; thread-safe.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "core/tenancy/identity.h"

namespace insula::tenancy {

inline constexpr size_t kNetworksMax = 64;  // of a tenant; also regions

// `regions`: the words for where this server keeps data ("eu-west-1", "EU"); letters' case does
// not count. unprocessable `region_not_available`, and `feature_not_available` for each feature
// that there is, since this release has none of them; invalid_argument
// `unknown_feature`, `invalid_network`, and `network_required` where a tenant that is bound to
// networks would have none.
Status check_terms(const TenantProfile& profile, std::span<const std::string> regions);

}  // namespace insula::tenancy
