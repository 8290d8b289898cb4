#include "platform/engine/sql_type.h"

#include "base/check.h"

namespace insula::engine {

std::string_view sql_type_name(ColumnType type) {
    switch (type) {
        case ColumnType::boolean:
            return "BOOLEAN";
        case ColumnType::int64:
            return "BIGINT";
        case ColumnType::float64:
            return "DOUBLE";
        case ColumnType::string:
        case ColumnType::json:
            return "VARCHAR";
        case ColumnType::date:
            return "DATE";
        case ColumnType::timestamp:
            return "TIMESTAMP_NS";
    }
    check_failed(__FILE__, __LINE__, "type", "unknown column type");
}

}  // namespace insula::engine
