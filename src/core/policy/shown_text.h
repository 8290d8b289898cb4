// What an error shows of a text that somebody sent: its beginning. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace insula::policy {

inline constexpr size_t kShownBytesMax = 80;

inline std::string shown(std::string_view text) {
    if (text.size() <= kShownBytesMax) return std::string(text);
    size_t end = kShownBytesMax;
    while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end)) + "…";
}

}  // namespace insula::policy
