// What this program is: shown by `insula --version`, /health/details and the log's first line.
#pragma once

#include <string_view>

namespace insula {

std::string_view version();     // "0.1.0", the project's in CMakeLists.txt
std::string_view build_type();  // "release", "debug", or the sanitizers: "address,undefined"

}  // namespace insula
