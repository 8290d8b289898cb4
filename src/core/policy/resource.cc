#include <fmt/format.h>

#include "core/policy/policy.h"
#include "core/policy/shown_text.h"
#include "core/policy/vocabulary.h"

namespace insula::policy {

Resource resource_of(std::string_view action, std::string_view path) {
    return {.service = action.substr(0, action.find(':')), .path = path};
}

std::string resource_arn(const Resource& resource) {
    const auto service = find_service(resource.service);
    return fmt::format("arn:{}:{}:::{}", service ? services()[*service].partition : "insula",
                       resource.service, resource.path);
}

Result<Resource> parse_resource_arn(std::string_view arn) {
    const auto parts = split_arn(arn);
    const auto bad = [&](std::string_view what) {
        return fail(invalid_argument("invalid_resource",
                                     fmt::format("The resource \"{}\" {}.", shown(arn), what))
                        .with_hint("Write arn:insula:tables:::source/orders or "
                                   "arn:aws:s3:::bucket/key."));
    };
    if (!parts || (*parts)[0] != "arn") return bad("is no ARN");
    const auto service = find_service((*parts)[2]);
    if (!service || services()[*service].partition != (*parts)[1]) return bad("names no service");
    if (!(*parts)[3].empty() || !(*parts)[4].empty()) {
        return bad("names a region or an account, which are left empty");
    }
    if ((*parts)[5].empty()) return bad("has no path");
    return Resource{.service = services()[*service].name, .path = (*parts)[5]};
}

std::string principal_arn(std::string_view principal) {
    return resource_arn({.service = "tenant", .path = principal});
}

}  // namespace insula::policy
