// Lookup of std::string keys by std::string_view without a copy, for the standard's unordered
// containers: std::unordered_map<std::string, T, StringHash, std::equal_to<>>.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace insula {

struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace insula
