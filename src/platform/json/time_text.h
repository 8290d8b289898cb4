// Dates and timestamps as text: RFC 3339 (a profile of ISO 8601) in the proleptic Gregorian
// calendar, UTC. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace insula::json {

inline constexpr int64_t kNanosPerSecond = 1'000'000'000;
inline constexpr int64_t kNanosPerDay = 86'400 * kNanosPerSecond;

// Room that the two writers below need at `at`.
inline constexpr size_t kDateTextMax = 16;
inline constexpr size_t kTimestampTextMax = 32;

// Writes "2024-01-15"; returns the end. Years outside 0 to 9999 get a sign and as many digits as
// they need.
char* format_date(char* at, int32_t days);
// Writes "2024-01-15T10:20:30.5Z": as many fraction digits as the value needs, none for whole
// seconds.
char* format_timestamp(char* at, int64_t nanos);
std::string date_text(int32_t days);
std::string timestamp_text(int64_t nanos);

// "2024-01-15": exactly this form, years 0001 to 9999.
std::optional<int32_t> parse_date(std::string_view text);

// RFC 3339: "2024-01-15T10:20:30Z", with an optional fraction of up to nine digits (more only if
// they are zeros), an offset ("+02:00") or Z, 'T' or a space between date and time. Without an
// offset it is UTC; a date alone is its midnight. Nanoseconds since 1970 in 128 bits, as not every
// such time fits 64.
std::optional<__int128> parse_instant(std::string_view text);
// The same, absent also if it lies outside what a timestamp holds (years 1677 to 2262).
std::optional<int64_t> parse_timestamp(std::string_view text);

struct CivilDate {
    int64_t year;
    uint32_t month;  // 1 to 12
    uint32_t day;    // 1 to 31
};
CivilDate civil_from_days(int64_t days);
int64_t days_from_civil(int64_t year, uint32_t month, uint32_t day);

}  // namespace insula::json
