// An entry as the catalog stores it with the change that it tells of. Pure functions.
#pragma once

#include "core/audit/entry.h"
#include "core/catalog/catalog.h"

namespace insula::audit {

static_assert(kEntryBytesMax <= catalog::kAuditRecordBytesMax);

// `entry` has its id.
catalog::AuditRecord catalog_record(const Entry& entry);

}  // namespace insula::audit
