#include "core/tenancy/tenant_terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/policy/ascii_case.h"
#include "core/policy/ip_range.h"

namespace insula::tenancy {

namespace {

// As the seeds name them. None has landed: what is asked for is refused, not ignored.
constexpr std::array kFeatures{std::string_view("ActiveActiveReplication"),
                               std::string_view("CostAnalytics"), std::string_view("AdvancedAudit"),
                               std::string_view("DisasterRecovery"),
                               std::string_view("ComplianceModules")};

// A promise that nobody keeps is not made.
Status check_region(std::string_view region, std::span<const std::string> regions) {
    const auto same = [&](const std::string& own) {
        return policy::equal_ignoring_case(own, region);
    };
    if (std::ranges::any_of(regions, same)) return {};
    const Error error(Code::unprocessable, "region_not_available",
                      fmt::format("This server keeps no data in \"{}\".", region));
    if (regions.empty()) {
        return fail(error.with_hint("The server's operator says where it stands: server.regions."));
    }
    return fail(error.with_hint(fmt::format("It keeps data in: {}.", fmt::join(regions, ", "))));
}

Status check_feature(std::string_view feature) {
    if (std::ranges::find(kFeatures, feature) == kFeatures.end()) {
        return fail(
            invalid_argument("unknown_feature", fmt::format("There is no feature \"{}\".", feature))
                .with_hint(fmt::format("Features: {}.", fmt::join(kFeatures, ", "))));
    }
    return fail(Error(Code::unprocessable, "feature_not_available",
                      fmt::format("This release does not have the feature \"{}\".", feature)));
}

Status check_networks(const TenantProfile& profile) {
    for (const std::string& network : profile.networks) {
        if (policy::parse_ip_range(network)) continue;
        return fail(
            invalid_argument("invalid_network", fmt::format("\"{}\" is no network.", network))
                .with_hint("Write it as in 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32."));
    }
    if (profile.isolation != IsolationLevel::network || !profile.networks.empty()) return {};
    return fail(invalid_argument("network_required",
                                 "A tenant that is isolated by networks names at least one.")
                    .with_hint("Send \"networks\", for example [\"10.0.0.0/8\"]."));
}

}  // namespace

Status check_terms(const TenantProfile& profile, std::span<const std::string> regions) {
    for (const std::string& region : profile.regions) {
        RETURN_IF_ERROR(check_region(region, regions));
    }
    if (!profile.data_residency.empty()) {
        RETURN_IF_ERROR(check_region(profile.data_residency, regions));
    }
    for (const std::string& feature : profile.features) RETURN_IF_ERROR(check_feature(feature));
    return check_networks(profile);
}

}  // namespace insula::tenancy
