#include "core/catalog/catalog.h"

#include <fmt/format.h>

namespace insula::catalog {

std::string source_directory(const TenantId& tenant, SourceIncarnation incarnation) {
    return fmt::format("blob/t/{}/s/{}", tenant.to_string(), incarnation.value);
}

std::string file_path(const TenantId& tenant, SourceIncarnation incarnation, const DataFile& file) {
    return fmt::format("{}/{}-{}-{}.parquet", source_directory(tenant, incarnation),
                       file.epoch.value, file.generation.value, file.part);
}

}  // namespace insula::catalog
