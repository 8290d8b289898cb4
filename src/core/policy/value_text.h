// Reading of the texts that conditions compare: those of policies and those of requests alike. Pure
// functions, thread-safe. Each is absent for text of another form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace insula::policy {

// "10", "-2.5", "1e3"; as a double, so whole numbers are exact up to 2^53. Neither NaN nor
// infinity.
std::optional<double> parse_number(std::string_view text);
// ISO 8601 as W3C's note (https://www.w3.org/TR/NOTE-datetime) has it: "2026-01", "2026-01-15",
// "2026-01-15T10:20Z", "2026-01-15T10:20:30.5+02:00"; or digits alone: seconds since 1970. In
// nanoseconds since 1970.
std::optional<__int128> parse_date_value(std::string_view text);
// "true" or "false", of any case.
std::optional<bool> parse_boolean(std::string_view text);
// RFC 4648 section 4, with padding.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace insula::policy
