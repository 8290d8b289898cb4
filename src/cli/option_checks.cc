#include "cli/option_checks.h"

namespace insula::cli {

namespace {

constexpr size_t kDigitsMax = 18;

}  // namespace

std::string refuse_empty(const std::string& value) {
    return value.empty() ? "is given and empty" : std::string();
}

std::string refuse_no_whole_number(const std::string& value) {
    const bool digits =
        !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    const bool plain = value.size() == 1 || (digits && value.front() != '0');
    if (digits && plain && value.size() <= kDigitsMax) return {};
    return "must be a whole number from 0 on; it is \"" + value + "\"";
}

}  // namespace insula::cli
