// CSV bodies to batches. The first row names the columns. A column that the source does not have
// yet gets the narrowest type that all its values in the batch have as JSON would write them:
// int64, float64, bool, else string ("007" stays text). An empty unquoted field is absent.
#pragma once

#include <string_view>

#include "base/result.h"
#include "stores/tables/ingest/batch.h"

namespace insula::tables {

// invalid_argument: malformed_csv, invalid_utf8, empty_body, and what BatchBuilder refuses.
Result<Batch> shred_csv(std::string_view body, char delimiter, SchemaPtr schema);

}  // namespace insula::tables
