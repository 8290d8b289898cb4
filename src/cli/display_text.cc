#include "cli/display_text.h"

#include <fmt/format.h>
#include <locale.h>

#include <cstdint>
#include <cwchar>

namespace insula::cli {

namespace {

constexpr char32_t kReplacement = 0xfffd;
constexpr std::string_view kEllipsis = "…";

struct Character {
    char32_t value = kReplacement;
    size_t bytes = 1;
};

// The first character of a text that is not empty.
Character first_character(std::string_view text) {
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
    char32_t value = lead & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        value = (value << 6) | (byte(i) & 0x3fu);
    }
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < kSmallest[bytes] || value > 0x10ffff || surrogate) return {};
    return {value, bytes};
}

bool is_control(char32_t value) {
    return value < 0x20 || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029;
}

// Marks that make a terminal show text in another order than it has.
bool reorders(char32_t value) {
    return (value >= 0x202a && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069) ||
           value == 0x200e || value == 0x200f || value == 0x61c;
}

void append_escape(std::string& out, char32_t value) {
    switch (value) {
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            out += fmt::format("\\u{:04x}", static_cast<uint32_t>(value));
    }
}

// Unicode's widths whatever the user's locale is: in this thread, for as long as it lives.
class UnicodeLocale {
  public:
    UnicodeLocale() {
        // Kept for the process: making one anew for every text would cost more than the text.
        static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        if (unicode != nullptr) previous_ = uselocale(unicode);
    }
    ~UnicodeLocale() {
        if (previous_ != nullptr) uselocale(previous_);
    }
    UnicodeLocale(const UnicodeLocale&) = delete;
    UnicodeLocale& operator=(const UnicodeLocale&) = delete;

  private:
    locale_t previous_ = nullptr;
};

size_t width_of(char32_t value) {
    if (value < 0x7f) return 1;
    const int width = wcwidth(static_cast<wchar_t>(value));
    return width < 0 ? 1 : static_cast<size_t>(width);  // unassigned: as a replacement is shown
}

bool is_ascii(std::string_view text) {
    for (const char c : text) {
        if (static_cast<uint8_t>(c) >= 0x80) return false;
    }
    return true;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Character next = first_character(text);
        if (is_control(next.value) || reorders(next.value)) {
            append_escape(out, next.value);
        } else if (next.value == kReplacement) {
            out += "\xef\xbf\xbd";
        } else {
            out += text.substr(0, next.bytes);
        }
        text.remove_prefix(next.bytes);
    }
    return out;
}

size_t display_width(std::string_view text) {
    if (is_ascii(text)) return text.size();
    const UnicodeLocale locale;
    size_t width = 0;
    while (!text.empty()) {
        const Character next = first_character(text);
        width += width_of(next.value);
        text.remove_prefix(next.bytes);
    }
    return width;
}

std::string cut_to_width(std::string_view text, size_t width) {
    if (display_width(text) <= width) return std::string(text);
    if (width == 0) return {};
    const UnicodeLocale locale;
    size_t bytes = 0;
    size_t used = 0;
    while (bytes < text.size()) {
        const Character next = first_character(text.substr(bytes));
        used += width_of(next.value);
        if (used > width - 1) break;
        bytes += next.bytes;
    }
    return std::string(text.substr(0, bytes)).append(kEllipsis);
}

}  // namespace insula::cli
