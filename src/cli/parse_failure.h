// What the command line's parser found wrong, for people: the parser's own words are about itself.
#pragma once

#include "base/error.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
class ParseError;
}  // namespace CLI

namespace insula::cli {

// A usage error with the command's --help as its hint. `root` is what was parsed.
Error parse_failure(const CLI::App& root, const CLI::ParseError& failure);

}  // namespace insula::cli
