// The settings that a server runs with, and where each came from.
//
// Precedence: flag over environment over environment file over YAML over default. Every source is
// checked, also where another overrides it, and all problems are reported at once.
//
// Errors of this folder speak to the operator who starts the server, never to tenants: their
// messages name files and lines, one problem a line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "platform/runtime/machine.h"
#include "server/config/key.h"

namespace insula::config {

inline constexpr uint64_t kFileBytesMax = 1 * kMiB;
inline constexpr size_t kProblemsMax = 50;  // reported at once

// Lowest precedence first.
enum class Layer : uint8_t { initial, automatic, yaml, env_file, environment, flag };

struct Setting {
    Value value;
    Layer layer = Layer::initial;
    std::string where;  // "config.yaml:12", "config.env:3", "environment REST_PORT", "--data-dir";
                        // may be empty
    bool given() const { return layer >= Layer::yaml; }
};

// One value for each key. Immutable once loaded. Asking for an unknown key or another type aborts.
class Config {
  public:
    // Every key at its default on this machine.
    explicit Config(const Machine& machine);

    bool boolean(std::string_view name) const;
    int64_t integer(std::string_view name) const;
    uint64_t bytes(std::string_view name) const;
    std::chrono::nanoseconds duration(std::string_view name) const;
    double ratio(std::string_view name) const;
    const std::string& text(std::string_view name) const;  // text, choice, path
    const std::vector<std::string>& list(std::string_view name) const;
    const std::vector<Record>& records(std::string_view name) const;

    const Setting& at(std::string_view name) const;
    const Setting& at(const Key& key) const;
    void set(const Key& key, Setting setting);

  private:
    const Setting& of_kind(std::string_view name, Kind kind) const;

    std::vector<Setting> settings_;  // in the order of keys()
};

struct TextFile {
    std::string path;
    std::string content;
};

struct Flag {
    std::string key;  // "server.data_dir"
    std::string value;
    std::string written;  // "--data-dir", for messages
};

struct Sources {
    std::vector<Flag> flags;
    std::vector<std::pair<std::string, std::string>> environment;
    std::optional<TextFile> env_file;
    std::optional<TextFile> yaml;
    Machine machine;
};

// Something to tell the operator at start that does not stop the server.
struct Note {
    enum class Severity : uint8_t { note, warning };
    Severity severity = Severity::note;
    std::string where;  // as Setting::where
    std::string text;
};

struct LoadedConfig {
    Config config;
    std::vector<Note> notes;
    Machine machine;
};

// Fails with invalid_configuration; the message has one problem a line.
Result<LoadedConfig> load(const Sources& sources);

// The whole file, which must not exceed kFileBytesMax.
Result<TextFile> read_text_file(const std::string& path);
// The process's environment.
std::vector<std::pair<std::string, std::string>> process_environment();

}  // namespace insula::config
