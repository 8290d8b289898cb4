// Values of result columns as text: what the renderers share.
#pragma once

#include "platform/engine/engine.h"
#include "platform/json/json_writer.h"
#include "platform/json/time_text.h"
#include "stores/tables/planner/result_type.h"

namespace insula::tables {

inline bool is_text(engine::ResultType type) {
    return type == engine::ResultType::string || type == engine::ResultType::json;
}

// Room for any value but text, quotes included.
inline constexpr size_t kValueTextMax = json::kNumberTextMax;
static_assert(json::kTimestampTextMax + 2 <= kValueTextMax);

// Writes a present value that is not text; times with `quote` on both sides unless it is 0.
inline char* format_value(char* at, engine::ResultType type,
                          const engine::ResultBatch::Column& column, uint32_t row, char quote) {
    using engine::ResultType;
    switch (type) {
        case ResultType::int64:
            return json::format_int64(at, column.values<int64_t>()[row]);
        case ResultType::float64:
            return json::format_double(at, column.values<double>()[row]);
        case ResultType::int128:
            return json::format_int128(at, column.values<__int128>()[row]);
        case ResultType::boolean: {
            const bool value = column.values<uint8_t>()[row] != 0;
            // NOLINTNEXTLINE(bugprone-not-null-terminated-result): a part of a longer text
            std::memcpy(at, value ? "true " : "false", 5);
            return at + (value ? 4 : 5);
        }
        case ResultType::date:
            if (quote != 0) *at++ = quote;
            at = json::format_date(at, column.values<int32_t>()[row]);
            break;
        case ResultType::timestamp:
            if (quote != 0) *at++ = quote;
            at = json::format_timestamp(at, column.values<int64_t>()[row]);
            break;
        case ResultType::string:
        case ResultType::json:
            return at;
    }
    if (quote != 0) *at++ = quote;
    return at;
}

}  // namespace insula::tables
