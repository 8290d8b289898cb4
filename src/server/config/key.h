// The one table of settings: everything about a key stands in its entry, and reading, checking,
// printing, the reference page and the examples all follow from it. Constant data; safe to use from
// anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "platform/runtime/machine.h"

namespace insula::config {

enum class Kind : uint8_t {
    boolean,  // true/false, on/off, yes/no, 1/0
    integer,
    bytes,     // 4096, 64MiB, 50Gi, 1MB
    duration,  // 100ms, 30s, 1h30m, 7d
    ratio,     // 70% or 0.7
    text,
    choice,  // one of Key::choices
    path,
    list,     // of texts; in the environment with commas between
    records,  // list of mappings with the fields of Key::choices; YAML only
};

using Record = std::vector<std::pair<std::string, std::string>>;
// boolean: bool; integer, bytes and duration (nanoseconds): int64_t; ratio: double; text, choice
// and path: string; then list and records.
using Value =
    std::variant<bool, int64_t, double, std::string, std::vector<std::string>, std::vector<Record>>;

struct Key {
    std::string_view name;  // "server.rest_port"
    Kind kind = Kind::text;
    std::string_view initial;  // the default, as it would be written; "auto": see `automatic`
    std::string_view description;
    std::string_view minimum{};  // as it would be written; empty: none
    std::string_view maximum{};
    std::string_view choices{};  // choice: the words; records: the fields; blanks between
    // Further names in the environment, blanks between. A unit behind a colon is added to a bare
    // number: "WAL_RETENTION_HOURS:h".
    std::string_view aliases{};
    std::string_view yaml_aliases{};  // further names in YAML
    // The capability that the key belongs to, if that is not yet available; the key is then
    // accepted, and said to have no effect. `ready` names values (blanks between) that hold all the
    // same.
    std::string_view planned{};
    std::string_view ready{};
    std::string_view replaced_by{};  // the key to use instead; this one has no effect
    std::string_view remark{};       // what else to say when a planned or replaced key is set
    bool secret = false;             // never shown
    // An unset ${VARIABLE} in YAML leaves the default, which is said, where it would be a mistake.
    bool variable_may_be_unset = false;
    bool reloadable = false;  // can change while the server runs
    // For "auto": the value for this machine, and the rule in words.
    uint64_t (*automatic)(const Machine& machine) = nullptr;
    std::string_view automatic_rule{};
    // Refuses values that are well-formed and in bounds; the message says what to do.
    Status (*refuse)(const Value& value) = nullptr;
    // A warning about a value that is accepted; empty: none.
    std::string_view (*caution)(const Value& value) = nullptr;
};

// All keys, section by section.
std::span<const Key> keys();

const Key* find_key(std::string_view name);
// By name or YAML alias.
const Key* find_yaml_key(std::string_view path);
// Whether keys stand below `path`: "server", "server.tls".
bool is_section(std::string_view path);

// "INSULA_SERVER_REST_PORT"
std::string environment_name(const Key& key);
struct EnvironmentName {
    const Key* key;
    std::string_view unit;  // added to a bare number
};
std::optional<EnvironmentName> find_environment_name(std::string_view name);

// The known name that is most like `name`, or empty if none is like it.
std::string nearest_yaml_name(std::string_view name);
std::string nearest_environment_name(std::string_view name);

// The words of a blank-separated list such as Key::aliases.
std::vector<std::string_view> words(std::string_view text);

// Parts of the table, a file each.
std::span<const Key> server_keys();
std::span<const Key> table_keys();
std::span<const Key> operation_keys();
std::span<const Key> object_keys();

}  // namespace insula::config
