// Types of stored columns and of result columns, one from the other.
#pragma once

#include "platform/engine/engine.h"

namespace insula::tables {

// Of a result column that passes a stored column through.
engine::ResultType result_type_of(ColumnType type);
// Of the stored column whose values compare as those of the result column do: what filters over
// results (having) are bound to.
ColumnType stored_type_of(engine::ResultType type);

}  // namespace insula::tables
