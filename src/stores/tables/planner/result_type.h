// The type of a result column that passes a stored column through.
#pragma once

#include "platform/engine/engine.h"

namespace insula::tables {

engine::ResultType result_type_of(ColumnType type);

}  // namespace insula::tables
