#include "base/version.h"

namespace insula {

std::string_view version() { return INSULA_VERSION; }
std::string_view build_type() { return INSULA_BUILD_TYPE; }

}  // namespace insula
