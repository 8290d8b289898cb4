// What an option's value may be, for CLI::Option::check(): each gives an empty text for a good
// value, else what is wrong with it.
#pragma once

#include <string>

namespace insula::cli {

// An empty value is mostly a variable that is not set: `--data-dir "$UNSET"`.
std::string refuse_empty(const std::string& value);

// Digits only, at most 18 of them: the parser alone would take -1 and read 010 as 8.
std::string refuse_no_whole_number(const std::string& value);

}  // namespace insula::cli
