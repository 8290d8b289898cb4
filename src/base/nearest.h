// The name that a client probably meant. Pure, thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace insula {

// The candidate with the fewest single-character edits (letter case counts as half of one), or an
// empty view if none is close enough to be a slip. Looks at the first 64 bytes of a name.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

// "Did you mean \"amount\"?", or an empty string.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

// "a, b, c"
std::string joined(std::span<const std::string_view> names);

}  // namespace insula
