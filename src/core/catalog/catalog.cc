#include "core/catalog/catalog.h"

#include <fmt/format.h>

namespace insula::catalog {

bool is_in_doubt(const Error& error) {
    switch (error.code()) {
        case Code::failed_precondition:
        case Code::already_exists:
        case Code::invalid_argument:
            return false;
        default:
            return error.reason() != "catalog_unavailable" && error.reason() != "catalog_closed" &&
                   error.reason() != kNodeFencedReason;
    }
}

Status add_tenant(Catalog& catalog, const Tenant& tenant) {
    ChangeDirectory change;
    change.add_tenant = tenant;
    const auto revision = catalog.change_directory(change);
    if (!revision) return fail(revision.error());
    return {};
}

std::string source_directory(const TenantId& tenant, SourceIncarnation incarnation) {
    return fmt::format("blob/t/{}/s/{}", tenant.to_string(), incarnation.value);
}

std::string file_path(const TenantId& tenant, SourceIncarnation incarnation, const DataFile& file) {
    return fmt::format("{}/{}-{}-{}.parquet", source_directory(tenant, incarnation),
                       file.epoch.value, file.generation.value, file.part);
}

}  // namespace insula::catalog
