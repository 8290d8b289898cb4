#include "core/policy/value_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "core/policy/ascii_case.h"
#include "platform/json/time_text.h"

namespace insula::policy {

namespace {

constexpr size_t kMonthBytes = 7;    // "2026-01"
constexpr size_t kMinuteBytes = 16;  // "2026-01-15T10:20"
// Seconds beyond these digits are no date that anybody means.
constexpr size_t kEpochDigitsMax = 15;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (is_digit(c)) return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

std::optional<__int128> parse_epoch(std::string_view digits) {
    int64_t seconds = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return static_cast<__int128>(seconds) * json::kNanosPerSecond;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::optional<__int128> parse_date_value(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (text.size() <= kEpochDigitsMax && std::ranges::all_of(text, is_digit)) {
        return parse_epoch(text);
    }
    if (text.size() == kMonthBytes) return json::parse_instant(std::string(text) + "-01");
    const bool minutes = text.size() >= kMinuteBytes && text[kMinuteBytes - 3] == ':' &&
                         (text.size() == kMinuteBytes || text[kMinuteBytes] != ':');
    if (minutes) {
        std::string whole(text);
        whole.insert(kMinuteBytes, ":00");
        return json::parse_instant(whole);
    }
    return json::parse_instant(text);
}

std::optional<bool> parse_boolean(std::string_view text) {
    if (equal_ignoring_case(text, "true")) return true;
    if (equal_ignoring_case(text, "false")) return false;
    return std::nullopt;
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    size_t padding = 0;
    while (padding < 2 && text.ends_with('=')) {
        text.remove_suffix(1);
        ++padding;
    }
    std::string bytes;
    uint32_t bits = 0;
    uint32_t count = 0;
    for (const char c : text) {
        const int value = base64_value(c);
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<char>(bits >> count & 0xFF));
        }
    }
    // What is left over must be zero, or two texts would stand for the same bytes.
    if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
    return bytes;
}

}  // namespace insula::policy
