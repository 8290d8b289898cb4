#include "core/audit/catalog_record.h"

namespace insula::audit {

catalog::AuditRecord catalog_record(const Entry& entry) {
    return {.number = 0,
            .id = entry.id,
            .tenant = entry.tenant.value_or(TenantId()),
            .record = encode(entry)};
}

}  // namespace insula::audit
