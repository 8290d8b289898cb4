// UTF-8 that comes from outside and goes into JSON. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace insula::json {

// Bytes of the well-formed sequence (Unicode 15, table 3-7) at the front of a text that is not
// empty; 0 if there is none.
size_t utf8_sequence(std::string_view text);

bool valid_utf8(std::string_view text);
// Each byte that belongs to no well-formed sequence becomes U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace insula::json
