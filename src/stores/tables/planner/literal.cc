#include "stores/tables/planner/literal.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "base/check.h"
#include "platform/json/time_text.h"

namespace insula::tables {

namespace {

using json::JsonValue;
using Kind = JsonValue::Kind;

constexpr double kTwoTo63 = 9'223'372'036'854'775'808.0;
constexpr double kDoubleMax = std::numeric_limits<double>::max();

// Digits of an integer beyond int64, with its sign.
std::string big_digits(const JsonValue& number) {
    return number.kind() == Kind::uint64 ? std::to_string(number.uint64()) : number.big_number();
}

// Compares two integers without leading zeros or sign.
int compare_digits(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b);
}

double below(double value) {
    return std::nextafter(value, -std::numeric_limits<double>::infinity());
}

Floor<double> floor_of(double nearest, int literal_to_nearest) {
    if (literal_to_nearest == 0) return {nearest, true};
    return {literal_to_nearest > 0 ? nearest : below(nearest), false};
}

Floor<double> floor_big(std::string_view digits) {
    const bool negative = digits.starts_with('-');
    double nearest = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), nearest);
    if (parsed.ec == std::errc::result_out_of_range || std::isinf(nearest)) {
        if (negative) return {};
        return {kDoubleMax, false};
    }
    // Beyond 2^53 every double is an integer, and prints exactly.
    char exact[400];
    const auto end =
        std::to_chars(exact, std::end(exact), std::fabs(nearest), std::chars_format::fixed, 0);
    INSULA_CHECK(end.ec == std::errc{}, "a double has at most 309 digits before its point");
    if (negative) digits.remove_prefix(1);
    const int sizes = compare_digits(digits, {exact, end.ptr});
    return floor_of(nearest, negative ? -sizes : sizes);
}

}  // namespace

Floor<int64_t> floor_int64(const JsonValue& number) {
    if (number.kind() == Kind::int64) return {number.int64(), true};
    if (number.kind() == Kind::float64) {
        const double value = number.float64();
        if (value >= kTwoTo63) return {std::numeric_limits<int64_t>::max(), false};
        if (value < -kTwoTo63) return {};
        const double floor = std::floor(value);
        return {static_cast<int64_t>(floor), floor == value};
    }
    if (big_digits(number).starts_with('-')) return {};
    return {std::numeric_limits<int64_t>::max(), false};
}

Floor<double> floor_float64(const JsonValue& number) {
    if (number.kind() == Kind::float64) return {number.float64(), true};
    if (number.kind() != Kind::int64) return floor_big(big_digits(number));
    const int64_t value = number.int64();
    const auto nearest = static_cast<double>(value);
    const auto back = static_cast<__int128>(nearest);
    return floor_of(nearest, value == back ? 0 : value > back ? 1 : -1);
}

Floor<int64_t> floor_timestamp(__int128 instant) {
    if (instant > std::numeric_limits<int64_t>::max()) {
        return {std::numeric_limits<int64_t>::max(), false};
    }
    if (instant < std::numeric_limits<int64_t>::min()) return {};
    return {static_cast<int64_t>(instant), true};
}

Floor<int32_t> floor_date(__int128 instant) {
    __int128 days = instant / json::kNanosPerDay;
    const __int128 rest = instant % json::kNanosPerDay;
    if (rest < 0) --days;
    return {static_cast<int32_t>(days), rest == 0};
}

std::string number_text(const JsonValue& number) { return number.text(); }

}  // namespace insula::tables
