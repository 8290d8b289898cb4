// The SQL that turns columns of foreign Parquet files into columns of ours. Text only.
#pragma once

#include <string>
#include <string_view>

#include "platform/engine/engine.h"

namespace insula::engine {

// What values of a Parquet column are for us; `file_type` is the engine's name of its type.
ColumnType foreign_type(std::string_view file_type);

// An expression of the engine's type for `type` over the SQL expression `column`, which is of type
// `file_type`: null where `type` cannot hold the value.
std::string foreign_value(std::string_view column, std::string_view file_type, ColumnType type);

// The value as JSON text where foreign_value() is null and the value is not; else null. An empty
// text if there is no such value.
std::string foreign_remainder(std::string_view column, std::string_view file_type, ColumnType type);

// The whole value as JSON text, null where it is null.
std::string foreign_json(std::string_view column, std::string_view file_type);

}  // namespace insula::engine
