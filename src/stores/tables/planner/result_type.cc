#include "stores/tables/planner/result_type.h"

#include "base/check.h"

namespace insula::tables {

engine::ResultType result_type_of(ColumnType type) {
    using engine::ResultType;
    switch (type) {
        case ColumnType::boolean:
            return ResultType::boolean;
        case ColumnType::int64:
            return ResultType::int64;
        case ColumnType::float64:
            return ResultType::float64;
        case ColumnType::string:
            return ResultType::string;
        case ColumnType::date:
            return ResultType::date;
        case ColumnType::timestamp:
            return ResultType::timestamp;
        case ColumnType::json:
            return ResultType::json;
    }
    check_failed(__FILE__, __LINE__, "type", "unknown column type");
}

}  // namespace insula::tables
