// The reference page and the examples, made from the table of keys. A test compares them with the
// files.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "server/config/render.h"
#include "server/config/value.h"

namespace insula::config {
namespace {

constexpr std::string_view kReferenceHead = R"(# Configuration

<!-- Made from the table of keys by `insula config reference`; do not edit by hand. -->

Settings come from, highest precedence first: **flags**, the **environment**, an **environment
file** (`--env-file`), a **YAML file** (`--config`), and the defaults below. `insula config print`
shows what holds and where each value came from, `insula config check` reports problems without
starting the server; both take the same flags as `insula serve`.

- In YAML a key is `section.key` as nested mappings. `${NAME}` is replaced by the variable NAME of
  the environment or of the environment file, `${NAME:-text}` falls back to text, `$$` is a dollar
  sign.
- In the environment a key is `INSULA_SECTION_KEY` (`INSULA_SERVER_REST_PORT`), or one of its
  other names below. A unit behind another name is that of a bare number: `WAL_RETENTION_HOURS=24`
  is 24 hours.
- In an environment file a line is `NAME=value`. The value runs to the end of the line, may hold
  blanks, and may be quoted; ` #` begins a comment.
- An unknown key or an unknown `INSULA_` variable is an error that names the nearest known one.
  Other unknown variables are ignored in the environment and reported in an environment file.
- **Sizes**: `4096`, `64KiB`, `50Gi`, `1.5GiB` (powers of 1024); `1MB`, `1G` (powers of 1000).
  **Durations**: `100ms`, `30s`, `60m`, `1h30m`, `7d`. **Shares**: `70%` or `0.7`. **Booleans**:
  `true`/`false`, `on`/`off`, `yes`/`no`, `1`/`0`. **Lists**: YAML lists, or with commas between.
- `auto` sizes a setting to the machine: the cores that the process may use and the memory that it
  may use, by affinity and container limits; where that is above a setting that bounds it, to that.
- Where it says *not yet available*, the key is accepted, checked, and said at start to have no
  effect.
)";

std::string_view kind_name(Kind kind) {
    switch (kind) {
        case Kind::boolean:
            return "boolean";
        case Kind::integer:
            return "integer";
        case Kind::bytes:
            return "size";
        case Kind::duration:
            return "duration";
        case Kind::ratio:
            return "share";
        case Kind::text:
            return "text";
        case Kind::choice:
            return "choice";
        case Kind::path:
            return "path";
        case Kind::list:
            return "list";
        case Kind::records:
            return "list of mappings";
    }
    return {};
}

std::string_view section_of(const Key& key) { return key.name.substr(0, key.name.find('.')); }

// A `|` would end the table's cell.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

std::string bounds(const Key& key) {
    if (!key.choices.empty()) return fmt::format("`{}`", fmt::join(words(key.choices), "`, `"));
    if (key.minimum.empty() && key.maximum.empty()) return {};
    return fmt::format("{} – {}", key.minimum, key.maximum);
}

std::string other_names(const Key& key) {
    std::string out;
    for (const std::string_view alias : words(key.aliases)) {
        const size_t colon = alias.find(':');
        fmt::format_to(std::back_inserter(out), "{}`{}`", out.empty() ? "" : ", ",
                       alias.substr(0, colon));
        if (colon != std::string_view::npos) {
            fmt::format_to(std::back_inserter(out), " ({})", alias.substr(colon + 1));
        }
    }
    for (const std::string_view alias : words(key.yaml_aliases)) {
        fmt::format_to(std::back_inserter(out), "{}`{}`", out.empty() ? "" : ", ", alias);
    }
    return out;
}

std::string explanation(const Key& key) {
    std::string out(key.description);
    if (key.automatic != nullptr) {
        fmt::format_to(std::back_inserter(out), " `auto`: {}.", key.automatic_rule);
    }
    if (key.secret) out.append(" Secret: never shown.");
    if (key.reloadable) out.append(" Can change while the server runs.");
    if (!key.replaced_by.empty()) {
        fmt::format_to(std::back_inserter(out), " Use `{}`: {}.", key.replaced_by, key.remark);
    }
    if (!key.planned.empty()) {
        fmt::format_to(std::back_inserter(out), " *Not yet available: {}{}.*", key.planned,
                       key.ready.empty() ? "" : fmt::format(" (`{}` is)", key.ready));
    }
    return out;
}

// The variable that the example uses: the seed's short name where there is one.
struct ExampleVariable {
    std::string name;
    std::string value;
};

ExampleVariable example_variable(const Key& key) {
    const std::vector<std::string_view> aliases = words(key.aliases);
    const std::string_view alias = aliases.front();
    const size_t colon = alias.find(':');
    ExampleVariable variable{std::string(alias.substr(0, colon)), std::string(key.initial)};
    if (colon == std::string_view::npos) return variable;
    // "60m" with the unit m is "60".
    const std::string_view unit = alias.substr(colon + 1);
    if (variable.value.ends_with(unit)) {
        variable.value.resize(variable.value.size() - unit.size());
    }
    return variable;
}

void append_variables(std::string& out, std::string_view title,
                      std::initializer_list<std::string_view> names) {
    fmt::format_to(std::back_inserter(out), "\n# {}\n", title);
    for (const std::string_view name : names) {
        const ExampleVariable variable = example_variable(*find_key(name));
        fmt::format_to(std::back_inserter(out), "{}={}\n", variable.name, variable.value);
    }
}

}  // namespace

std::string reference() {
    std::string out(kReferenceHead);
    std::string_view section;
    for (const Key& key : keys()) {
        if (section_of(key) != section) {
            section = section_of(key);
            fmt::format_to(
                std::back_inserter(out),
                "\n## {}\n\n| key | type | default | allowed | what it is | other names |\n"
                "|---|---|---|---|---|---|\n",
                section);
        }
        fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} | {} | {} |\n", key.name,
                       kind_name(key.kind),
                       key.initial.empty() ? "" : fmt::format("`{}`", key.initial),
                       cell(bounds(key)), cell(explanation(key)), other_names(key));
    }
    return out;
}

std::string example_env() {
    std::string out =
        "# Settings for `insula serve --env-file config.env`: copy this file to config.env and "
        "edit it.\n"
        "# Every setting has more names and bounds in docs/reference/configuration.md.\n";
    append_variables(out, "The default tenant.", {"tenant.id", "tenant.name"});
    append_variables(out, "Where data is kept and where the server listens.",
                     {"server.data_dir", "server.host", "server.rest_port", "server.grpc_port"});
    append_variables(out, "Searches and the journal.",
                     {"tables.max_concurrent_searches", "journal.retention"});
    append_variables(
        out, "Autoscaling (not yet available; thresholds in percent).",
        {"scaling.enabled", "scaling.min_workers", "scaling.max_workers", "scaling.scale_up_cpu",
         "scaling.scale_down_cpu", "scaling.scale_up_memory", "scaling.scale_down_memory"});
    append_variables(out, "Compaction (not yet available; sizes in MiB).",
                     {"compaction.enabled", "compaction.interval", "compaction.min_file_bytes",
                      "compaction.max_file_bytes", "compaction.target_file_bytes"});
    append_variables(out, "Query optimization (not yet available).",
                     {"optimizer.enabled", "optimizer.statistics_refresh_interval",
                      "optimizer.cost_model_learning"});
    return out;
}

std::string example_yaml() {
    std::string out =
        "# Settings for `insula serve --config config.yaml`: copy this file to config.yaml and "
        "edit it.\n"
        "# These are all keys that have an effect, with their defaults; "
        "docs/reference/configuration.md\n"
        "# describes them and those that are accepted for what is not yet available.\n\n";
    std::string_view section;
    for (const Key& key : keys()) {
        if (!key.planned.empty() || !key.replaced_by.empty()) continue;
        if (section_of(key) != section) {
            fmt::format_to(std::back_inserter(out), "{}{}:\n", section.empty() ? "" : "\n",
                           section_of(key));
            section = section_of(key);
        }
        const std::string_view name = key.name.substr(section.size() + 1);
        std::string value(key.initial);
        if (key.kind == Kind::list) value = "[" + value + "]";
        if (key.kind == Kind::text || key.kind == Kind::path) value = fmt::format("\"{}\"", value);
        fmt::format_to(std::back_inserter(out), "  # {}\n  {}: {}\n", key.description, name, value);
    }
    return out;
}

}  // namespace insula::config
