#include "stores/tables/planner/bucket.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "platform/json/time_text.h"

namespace insula::tables {

namespace {

constexpr int64_t kDay = json::kNanosPerDay;
constexpr int64_t kMonday = 4 * kDay;  // 1970-01-05
constexpr int64_t kFixedMax = 366 * 100 * kDay;
constexpr int64_t kYearsMax = 1000;

struct Unit {
    std::string_view symbol;
    std::string_view name;
    int64_t nanos;
    int64_t months;
};
constexpr std::array<Unit, 9> kUnits{{{"ms", "millisecond", 1'000'000, 0},
                                      {"s", "second", json::kNanosPerSecond, 0},
                                      {"m", "minute", 60 * json::kNanosPerSecond, 0},
                                      {"h", "hour", 3600 * json::kNanosPerSecond, 0},
                                      {"d", "day", kDay, 0},
                                      {"w", "week", 7 * kDay, 0},
                                      {"mo", "month", 0, 1},
                                      {"q", "quarter", 0, 3},
                                      {"y", "year", 0, 12}}};

Error invalid_bucket(std::string_view text) {
    return invalid_argument("invalid_bucket", fmt::format("\"{}\" is no bucket of time.", text))
        .with_hint(
            "Write a number and a unit, such as \"15m\", \"1h\", \"1d\" or \"1mo\"; units are ms, "
            "s, m, h, "
            "d, w, mo, q, y. Months and quarters must divide a year.");
}

// Nanoseconds since 1970 of the bucket's begin, BIGINT.
std::string fixed_nanos_sql(const Bucket& bucket, std::string_view operand) {
    // The first bucket's begin from which the origin can be subtracted without an overflow.
    const int64_t lowest =
        std::numeric_limits<int64_t>::min() / bucket.nanos * bucket.nanos + bucket.origin;
    const std::string nanos = fmt::format(
        "(CASE WHEN epoch_ns({0}) < {1} THEN {1} ELSE epoch_ns({0}) END)", operand, lowest);
    return fmt::format("({0} - ((({0} - {1}) % {2}) + {2}) % {2})", nanos, bucket.origin,
                       bucket.nanos);
}

// A timestamp's day. The engine's own cast rounds nanoseconds up before 1970 and overflows near
// 2262.
std::string day_sql(std::string_view operand) {
    return fmt::format("(DATE '1970-01-01' + CAST({} // {} AS INTEGER))",
                       fixed_nanos_sql({.nanos = kDay}, operand), kDay);
}

std::string fixed_date_sql(const Bucket& bucket, std::string_view operand) {
    return fmt::format(
        "(DATE '1970-01-01' + CAST(({0} - DATE '1970-01-01') - (((({0} - DATE '1970-01-01') - {1}) "
        "% {2}) + "
        "{2}) % {2} AS INTEGER))",
        operand, bucket.origin / kDay, bucket.nanos / kDay);
}

std::string calendar_sql(const Bucket& bucket, std::string_view date) {
    const std::string clamped = fmt::format(
        "(CASE WHEN {0} < DATE '0001-01-01' THEN DATE '0001-01-01' ELSE {0} END)", date);
    const std::string index = fmt::format("(year({0}) * 12 + month({0}) - 1)", clamped);
    const std::string first = fmt::format("({0} - {0} % {1})", index, bucket.months);
    return fmt::format("make_date({0} // 12, {0} % 12 + 1, 1)", first);
}

}  // namespace

Result<Bucket> parse_bucket(std::string_view text) {
    int64_t count = 1;
    std::string_view unit_text = text;
    if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
        if (parsed.ec != std::errc{} || count == 0) return fail(invalid_bucket(text));
        unit_text = text.substr(static_cast<size_t>(parsed.ptr - text.data()));
        if (unit_text.starts_with(' ')) unit_text.remove_prefix(1);
    }
    for (const Unit& unit : kUnits) {
        const bool plural =
            unit_text.ends_with('s') && unit_text.substr(0, unit_text.size() - 1) == unit.name;
        if (unit_text != unit.symbol && unit_text != unit.name && !plural) continue;
        if (unit.nanos > 0) {
            if (count > kFixedMax / unit.nanos) return fail(invalid_bucket(text));
            return Bucket{.nanos = count * unit.nanos, .origin = unit.symbol == "w" ? kMonday : 0};
        }
        if (count > kYearsMax) return fail(invalid_bucket(text));
        const int64_t months = count * unit.months;
        if (unit.months != 12 && 12 % months != 0) return fail(invalid_bucket(text));
        return Bucket{.months = months};
    }
    return fail(invalid_bucket(text));
}

Result<std::string> bucket_sql(const Bucket& bucket, ColumnType type, std::string_view operand) {
    INSULA_CHECK(type == ColumnType::date || type == ColumnType::timestamp, "a bucket of time");
    if (type == ColumnType::timestamp) {
        if (bucket.nanos > 0) {
            return fmt::format("make_timestamp_ns({})", fixed_nanos_sql(bucket, operand));
        }
        const std::string date = calendar_sql(bucket, day_sql(operand));
        return fmt::format(
            "CAST((CASE WHEN {0} < DATE '1677-09-22' THEN DATE '1677-09-22' ELSE {0} END) AS "
            "TIMESTAMP_NS)",
            date);
    }
    if (bucket.nanos % kDay != 0) {
        return fail(invalid_argument(
            "invalid_bucket", "A column of dates can only be grouped by whole days or more."));
    }
    return bucket.nanos > 0 ? fixed_date_sql(bucket, operand) : calendar_sql(bucket, operand);
}

}  // namespace insula::tables
