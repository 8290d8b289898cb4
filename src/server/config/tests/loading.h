// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/units.h"
#include "server/config/config.h"

namespace insula::config::testing {

inline const Machine kMachine{.cores = 4, .memory_bytes = 8 * kGiB};

inline Result<LoadedConfig> load_yaml(
    std::string content, std::vector<std::pair<std::string, std::string>> environment = {}) {
    return load({.environment = std::move(environment),
                 .yaml = TextFile{"config.yaml", std::move(content)},
                 .machine = kMachine});
}
inline Result<LoadedConfig> load_env(std::string content) {
    return load({.env_file = TextFile{"config.env", std::move(content)}, .machine = kMachine});
}
inline Result<LoadedConfig> load_environment(
    std::vector<std::pair<std::string, std::string>> environment) {
    return load({.environment = std::move(environment), .machine = kMachine});
}

// The message of a load that must fail.
inline std::string problem_of(const Result<LoadedConfig>& loaded) {
    if (loaded) return "it was accepted";
    EXPECT_EQ(loaded.error().reason(), "invalid_configuration");
    return std::string(loaded.error().message());
}

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// Whether one note has all of these parts.
inline bool has_note(const LoadedConfig& loaded, Note::Severity severity, std::string_view where,
                     std::string_view part) {
    for (const Note& note : loaded.notes) {
        if (note.severity == severity && note.where == where && has(note.text, part)) return true;
    }
    return false;
}

// The folder of the tests' inputs.
inline std::string repository() {
    std::filesystem::path at = std::filesystem::canonical("/proc/self/exe");
    while (at.has_relative_path() && !std::filesystem::exists(at / "src/LAYERS")) {
        at = at.parent_path();
    }
    return at.string();
}
inline std::string folder() { return repository() + "/src/server/config/tests"; }

}  // namespace insula::config::testing
