// YAML files as flat settings: the sections of keys joined with dots, each with its line. Which
// keys there are decides where a section ends and a value begins. Only this file and its .cc know
// yaml-cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/key.h"

namespace insula::config {

struct YamlSetting {
    const Key* key = nullptr;
    Value value;
    size_t line = 0;
};

// Something to say that is no mistake.
struct YamlNote {
    size_t line = 0;
    std::string text;
};

struct YamlFile {
    std::vector<YamlSetting> settings;
    std::vector<YamlNote> notes;
    std::vector<std::string> problems;  // "config.yaml:12: …"
};

// ${NAME} in a value is replaced by what `variable` gives, ${NAME:-text} by text where it gives
// nothing, $$ by $. A key whose variable is not set keeps its default where the key has no effect
// yet, and is a problem otherwise. A key that is given as "auto" is left out.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;
YamlFile parse_yaml_file(std::string_view path, const std::string& content,
                         const Variables& variable);

}  // namespace insula::config
