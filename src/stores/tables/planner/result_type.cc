#include "stores/tables/planner/result_type.h"

#include <algorithm>
#include <array>

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

ColumnType stored_type_of(engine::ResultType type) {
    if (type == engine::ResultType::int128) return ColumnType::int64;
    constexpr std::array kTypes{ColumnType::boolean, ColumnType::int64,     ColumnType::float64,
                                ColumnType::string,  ColumnType::timestamp, ColumnType::date,
                                ColumnType::json};
    const auto* const at = std::ranges::find(kTypes, type, result_type_of);
    INSULA_CHECK(at != kTypes.end(), "unknown result type");
    return *at;
}

}  // namespace insula::tables
