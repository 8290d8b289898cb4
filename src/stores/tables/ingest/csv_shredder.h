// CSV bodies to batches. The first row names the columns. A column that the source does not have
// yet gets the type that was declared for it, or else the narrowest one that all its values in the
// batch have as JSON would write them: int64, float64, bool, else string ("007" stays text). An
// empty unquoted field is absent.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "stores/tables/ingest/batch.h"

namespace insula::tables {

struct DeclaredColumn {
    std::string name;  // as the header has it
    ColumnType type = ColumnType::string;
};

// invalid_argument: malformed_csv, invalid_utf8, empty_body, unknown_column where one is declared
// that the header lacks, and what BatchBuilder refuses.
Result<Batch> shred_csv(std::string_view body, char delimiter, SchemaPtr schema,
                        std::span<const DeclaredColumn> declared = {});

}  // namespace insula::tables
