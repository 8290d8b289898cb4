#include "platform/runtime/log.h"

#include <fmt/ranges.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "platform/runtime/clock.h"
#include "platform/runtime/log_line.h"
#include "platform/runtime/log_queue.h"

namespace insula::log {

std::atomic<uint8_t> detail::lowest_level{static_cast<uint8_t>(Level::info)};

namespace {

constexpr uint8_t kInherit = 255;
// The folders of src/ by which module_of() names what they log, and what access() logs; a test of
// the command line compares them with src/LAYERS.
constexpr std::array<std::string_view, 22> kModules{
    "access", "audit",   "base",    "blob",   "catalog", "cli",    "crypto", "csv",
    "engine", "fs",      "journal", "json",   "keys",    "net",    "policy", "postgres",
    "rest",   "runtime", "server",  "sqlite", "tables",  "tenancy"};
static_assert(kModules.size() <= kModuleLevelsMax);

// Levels by module. Readers take no lock.
class LevelTable {
  public:
    LevelTable() {
        for (auto& level : levels_) level.store(kInherit, std::memory_order_relaxed);
    }

    bool enabled(Level level, std::string_view module) const {
        return static_cast<uint8_t>(level) >= of(module);
    }

    struct Assignment {
        std::optional<size_t> module;  // an index of kModules; nullopt: all
        Level level;
    };
    void apply(const std::vector<Assignment>& assignments);
    std::string describe() const;

  private:
    uint8_t of(std::string_view module) const {
        for (size_t i = 0; i < kModules.size(); ++i) {
            const uint8_t level = levels_[i].load(std::memory_order_relaxed);
            if (level != kInherit && kModules[i] == module) return level;
        }
        return all_.load(std::memory_order_relaxed);
    }
    void update_lowest();

    std::mutex mutex_;  // writers
    std::atomic<uint8_t> all_{static_cast<uint8_t>(Level::info)};
    std::array<std::atomic<uint8_t>, kModules.size()> levels_;  // of kModules
};

void LevelTable::apply(const std::vector<Assignment>& assignments) {
    const std::lock_guard lock(mutex_);
    for (const Assignment& assignment : assignments) {
        if (assignment.module) continue;
        all_.store(static_cast<uint8_t>(assignment.level), std::memory_order_relaxed);
        for (auto& level : levels_) level.store(kInherit, std::memory_order_relaxed);
    }
    for (const Assignment& assignment : assignments) {
        if (!assignment.module) continue;
        levels_[*assignment.module].store(static_cast<uint8_t>(assignment.level),
                                          std::memory_order_relaxed);
    }
    update_lowest();
}

void LevelTable::update_lowest() {
    uint8_t lowest = all_.load(std::memory_order_relaxed);
    for (const auto& level : levels_) {
        lowest = std::min(lowest, level.load(std::memory_order_relaxed));
    }
    detail::lowest_level.store(lowest, std::memory_order_relaxed);
}

std::string LevelTable::describe() const {
    std::string text{level_name(static_cast<Level>(all_.load(std::memory_order_relaxed)))};
    for (size_t i = 0; i < kModules.size(); ++i) {
        const uint8_t level = levels_[i].load(std::memory_order_relaxed);
        if (level == kInherit) continue;
        fmt::format_to(std::back_inserter(text), ",{}={}", kModules[i],
                       level_name(static_cast<Level>(level)));
    }
    return text;
}

std::optional<Level> parse_level(std::string_view text) {
    for (uint8_t i = 0; i <= static_cast<uint8_t>(Level::off); ++i) {
        if (text == level_name(static_cast<Level>(i))) return static_cast<Level>(i);
    }
    return std::nullopt;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::optional<size_t> find_module(std::string_view name) {
    const auto found = std::ranges::find(kModules, name);
    if (found == kModules.end()) return std::nullopt;
    return static_cast<size_t>(found - kModules.begin());
}

Error bad_level(std::string_view part) {
    return invalid_argument("invalid_log_level", fmt::format("\"{}\" is not a log level.", part))
        .with_hint(
            "Levels are trace, debug, info, warn, error and off, for all modules (info) or for one "
            "(tables=debug), with commas between.");
}

Error unknown_module(std::string_view name) {
    return invalid_argument("invalid_log_level",
                            fmt::format("There is no module \"{}\" that logs.", name))
        .with_hint(fmt::format("Modules: {}.", fmt::join(kModules, ", ")));
}

Result<std::vector<LevelTable::Assignment>> parse_levels(std::string_view levels) {
    std::vector<LevelTable::Assignment> assignments;
    bool all_seen = false;
    for (;;) {
        const size_t comma = levels.find(',');
        const std::string_view part = trim(levels.substr(0, comma));
        const size_t equals = part.find('=');
        const bool named = equals != std::string_view::npos;
        const std::string_view name = named ? trim(part.substr(0, equals)) : std::string_view{};
        const auto level = parse_level(named ? trim(part.substr(equals + 1)) : part);
        if (!level || (named && name.empty()) || (!named && all_seen)) return fail(bad_level(part));
        const auto module = find_module(name);
        if (named && !module) return fail(unknown_module(name));
        all_seen = all_seen || !named;
        assignments.push_back({module, *level});
        if (assignments.size() > kModuleLevelsMax + 1) return fail(bad_level(levels));
        if (comma == std::string_view::npos) return assignments;
        levels.remove_prefix(comma + 1);
    }
}

LevelTable& level_table() {
    static LevelTable table;
    return table;
}

WallNanos now() { return SystemClock().wall_now(); }

// ---- destinations ----

std::atomic<uint64_t> failed_writes{0};

LineQueue::Destination to_sink(std::shared_ptr<spdlog::sinks::sink> sink) {
    // The lines are complete already: the sink adds nothing.
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%v", spdlog::pattern_time_type::utc, std::string()));
    return [sink = std::move(sink)](std::string_view lines) {
        try {
            sink->log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info,
                                               spdlog::string_view_t(lines.data(), lines.size())));
            sink->flush();
        } catch (const std::exception&) {
            failed_writes.fetch_add(1, std::memory_order_relaxed);
        }
    };
}

LineQueue::Destination to_standard_error() {
    return to_sink(std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

std::string drop_report(uint64_t count) {
    Line line;
    append_line(line, now(), Level::warn, "log", "log lines were dropped", {{"count", count}});
    return {line.data(), line.size()};
}

// Never destroyed: other static objects may log while the process ends.
LineQueue& queue() {
    static auto* const queue = new LineQueue(kQueueBytesMax, to_standard_error(), drop_report);
    return *queue;
}

void send(Level level, const Line& line) {
    const std::string_view text{line.data(), line.size()};
    if (level >= Level::error) {
        queue().push_through(text);
    } else {
        queue().push(text);
    }
}

std::atomic<bool> output_open{false};

}  // namespace

void detail::write(Level level, const Message& message, std::initializer_list<Field> fields) {
    if (!level_table().enabled(level, message.module)) return;
    Line line;
    append_line(line, now(), level, message.module, message.text, fields);
    send(level, line);
}

void access(const Access& access) {
    const Level level = access.status >= 500 ? Level::warn : Level::info;
    if (!enabled(level, "access")) return;
    Line line;
    append_access_line(line, now(), level, access);
    send(level, line);
}

Status set_level(std::string_view levels) {
    ASSIGN_OR_RETURN(const auto assignments, parse_levels(levels));
    level_table().apply(assignments);
    return {};
}

Status check_level(std::string_view levels) {
    if (auto assignments = parse_levels(levels); !assignments) {
        return fail(std::move(assignments).error());
    }
    return {};
}

std::string level() { return level_table().describe(); }

bool enabled(Level level, std::string_view module) { return level_table().enabled(level, module); }

Losses losses() { return {queue().dropped(), failed_writes.load(std::memory_order_relaxed)}; }

void flush() { queue().flush(); }

Result<Output> Output::open(const OutputOptions& options) {
    if (output_open.exchange(true)) {
        return fail(internal_error("the log has an output already"));
    }
    if (!options.file.empty()) {
        try {
            queue().set_destination(to_sink(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
                options.file, options.file_bytes, options.files_max)));
        } catch (const std::exception& failure) {
            output_open = false;
            return fail(
                Error(Code::failed_precondition, "log_file", "The log file cannot be written.")
                    .with_hint("Check that its folder exists and may be written to.")
                    .with_detail(failure.what()));
        }
    }
    queue().start();
    return Output();
}

Output::~Output() {
    if (!open_) return;
    queue().stop();
    queue().set_destination(to_standard_error());
    output_open = false;
}

}  // namespace insula::log
