// Buckets of time that rows are grouped by. All in UTC. "15m" is fifteen minutes, "1mo" a calendar
// month; units: ms, s, m (minutes), h, d, w, mo, q (quarter), y, or one of their names ("hour",
// "month", …).
//
// Buckets of ms to d begin at 1970-01-01T00:00:00Z and its multiples, weeks on Mondays (counted
// from 1970-01-05); months and quarters begin with the year, so their number must divide twelve;
// years begin where the year divides by their number. A bucket is named by its first instant.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/engine/chunk.h"

namespace insula::tables {

struct Bucket {
    int64_t nanos = 0;   // of fixed length if > 0
    int64_t origin = 0;  // nanoseconds since 1970 of one bucket's begin, fixed length only
    int64_t months = 0;  // calendar months if nanos is 0
    bool operator==(const Bucket&) const = default;
};

// invalid_bucket says what is allowed.
Result<Bucket> parse_bucket(std::string_view text);

// SQL of the bucket that `operand`, a column of type date or timestamp, falls into, of the same
// type. On a date column the bucket must be whole days. Values before the first bucket that the
// type can name (years 1677, or before 1 for dates) fall into that one.
Result<std::string> bucket_sql(const Bucket& bucket, ColumnType type, std::string_view operand);

}  // namespace insula::tables
