#include "server/config/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "platform/json/json_writer.h"
#include "server/config/value.h"

namespace insula::config {
namespace {

constexpr std::string_view kHidden = "***";

std::string_view layer_name(Layer layer) {
    switch (layer) {
        case Layer::initial:
            return "default";
        case Layer::automatic:
            return "auto";
        case Layer::yaml:
            return "yaml";
        case Layer::env_file:
            return "env_file";
        case Layer::environment:
            return "environment";
        case Layer::flag:
            return "flag";
    }
    return {};
}

std::string shown_value(const Key& key, const Setting& setting) {
    std::string text = format_value(key, setting.value);
    if (key.secret && !text.empty()) return std::string(kHidden);
    return text;
}

// YAML takes JSON's strings; a dollar sign would begin a variable.
std::string quoted(std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped.append(c == '$' ? 2 : 1, c);
    std::string out;
    json::JsonWriter writer(out);
    writer.string(escaped);
    writer.finish();
    return out;
}

std::string yaml_items(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) {
        if (out.size() > 1) out.append(", ");
        out.append(quoted(item));
    }
    return out + "]";
}

std::string yaml_value(const Key& key, const Setting& setting) {
    switch (key.kind) {
        case Kind::boolean:
        case Kind::integer:
        case Kind::bytes:
        case Kind::duration:
        case Kind::ratio:
            return format_value(key, setting.value);
        case Kind::list:
            return yaml_items(std::get<std::vector<std::string>>(setting.value));
        case Kind::text:
        case Kind::choice:
        case Kind::path:
            return quoted(shown_value(key, setting));
        case Kind::records:
            break;
    }
    std::string out = "[";
    for (const Record& record : std::get<std::vector<Record>>(setting.value)) {
        out.append(out.size() > 1 ? ", {" : "{");
        for (size_t i = 0; i < record.size(); ++i) {
            fmt::format_to(std::back_inserter(out), "{}{}: {}", i == 0 ? "" : ", ", record[i].first,
                           quoted(record[i].second));
        }
        out.push_back('}');
    }
    return out + "]";
}

std::vector<std::string_view> parts_of(std::string_view name) {
    std::vector<std::string_view> parts;
    for (;;) {
        const size_t dot = name.find('.');
        parts.push_back(name.substr(0, dot));
        if (dot == std::string_view::npos) return parts;
        name.remove_prefix(dot + 1);
    }
}

// Writes the sections above each key. Keys of a section stand together in the table, but its own
// keys and its subsections may take turns, so a section is opened only where the one before has
// another name.
class YamlSections {
  public:
    explicit YamlSections(std::string& out) : out_(out) {}
    // Opens the sections of `name`, and returns the indentation of its line.
    std::string enter(std::string_view name) {
        std::vector<std::string_view> parts = parts_of(name);
        parts.pop_back();
        size_t same = 0;
        while (same < parts.size() && same < open_.size() && parts[same] == open_[same]) ++same;
        if (same == 0 && !open_.empty()) out_.push_back('\n');
        for (size_t i = same; i < parts.size(); ++i) {
            fmt::format_to(std::back_inserter(out_), "{:{}}{}:\n", "", 2 * i, parts[i]);
        }
        open_ = std::move(parts);
        return std::string(2 * open_.size(), ' ');
    }

  private:
    std::string& out_;
    std::vector<std::string_view> open_;
};

std::string origin(const Setting& setting) {
    return setting.where.empty() ? std::string(layer_name(setting.layer)) : setting.where;
}

std::string print_yaml(const LoadedConfig& loaded) {
    std::string out;
    YamlSections sections(out);
    for (const Key& key : keys()) {
        const Setting& setting = loaded.config.at(key);
        const std::string indent = sections.enter(key.name);
        fmt::format_to(std::back_inserter(out), "{}{}: {}  # {}{}\n", indent,
                       parts_of(key.name).back(), yaml_value(key, setting), origin(setting),
                       key.planned.empty() && key.replaced_by.empty() ? "" : "; no effect yet");
    }
    return out;
}

std::string print_json(const LoadedConfig& loaded) {
    std::string out;
    json::JsonWriter writer(out);
    writer.begin_array();
    for (const Key& key : keys()) {
        const Setting& setting = loaded.config.at(key);
        writer.begin_object();
        writer.key("key").string(key.name);
        writer.key("value").string(shown_value(key, setting));
        writer.key("origin").string(layer_name(setting.layer));
        writer.key("where").string(setting.where);
        writer.key("available").boolean(key.planned.empty() && key.replaced_by.empty());
        writer.end_object();
    }
    writer.end_array();
    writer.finish();
    out.push_back('\n');
    return out;
}

}  // namespace

std::string print(const LoadedConfig& loaded, Format format) {
    return format == Format::json ? print_json(loaded) : print_yaml(loaded);
}

std::string describe(const Note& note) {
    return fmt::format("{}: {}{}{}", note.severity == Note::Severity::warning ? "warning" : "note",
                       note.where, note.where.empty() ? "" : ": ", note.text);
}

std::string check_report(const Result<LoadedConfig>& loaded) {
    if (!loaded) {
        return fmt::format("{}\n{}\n", loaded.error().message(), loaded.error().hint());
    }
    std::string out;
    for (const Note& note : loaded->notes) out.append(describe(note)).push_back('\n');
    const auto given = std::count_if(keys().begin(), keys().end(), [&](const Key& key) {
        return loaded->config.at(key).given();
    });
    const auto warnings =
        std::count_if(loaded->notes.begin(), loaded->notes.end(),
                      [](const Note& note) { return note.severity == Note::Severity::warning; });
    fmt::format_to(std::back_inserter(out), "ok: {} of {} keys are set; {} warnings, {} notes\n",
                   given, keys().size(), warnings,
                   loaded->notes.size() - static_cast<size_t>(warnings));
    return out;
}

}  // namespace insula::config
