#include "server/config/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/check.h"
#include "server/config/value.h"

extern char** environ;

namespace insula::config {

Config::Config(const Machine& machine) {
    settings_.reserve(keys().size());
    for (const Key& key : keys()) {
        if (key.automatic != nullptr && key.initial == "auto") {
            settings_.push_back(
                {Value(static_cast<int64_t>(key.automatic(machine))), Layer::automatic, {}});
            continue;
        }
        if (key.kind == Kind::records) {
            settings_.push_back({Value(std::vector<Record>{}), Layer::initial, {}});
            continue;
        }
        Result<Value> value = parse_value(key, key.initial);
        INSULA_CHECK(value, "a setting's default is valid");
        settings_.push_back({*std::move(value), Layer::initial, {}});
    }
}

const Setting& Config::at(const Key& key) const {
    return settings_[static_cast<size_t>(&key - keys().data())];
}

const Setting& Config::at(std::string_view name) const {
    const Key* key = find_key(name);
    INSULA_CHECK(key != nullptr, "a setting is asked for by a name in the table");
    return at(*key);
}

void Config::set(const Key& key, Setting setting) {
    settings_[static_cast<size_t>(&key - keys().data())] = std::move(setting);
}

const Setting& Config::of_kind(std::string_view name, Kind kind) const {
    const Key* key = find_key(name);
    INSULA_CHECK(key != nullptr, "a setting is asked for by a name in the table");
    INSULA_CHECK(key->kind == kind, "a setting is asked for as what it is");
    return at(*key);
}

bool Config::boolean(std::string_view name) const {
    return std::get<bool>(of_kind(name, Kind::boolean).value);
}
int64_t Config::integer(std::string_view name) const {
    return std::get<int64_t>(of_kind(name, Kind::integer).value);
}
uint64_t Config::bytes(std::string_view name) const {
    return static_cast<uint64_t>(std::get<int64_t>(of_kind(name, Kind::bytes).value));
}
std::chrono::nanoseconds Config::duration(std::string_view name) const {
    return std::chrono::nanoseconds(std::get<int64_t>(of_kind(name, Kind::duration).value));
}
double Config::ratio(std::string_view name) const {
    return std::get<double>(of_kind(name, Kind::ratio).value);
}
const std::string& Config::text(std::string_view name) const {
    return std::get<std::string>(at(name).value);
}
const std::vector<std::string>& Config::list(std::string_view name) const {
    return std::get<std::vector<std::string>>(of_kind(name, Kind::list).value);
}
const std::vector<Record>& Config::records(std::string_view name) const {
    return std::get<std::vector<Record>>(of_kind(name, Kind::records).value);
}

Result<TextFile> read_text_file(const std::string& path) {
    const auto unreadable = [&](std::string_view why) {
        return Error(Code::invalid_argument, "unreadable_file",
                     fmt::format("{}: the file cannot be read: {}", path, why))
            .with_hint("Check the path and the permissions of the file.");
    };
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return fail(unreadable(std::strerror(errno)));
    TextFile file{path, std::string(kFileBytesMax + 1, '\0')};
    stream.read(file.content.data(), static_cast<std::streamsize>(file.content.size()));
    if (stream.bad()) return fail(unreadable("reading failed"));
    // Opening a folder succeeds, reading it does not.
    if (stream.gcount() == 0 && !stream.eof()) return fail(unreadable("it is no file"));
    const auto size = static_cast<size_t>(stream.gcount());
    if (size > kFileBytesMax) return fail(unreadable("it is larger than 1 MiB"));
    file.content.resize(size);
    return file;
}

std::vector<std::pair<std::string, std::string>> process_environment() {
    std::vector<std::pair<std::string, std::string>> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace insula::config
