// Dates and timestamps as text: RFC 3339 in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace insula {

// "2024-01-15" -> days since 1970-01-01. Years 0001 to 9999.
std::optional<int32_t> parse_date(std::string_view text);
// "2024-01-15T10:30:00.25Z", with any offset, 'T', 't' or a space between, up to nine fraction digits; a date
// alone is its midnight; without an offset it is UTC. -> nanoseconds since 1970-01-01T00:00:00Z; nothing
// outside 1677-09-21 to 2262-04-11, where nanoseconds do not fit.
std::optional<int64_t> parse_timestamp(std::string_view text);

// The one way we print them: "2024-01-15", "2024-01-15T10:30:00.25Z" with as few fraction digits as needed.
void append_date(std::string& out, int32_t days);
void append_timestamp(std::string& out, int64_t nanos);

}  // namespace insula
