// The paths that exist for the engine. Everything else does not.
#pragma once

#include <string_view>

namespace insula::engine {

inline constexpr std::string_view kRoot = "insula://";
inline constexpr std::string_view kFilePrefix = "insula://f/";  // files that the running query pins
inline constexpr std::string_view kOutputPath = "insula://out";  // the file that the query writes
inline constexpr std::string_view kSpillDirectory = "insula://spill";
inline constexpr std::string_view kSpillPrefix = "insula://spill/";

}  // namespace insula::engine
