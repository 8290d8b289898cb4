#include "server/config/yaml_file.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <expected>
#include <map>
#include <sstream>
#include <utility>

#include "server/config/value.h"

namespace insula::config {
namespace {

constexpr size_t kDepthMax = 8;

std::string joined(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
}

// Quoted, and without bytes that would disturb a terminal.
std::string shown(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, 100)) {
        const auto byte = static_cast<uint8_t>(c);
        result.push_back(byte < 0x20 || byte == 0x7f ? '?' : c);
    }
    return result;
}

class Walk {
  public:
    Walk(std::string_view path, const Variables& variable, YamlFile& file)
        : path_(path), variable_(variable), file_(file) {}

    void section(const YAML::Node& node, const std::string& name, size_t depth);

  private:
    void member(const YAML::Node& node, const std::string& name, size_t line, size_t depth);
    void setting(const YAML::Node& node, const Key& key, size_t line);
    void scalar(const YAML::Node& node, const Key& key, size_t line);
    void list(const YAML::Node& node, const Key& key, size_t line);
    void records(const YAML::Node& node, const Key& key, size_t line);
    void take(const Key& key, Result<Value> value, size_t line);

    struct Unset {
        std::string name;
    };
    struct Malformed {};
    using Expanded = std::expected<std::string, std::variant<Unset, Malformed>>;
    Expanded expand(std::string_view text) const;
    // The text with variables replaced; nullopt after reporting why there is none.
    std::optional<std::string> text_of(const YAML::Node& node, const Key& key, size_t line);

    static size_t line_of(const YAML::Node& node) {
        return static_cast<size_t>(std::max(0, node.Mark().line)) + 1;
    }
    void problem(size_t line, std::string_view what) {
        file_.problems.push_back(fmt::format("{}:{}: {}", path_, line, what));
    }
    void note(size_t line, std::string what) { file_.notes.push_back({line, std::move(what)}); }

    const std::string path_;
    const Variables& variable_;
    YamlFile& file_;
    std::map<const Key*, size_t> lines_;  // where a key was set
};

void Walk::section(const YAML::Node& node, const std::string& name, size_t depth) {
    if (node.IsNull()) return;  // all its keys are commented out
    const std::string what = name.empty() ? "the file" : name;
    if (!node.IsMap()) {
        return problem(line_of(node), fmt::format("{} holds keys, and not a value", what));
    }
    if (depth > kDepthMax) {
        return problem(line_of(node), fmt::format("{} is nested too deeply", shown(what)));
    }
    std::map<std::string, size_t> seen;
    for (const auto& entry : node) {
        const size_t line = line_of(entry.first);
        if (!entry.first.IsScalar()) {
            problem(line, fmt::format("a key of {} is no word", what));
            continue;
        }
        const std::string& key = entry.first.Scalar();
        if (const auto [first, added] = seen.emplace(key, line); !added) {
            problem(line, fmt::format("{} is set twice, first in line {}", shown(joined(name, key)),
                                      first->second));
            continue;
        }
        member(entry.second, joined(name, key), line, depth);
    }
}

void Walk::member(const YAML::Node& node, const std::string& name, size_t line, size_t depth) {
    if (const Key* key = find_yaml_key(name)) {
        if (const auto [first, added] = lines_.emplace(key, line); !added) {
            return problem(line, fmt::format("{} is another name of {}, which line {} sets", name,
                                             key->name, first->second));
        }
        return setting(node, *key, line);
    }
    if (is_section(name)) return section(node, name, depth + 1);
    const std::string nearest = nearest_yaml_name(name);
    problem(line, nearest.empty()
                      ? fmt::format("unknown key {} (`insula config reference` lists all keys)",
                                    shown(name))
                      : fmt::format("unknown key {}; did you mean {}?", shown(name), nearest));
}

void Walk::setting(const YAML::Node& node, const Key& key, size_t line) {
    if (node.IsNull()) {
        return problem(line, fmt::format("{} has no value: it takes {}; or remove the line",
                                         key.name, allowed(key)));
    }
    if (key.kind == Kind::records) return records(node, key, line);
    if (node.IsSequence() && key.kind == Kind::list) return list(node, key, line);
    if (!node.IsScalar()) {
        return problem(line, fmt::format("{} is a {}: it takes {}", key.name,
                                         node.IsMap() ? "mapping" : "list", allowed(key)));
    }
    scalar(node, key, line);
}

void Walk::scalar(const YAML::Node& node, const Key& key, size_t line) {
    const std::optional<std::string> text = text_of(node, key, line);
    if (!text || (*text == "auto" && key.automatic != nullptr)) return;
    take(key, parse_value(key, *text), line);
}

void Walk::list(const YAML::Node& node, const Key& key, size_t line) {
    std::vector<std::string> items;
    for (const YAML::Node& item : node) {
        if (!item.IsScalar()) {
            return problem(line_of(item), fmt::format("an item of {} is no text", key.name));
        }
        std::optional<std::string> text = text_of(item, key, line);
        if (!text) return;
        items.push_back(*std::move(text));
    }
    take(key, make_list(key, std::move(items)), line);
}

void Walk::records(const YAML::Node& node, const Key& key, size_t line) {
    const std::vector<std::string_view> fields = words(key.choices);
    const auto wrong = [&](const YAML::Node& at, std::string_view what) {
        problem(line_of(at), fmt::format("{}: {}: it takes {}", key.name, what, allowed(key)));
    };
    if (!node.IsSequence()) return wrong(node, "this is no list");
    if (node.size() > kListItemsMax) return wrong(node, "it has too many items");
    std::vector<Record> records;
    for (const YAML::Node& item : node) {
        if (!item.IsMap()) return wrong(item, "an item is no mapping");
        Record& record = records.emplace_back();
        for (const auto& entry : item) {
            const std::string field = entry.first.IsScalar() ? entry.first.Scalar() : "";
            if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
                return wrong(entry.first, fmt::format("unknown field \"{}\"", shown(field)));
            }
            if (!entry.second.IsScalar()) {
                return wrong(entry.second, fmt::format("{} is no text", field));
            }
            std::optional<std::string> text = text_of(entry.second, key, line_of(entry.second));
            if (!text) return;
            record.emplace_back(field, *std::move(text));
        }
    }
    take(key, Value(std::move(records)), line);
}

void Walk::take(const Key& key, Result<Value> value, size_t line) {
    if (!value) return problem(line, value.error().message());
    file_.settings.push_back({&key, *std::move(value), line});
}

Walk::Expanded Walk::expand(std::string_view text) const {
    std::string result;
    while (!text.empty()) {
        const size_t dollar = text.find('$');
        result.append(text.substr(0, dollar));
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar + 1);
        if (text.starts_with('$')) {
            result.push_back('$');
            text.remove_prefix(1);
            continue;
        }
        if (!text.starts_with('{')) {
            result.push_back('$');
            continue;
        }
        const size_t end = text.find('}');
        if (end == std::string_view::npos) return std::unexpected(Malformed{});
        const std::string_view inside = text.substr(1, end - 1);
        const size_t fallback = inside.find(":-");
        const std::string_view name = inside.substr(0, fallback);
        if (name.empty()) return std::unexpected(Malformed{});
        std::optional<std::string> value = variable_(name);
        if (value && !value->empty()) {
            result.append(*value);
        } else if (fallback != std::string_view::npos) {
            result.append(inside.substr(fallback + 2));
        } else if (value) {
            // Set, and empty.
        } else {
            return std::unexpected(Unset{std::string(name)});
        }
        text.remove_prefix(end + 1);
    }
    return result;
}

std::optional<std::string> Walk::text_of(const YAML::Node& node, const Key& key, size_t line) {
    Expanded text = expand(node.Scalar());
    if (text) return *std::move(text);
    const auto* unset = std::get_if<Unset>(&text.error());
    if (unset == nullptr) {
        problem(line, fmt::format("{}: a variable is written ${{NAME}} or ${{NAME:-default}}, a "
                                  "dollar sign by itself $$",
                                  key.name));
    } else if (!key.planned.empty() || key.variable_may_be_unset) {
        note(line, fmt::format("{} keeps its default: the variable {} is not set", key.name,
                               shown(unset->name)));
    } else {
        problem(line,
                fmt::format("{}: the variable {} is not set; set it, or write ${{{}:-default}}",
                            key.name, shown(unset->name), shown(unset->name)));
    }
    return std::nullopt;
}

// Sees a document go by without making anything of it.
class PassingBy final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

// How many documents there are, counted up to 2: yaml-cpp finds documents without end in text such
// as ",", and its LoadAll() would keep them all.
int documents_of(const std::string& content) {
    std::istringstream input(content);
    YAML::Parser parser(input);
    PassingBy passing_by;
    int documents = 0;
    while (documents < 2 && parser.HandleNextDocument(passing_by)) ++documents;
    return documents;
}

}  // namespace

YamlFile parse_yaml_file(std::string_view path, const std::string& content,
                         const Variables& variable) {
    YamlFile file;
    try {
        switch (documents_of(content)) {
            case 0:
                break;
            case 1:
                Walk(path, variable, file).section(YAML::Load(content), {}, 0);
                break;
            default:
                file.problems.push_back(
                    fmt::format("{}: the file holds more than one YAML document, or text that "
                                "belongs to no key",
                                path));
        }
    } catch (const YAML::Exception& failure) {
        file.problems.push_back(fmt::format("{}:{}: this is not YAML: {}", path,
                                            std::max(0, failure.mark.line) + 1, failure.msg));
    }
    return file;
}

}  // namespace insula::config
