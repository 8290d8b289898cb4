#include "platform/runtime/log.h"

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
constexpr size_t kModuleNameMax = 24;

// Levels by module. Readers take no lock: entries are only ever added, and a name never changes
// once `size` covers it.
class LevelTable {
  public:
    bool enabled(Level level, std::string_view module) const {
        return static_cast<uint8_t>(level) >= of(module);
    }

    struct Assignment {
        std::string module;  // empty: all
        Level level;
    };
    Status apply(const std::vector<Assignment>& assignments);
    std::string describe() const;

  private:
    struct Entry {
        std::array<char, kModuleNameMax> name{};
        size_t name_size = 0;
        std::atomic<uint8_t> level{kInherit};
        std::string_view view() const { return {name.data(), name_size}; }
    };

    uint8_t of(std::string_view module) const {
        const size_t size = size_.load(std::memory_order_acquire);
        for (size_t i = 0; i < size; ++i) {
            const uint8_t level = entries_[i].level.load(std::memory_order_relaxed);
            if (level != kInherit && entries_[i].view() == module) return level;
        }
        return all_.load(std::memory_order_relaxed);
    }
    Entry* find_or_add(std::string_view module);
    void update_lowest();

    std::mutex mutex_;  // writers
    std::atomic<uint8_t> all_{static_cast<uint8_t>(Level::info)};
    std::atomic<size_t> size_{0};
    std::array<Entry, kModuleLevelsMax> entries_;
};

LevelTable::Entry* LevelTable::find_or_add(std::string_view module) {
    const size_t size = size_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < size; ++i) {
        if (entries_[i].view() == module) return &entries_[i];
    }
    if (size == entries_.size()) return nullptr;
    Entry& entry = entries_[size];
    std::copy(module.begin(), module.end(), entry.name.begin());
    entry.name_size = module.size();
    size_.store(size + 1, std::memory_order_release);
    return &entry;
}

Status LevelTable::apply(const std::vector<Assignment>& assignments) {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<Entry*, Level>> entries;
    for (const Assignment& assignment : assignments) {
        if (assignment.module.empty()) continue;
        Entry* entry = find_or_add(assignment.module);
        if (entry == nullptr) {
            return fail(Error(Code::resource_exhausted, "too_many_log_levels",
                              fmt::format("At most {} modules can have a log level of their own.",
                                          kModuleLevelsMax)));
        }
        entries.emplace_back(entry, assignment.level);
    }
    for (const Assignment& assignment : assignments) {
        if (!assignment.module.empty()) continue;
        all_.store(static_cast<uint8_t>(assignment.level), std::memory_order_relaxed);
        for (Entry& entry : entries_) entry.level.store(kInherit, std::memory_order_relaxed);
    }
    for (const auto& [entry, level] : entries) {
        entry->level.store(static_cast<uint8_t>(level), std::memory_order_relaxed);
    }
    update_lowest();
    return {};
}

void LevelTable::update_lowest() {
    uint8_t lowest = all_.load(std::memory_order_relaxed);
    for (const Entry& entry : entries_) {
        lowest = std::min(lowest, entry.level.load(std::memory_order_relaxed));
    }
    detail::lowest_level.store(lowest, std::memory_order_relaxed);
}

std::string LevelTable::describe() const {
    std::string text{level_name(static_cast<Level>(all_.load(std::memory_order_relaxed)))};
    const size_t size = size_.load(std::memory_order_acquire);
    for (size_t i = 0; i < size; ++i) {
        const uint8_t level = entries_[i].level.load(std::memory_order_relaxed);
        if (level == kInherit) continue;
        fmt::format_to(std::back_inserter(text), ",{}={}", entries_[i].view(),
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

bool valid_module(std::string_view module) {
    return !module.empty() && module.size() <= kModuleNameMax &&
           std::all_of(module.begin(), module.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
           });
}

Error bad_level(std::string_view part) {
    return invalid_argument("invalid_log_level", fmt::format("\"{}\" is not a log level.", part))
        .with_hint(
            "Levels are trace, debug, info, warn, error and off, for all modules (info) or for one "
            "(tables=debug), with commas between.");
}

Result<std::vector<LevelTable::Assignment>> parse_levels(std::string_view levels) {
    std::vector<LevelTable::Assignment> assignments;
    bool all_seen = false;
    for (;;) {
        const size_t comma = levels.find(',');
        const std::string_view part = trim(levels.substr(0, comma));
        const size_t equals = part.find('=');
        const bool named = equals != std::string_view::npos;
        const std::string_view module = named ? trim(part.substr(0, equals)) : std::string_view{};
        const auto level = parse_level(named ? trim(part.substr(equals + 1)) : part);
        if (!level || (named && !valid_module(module)) || (!named && all_seen)) {
            return fail(bad_level(part));
        }
        all_seen = all_seen || !named;
        assignments.push_back({std::string(module), *level});
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
    return level_table().apply(assignments);
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
