// Text as a terminal shows it: control characters made visible, width in cells. Pure functions,
// thread-safe. Widths are the C library's (wcwidth with Unicode's tables): two cells for East Asian
// wide characters and most emoji, none for combining marks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace insula::cli {

// The text with everything escaped that would move the cursor, change colours or reorder what is
// shown ("\n", "\u001b", "\u202e"), and bytes that are not UTF-8 as U+FFFD. Data from elsewhere can
// be shown so without steering the terminal.
std::string printable(std::string_view text);

// In cells. `text` is printable() text.
size_t display_width(std::string_view text);

// The longest beginning of `text` that fits `width` cells with "…" behind it, or all of it where
// that fits. Never cuts inside a character or before its combining marks.
std::string cut_to_width(std::string_view text, size_t width);

}  // namespace insula::cli
