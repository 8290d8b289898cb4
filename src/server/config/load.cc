// Puts the sources of settings together and judges the result.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <set>

#include "server/config/config.h"
#include "server/config/env_file.h"
#include "server/config/rules.h"
#include "server/config/value.h"
#include "server/config/yaml_file.h"

namespace insula::config {
namespace {

// Variables of the command line, which are no settings of the server.
constexpr std::array<std::string_view, 5> kCommandLineVariables{
    "INSULA_API_KEY", "INSULA_SERVER", "INSULA_CA_FILE", "INSULA_CLIENT_CERT", "INSULA_CLIENT_KEY"};

class Loader {
  public:
    explicit Loader(const Sources& sources) : sources_(sources), config_(sources.machine) {}
    Result<LoadedConfig> run();

  private:
    struct Variable {
        std::string_view name;
        std::string_view value;
        std::string where;
    };
    void read_yaml();
    void read_variables(Layer layer, const std::vector<Variable>& variables);
    void read_variable(Layer layer, const Variable& variable,
                       std::map<const Key*, std::string_view>& set_by);
    void read_flags();
    void read_text(const Key& key, std::string_view text, std::string_view unit, Layer layer,
                   const std::string& where);

    void judge();
    void judge_key(const Key& key, const Setting& setting);
    void fit_automatic(std::string_view smaller, std::string_view larger);
    void judge_order(std::string_view smaller, std::string_view larger);
    void judge_ports();
    void judge_exposure();
    void judge_catalog();
    void judge_fail_points();

    void problem(std::string_view where, std::string_view what) {
        problems_.push_back(fmt::format("{}: {}", where, what));
    }
    Error failure() const;

    const Sources& sources_;
    Config config_;
    EnvFile env_file_;
    std::vector<std::string> problems_;
    std::vector<Note> notes_;
};

std::string located(std::string_view path, size_t line) { return fmt::format("{}:{}", path, line); }

// Notes of one file stand in the order of its lines.
bool earlier(const Note& a, const Note& b) {
    const auto place = [](std::string_view where) {
        const size_t colon = where.rfind(':');
        size_t line = 0;
        if (colon != std::string_view::npos) {
            std::from_chars(where.data() + colon + 1, where.data() + where.size(), line);
        }
        return std::pair(where.substr(0, colon), line);
    };
    return std::pair(place(a.where), std::string_view(a.text)) <
           std::pair(place(b.where), std::string_view(b.text));
}

// "70.0" with the unit "%" is "70.0%".
std::string with_unit(std::string_view text, std::string_view unit) {
    const bool bare = !unit.empty() && !text.empty() &&
                      text.find_first_not_of("0123456789.") == std::string_view::npos;
    return bare ? fmt::format("{}{}", text, unit) : std::string(text);
}

void Loader::read_yaml() {
    if (!sources_.yaml) return;
    const Variables variable = [&](std::string_view name) -> std::optional<std::string> {
        for (const auto& [known, value] : sources_.environment) {
            if (known == name) return value;
        }
        for (const EnvLine& line : env_file_.lines) {
            if (line.name == name) return line.value;
        }
        return std::nullopt;
    };
    YamlFile file = parse_yaml_file(sources_.yaml->path, sources_.yaml->content, variable);
    problems_.insert(problems_.end(), file.problems.begin(), file.problems.end());
    for (YamlNote& note : file.notes) {
        notes_.push_back(
            {Note::Severity::note, located(sources_.yaml->path, note.line), std::move(note.text)});
    }
    for (YamlSetting& setting : file.settings) {
        config_.set(*setting.key, {std::move(setting.value), Layer::yaml,
                                   located(sources_.yaml->path, setting.line)});
    }
}

void Loader::read_text(const Key& key, std::string_view text, std::string_view unit, Layer layer,
                       const std::string& where) {
    if (text == "auto" && key.automatic != nullptr) {
        config_.set(key,
                    {Value(static_cast<int64_t>(key.automatic(sources_.machine))), layer, where});
        return;
    }
    Result<Value> value = parse_value(key, with_unit(text, unit));
    if (!value) return problem(where, value.error().message());
    config_.set(key, {*std::move(value), layer, where});
}

void Loader::read_variables(Layer layer, const std::vector<Variable>& variables) {
    std::map<const Key*, std::string_view> set_by;
    for (const Variable& variable : variables) read_variable(layer, variable, set_by);
}

void Loader::read_variable(Layer layer, const Variable& variable,
                           std::map<const Key*, std::string_view>& set_by) {
    if (const auto known = find_environment_name(variable.name)) {
        const auto [first, added] = set_by.emplace(known->key, variable.name);
        if (!added) {
            return problem(variable.where,
                           fmt::format("{} and {} set the same key, {}; keep one of them",
                                       first->second, variable.name, known->key->name));
        }
        return read_text(*known->key, variable.value, known->unit, layer, variable.where);
    }
    const auto command_line =
        std::find(kCommandLineVariables.begin(), kCommandLineVariables.end(), variable.name);
    if (command_line != kCommandLineVariables.end()) return;
    const bool ours = variable.name.starts_with("INSULA_");
    // The environment holds variables of every program; a file is written for this one.
    if (!ours && layer == Layer::environment) return;
    const std::string nearest = nearest_environment_name(variable.name);
    const std::string ask = nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
    if (ours)
        return problem(variable.where, fmt::format("unknown variable {}{}", variable.name, ask));
    notes_.push_back(
        {Note::Severity::warning, variable.where,
         fmt::format("unknown variable {}, which has no effect{}", variable.name, ask)});
}

void Loader::read_flags() {
    for (const Flag& flag : sources_.flags) {
        const Key* key = find_yaml_key(flag.key);
        if (key == nullptr) {
            const std::string nearest = nearest_yaml_name(flag.key);
            problem(flag.written,
                    fmt::format("unknown key {}{}", flag.key,
                                nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
            continue;
        }
        read_text(*key, flag.value, {}, Layer::flag, flag.written);
    }
}

void Loader::judge_key(const Key& key, const Setting& setting) {
    const auto say = [&](Note::Severity severity, std::string text) {
        notes_.push_back({severity, setting.where, std::move(text)});
    };
    const auto remark = [&] { return key.remark.empty() ? "" : fmt::format(" ({})", key.remark); };
    if (!key.replaced_by.empty()) {
        say(Note::Severity::warning,
            fmt::format("{} has no effect; use {} instead{}", key.name, key.replaced_by, remark()));
        return;
    }
    if (!key.planned.empty()) {
        const std::string value = format_value(key, setting.value);
        const std::vector<std::string_view> ready = words(key.ready);
        if (std::find(ready.begin(), ready.end(), value) == ready.end()) {
            say(key.remark.empty() ? Note::Severity::note : Note::Severity::warning,
                fmt::format("{} has no effect; not yet available: {}{}", key.name, key.planned,
                            remark()));
        }
    }
    if (key.caution != nullptr) {
        if (const std::string_view text = key.caution(setting.value); !text.empty()) {
            say(Note::Severity::warning, fmt::format("{}: {}", key.name, text));
        }
    }
}

void Loader::judge_order(std::string_view smaller, std::string_view larger) {
    const Setting& low = config_.at(smaller);
    const Setting& high = config_.at(larger);
    if (low.value <= high.value) return;
    const auto told = [&](std::string_view name, const Setting& setting) {
        return fmt::format("{} ({}{}{})", name, format_value(*find_key(name), setting.value),
                           setting.where.empty() ? "" : ", ", setting.where);
    };
    const Setting& given = low.given() ? low : high;
    problem(given.where.empty() ? "settings" : given.where,
            fmt::format("{} must not exceed {}", told(smaller, low), told(larger, high)));
}

void Loader::judge_ports() {
    static constexpr std::array<std::string_view, 2> kPorts{"server.rest_port", "server.port"};
    const int64_t offset = config_.integer("server.port_offset");
    std::map<int64_t, std::string_view> taken;
    for (const std::string_view name : kPorts) {
        const int64_t port = config_.integer(name) + (config_.at(name).given() ? 0 : offset);
        if (port == 0) continue;
        const auto [first, added] = taken.emplace(port, name);
        if (added) continue;
        const std::string& where = config_.at(name).where;
        problem(where.empty() ? config_.at(first->second).where : where,
                fmt::format("{} and {} are both {}; give each a port of its own", first->second,
                            name, port));
    }
}

void Loader::judge_fail_points() {
    const Setting& points = config_.at("server.fail_points");
    if (!points.given() || config_.boolean("server.dev")) return;
    if (config_.list("server.fail_points").empty()) return;
    problem(points.where, "server.fail_points is for tests: it needs server.dev");
}

// What was sized to the machine stays below what was given.
void Loader::fit_automatic(std::string_view smaller, std::string_view larger) {
    const Setting& low = config_.at(smaller);
    const Setting& high = config_.at(larger);
    if (low.layer != Layer::automatic || low.value <= high.value) return;
    config_.set(*find_key(smaller), {high.value, Layer::automatic, {}});
}

// Whoever can reach the server must not be let in by accident, nor read what others send.
void Loader::judge_exposure() {
    const Setting& origins = config_.at("security.allowed_origins");
    if (!config_.list("security.allowed_origins").empty() &&
        !config_.boolean("security.cors.enabled")) {
        notes_.push_back(
            {Note::Severity::note, origins.where,
             "security.allowed_origins has no effect: security.cors.enabled is false"});
    }
    const Setting& host = config_.at("server.host");
    const bool tls = config_.boolean("server.tls.enabled");
    const auto where = [&](std::string_view name) {
        const std::string& written = config_.at(name).where;
        return written.empty() ? std::string("settings") : written;
    };
    if (tls) {
        for (const std::string_view file : {"server.tls.cert_file", "server.tls.key_file"}) {
            if (!config_.text(file).empty()) continue;
            problem(where("server.tls.enabled"), fmt::format("TLS needs {}", file));
        }
    }
    if (config_.text("server.tls.client_certificates") != "none") {
        const std::string place = where("server.tls.client_certificates");
        if (!tls) problem(place, "certificates of clients need server.tls.enabled");
        if (config_.text("server.tls.client_ca_file").empty()) {
            problem(place, "certificates of clients need server.tls.client_ca_file");
        }
    }
    if (rules::is_loopback(config_.text("server.host"))) return;
    const std::string named = format_value(*find_key("server.host"), host.value);
    if (!tls && !config_.boolean("server.insecure")) {
        problem(
            host.where,
            fmt::format("{} is beyond this machine: give a certificate (server.tls.enabled with "
                        "server.tls.cert_file and server.tls.key_file, or --cert-file and "
                        "--key-file; `insula cert self-signed` makes one), or accept that all "
                        "can be read on its way (--insecure)",
                        named));
    }
    if (config_.boolean("server.dev")) {
        problem(
            host.where,
            fmt::format("{} is beyond this machine, and in development mode nobody is asked for "
                        "a key: leave out --dev",
                        named));
    }
}

// Keys that say where the catalog is, and have no effect because another one does.
void Loader::judge_catalog() {
    static constexpr std::array<std::string_view, 5> kParts{
        "database.host", "database.port", "database.name", "database.user", "database.password"};
    const auto no_effect = [&](std::string_view name, std::string_view why) {
        const Setting& setting = config_.at(name);
        const auto initial = parse_value(*find_key(name), find_key(name)->initial);
        if (!setting.given() || (initial && setting.value == *initial)) return;
        notes_.push_back(
            {Note::Severity::note, setting.where, fmt::format("{} has no effect: {}", name, why)});
    };
    if (!config_.text("catalog.url").empty()) {
        for (const std::string_view part : kParts) no_effect(part, "catalog.url is set");
        if (config_.text("database.type") == "sqlite") {
            no_effect("database.type", "catalog.url is set");
        }
    } else if (config_.text("database.type") == "sqlite") {
        for (const std::string_view part : kParts) no_effect(part, "database.type is sqlite");
    }
}

void Loader::judge() {
    fit_automatic("tables.memtable_source_bytes", "tables.memtable_bytes");
    fit_automatic("tables.flush_source_bytes", "tables.memtable_source_bytes");
    fit_automatic("engine.instance_memory", "engine.memory");
    for (const Key& key : keys()) {
        if (const Setting& setting = config_.at(key); setting.given()) judge_key(key, setting);
    }
    judge_order("tables.flush_source_bytes", "tables.memtable_source_bytes");
    judge_order("tables.memtable_source_bytes", "tables.memtable_bytes");
    judge_order("engine.instance_memory", "engine.memory");
    judge_order("server.body_bytes_max", "server.request_memory");
    judge_order("journal.segment_bytes", "journal.flush_bytes");
    judge_order("scaling.min_workers", "scaling.max_workers");
    judge_order("scaling.scale_down_cpu", "scaling.scale_up_cpu");
    judge_order("scaling.scale_down_memory", "scaling.scale_up_memory");
    judge_order("compaction.min_file_bytes", "compaction.target_file_bytes");
    judge_order("compaction.target_file_bytes", "compaction.max_file_bytes");
    judge_order("replication.retry_policy.initial_backoff", "replication.retry_policy.max_backoff");
    judge_ports();
    judge_exposure();
    judge_catalog();
    judge_fail_points();
}

Error Loader::failure() const {
    std::string message;
    const size_t count = std::min(problems_.size(), kProblemsMax);
    for (size_t i = 0; i < count; ++i) {
        if (i > 0) message.push_back('\n');
        message.append(problems_[i]);
    }
    if (count < problems_.size()) {
        message.append(fmt::format("\nand {} more", problems_.size() - count));
    }
    return invalid_argument("invalid_configuration", std::move(message))
        .with_hint("`insula config reference` describes every key.");
}

Result<LoadedConfig> Loader::run() {
    std::vector<Variable> from_file;
    if (sources_.env_file) {
        env_file_ = parse_env_file(sources_.env_file->path, sources_.env_file->content);
        problems_ = env_file_.problems;
        for (const EnvLine& line : env_file_.lines) {
            from_file.push_back(
                {line.name, line.value, located(sources_.env_file->path, line.line)});
        }
    }
    std::vector<Variable> from_environment;
    from_environment.reserve(sources_.environment.size());
    for (const auto& [name, value] : sources_.environment) {
        from_environment.push_back({name, value, "environment " + name});
    }
    read_yaml();
    read_variables(Layer::env_file, from_file);
    read_variables(Layer::environment, from_environment);
    read_flags();
    if (problems_.empty()) judge();
    if (!problems_.empty()) return fail(failure());
    std::sort(notes_.begin(), notes_.end(), earlier);
    return LoadedConfig{std::move(config_), std::move(notes_), sources_.machine};
}

}  // namespace

Result<LoadedConfig> load(const Sources& sources) { return Loader(sources).run(); }

}  // namespace insula::config
