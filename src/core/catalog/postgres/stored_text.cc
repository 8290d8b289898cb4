#include "core/catalog/postgres/stored_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace insula::catalog {
namespace {

// NUL and U+0001 become U+0001 and one of these, so that they stay below everything else.
constexpr char kLow = '\x01';
constexpr char kNul = '\x01';
constexpr char kLowItself = '\x02';
// A byte that is not UTF-8 becomes U+10FFFF, above everything else, and two hex digits; U+10FFFF
// itself is doubled.
constexpr std::string_view kHigh = "\xf4\x8f\xbf\xbf";

// Bytes of the character that `text` begins with; 0 if they are not UTF-8.
size_t character_bytes(std::string_view text) {
    const auto byte = [&](size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const auto continues = [&](size_t from, size_t to) {
        for (size_t at = from; at < to; ++at) {
            if ((byte(at) & 0xc0U) != 0x80U) return false;
        }
        return true;
    };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1, 2) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && second < 0xa0;
        const bool surrogate = first == 0xed && second > 0x9f;
        return continues(1, 3) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool overlong = first == 0xf0 && second < 0x90;
        const bool beyond = first == 0xf4 && second > 0x8f;
        return continues(1, 4) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

bool is_stored_as_it_is(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > kLow && c != '\x7f'; });
}

void append_hex(std::string& out, char byte) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    out.push_back(kDigits[value >> 4]);
    out.push_back(kDigits[value & 0xf]);
}

}  // namespace

std::string to_stored_text(std::string_view text) {
    if (is_stored_as_it_is(text)) return std::string(text);
    std::string stored;
    while (!text.empty()) {
        const size_t bytes = character_bytes(text);
        if (bytes == 0) {
            stored.append(kHigh);
            append_hex(stored, text[0]);
        } else if (text[0] == '\0' || text[0] == kLow) {
            stored.push_back(kLow);
            stored.push_back(text[0] == '\0' ? kNul : kLowItself);
        } else {
            if (text.starts_with(kHigh)) stored.append(kHigh);
            stored.append(text.substr(0, bytes));
        }
        text.remove_prefix(std::max<size_t>(bytes, 1));
    }
    return stored;
}

std::string from_stored_text(std::string_view stored) {
    std::string text;
    while (!stored.empty()) {
        size_t taken = 1;
        unsigned value = 0;
        const std::string_view hex = stored.substr(std::min(stored.size(), kHigh.size()), 2);
        if (stored[0] == kLow && stored.size() > 1) {
            taken = 2;
            text.push_back(stored[1] == kNul ? '\0' : kLow);
        } else if (!stored.starts_with(kHigh)) {
            text.push_back(stored[0]);
        } else if (std::from_chars(hex.data(), hex.data() + hex.size(), value, 16).ptr ==
                       hex.data() + 2 &&
                   hex.size() == 2) {
            taken = kHigh.size() + 2;
            text.push_back(static_cast<char>(value));
        } else {
            taken =
                stored.substr(kHigh.size()).starts_with(kHigh) ? 2 * kHigh.size() : kHigh.size();
            text.append(kHigh);
        }
        stored.remove_prefix(std::min(taken, stored.size()));
    }
    return text;
}

}  // namespace insula::catalog
