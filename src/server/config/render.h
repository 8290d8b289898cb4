// Configuration as text: what holds, what was found, and the pages that are made from the table of
// keys.
#pragma once

#include <string>

#include "base/result.h"
#include "server/config/config.h"

namespace insula::config {

enum class Format : uint8_t { yaml, json };

// Every key with its value and origin; secrets as ***. The YAML can be used as a file, but for its
// secrets.
std::string print(const LoadedConfig& loaded, Format format);

// "warning: config.yaml:5: …"
std::string describe(const Note& note);
// What `insula config check` says: the notes and a last line, or the problems.
std::string check_report(const Result<LoadedConfig>& loaded);

// docs/reference/configuration.md, config.env.example and config.yaml.example.
std::string reference();
std::string example_env();
std::string example_yaml();

}  // namespace insula::config
