// Types of columns as the engine's SQL names them. Thread-safe.
#pragma once

#include <string_view>

#include "platform/engine/chunk.h"

namespace insula::engine {

// For casts: "BIGINT".
std::string_view sql_type_name(ColumnType type);

}  // namespace insula::engine
