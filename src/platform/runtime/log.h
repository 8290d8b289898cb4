// The log: one JSON object a line, to standard error or to a rotating file.
//
//   log::info("source added", {{"source", id}, {"columns", columns.size()}});
//   {"time":"2025-03-01T12:00:00.000000Z","level":"info","module":"tables","message":"source
//   added",…}
//
// The message is a literal, what varies goes into fields. The module is the folder under src/ that
// the call stands in ("stores/tables/ingest/x.cc" is "tables"), worked out when compiling. A call
// whose level is off everywhere costs one relaxed load.
//
// Threads: everything here is thread-safe. The level table and the queue belong to the process (the
// one state of that kind: a line must be writable from anywhere, before main's objects exist and
// after they are gone).
//
// Loss: while an Output lives, lines go through a queue of kQueueBytesMax that one thread empties.
// When it is full, because whoever reads standard error has stalled, further lines are dropped and
// counted, and the count is logged once there is room: the server never waits for its log. Error
// lines are the exception and are never dropped: error() returns after everything queued and then
// the line itself have been written. Without an Output each line is written at once.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace insula::log {

enum class Level : uint8_t { trace, debug, info, warn, error, off };

inline constexpr uint64_t kQueueBytesMax = 8 * kMiB;
// Longer text values are cut, and end in "…".
inline constexpr size_t kTextBytesMax = 4096;
inline constexpr size_t kModuleLevelsMax = 32;

// A value of a field. Text is referred to, not copied: it must live until the call returns.
class Value {
  public:
    enum class Kind : uint8_t { text, integer, unsigned_integer, number, boolean };

    // NOLINTBEGIN(google-explicit-constructor): a field is written as {"rows", rows}.
    Value(std::string_view text) : kind_(Kind::text), text_(text) {}
    Value(const char* text) : Value(std::string_view(text)) {}
    Value(const std::string& text) : Value(std::string_view(text)) {}
    Value(std::same_as<bool> auto value) : kind_(Kind::boolean), integer_(value ? 1 : 0) {}
    Value(std::signed_integral auto value) : kind_(Kind::integer), integer_(value) {}
    Value(std::unsigned_integral auto value)
        requires(!std::same_as<decltype(value), bool>)
        : kind_(Kind::unsigned_integer), unsigned_(value) {}
    Value(std::floating_point auto value) : kind_(Kind::number), number_(value) {}
    // NOLINTEND(google-explicit-constructor)

    Kind kind() const { return kind_; }
    std::string_view text() const { return text_; }
    int64_t integer() const { return integer_; }
    uint64_t unsigned_integer() const { return unsigned_; }
    double number() const { return number_; }
    bool boolean() const { return integer_ != 0; }

  private:
    Kind kind_;
    union {
        std::string_view text_;
        int64_t integer_;
        uint64_t unsigned_;
        double number_;
    };
};

struct Field {
    std::string_view key;
    Value value;
};

// "…/src/stores/tables/ingest/x.cc" is "tables": the folder below the layer.
constexpr std::string_view module_of(std::string_view file) {
    if (const size_t at = file.rfind("src/"); at != std::string_view::npos)
        file.remove_prefix(at + 4);
    for (std::string_view layer : {"platform/", "core/", "stores/", "frontends/"}) {
        if (file.starts_with(layer)) {
            file.remove_prefix(layer.size());
            break;
        }
    }
    return file.substr(0, file.find('/'));
}

// A literal, and the module of the place that wrote it.
struct Message {
    template <size_t N>
    // NOLINTNEXTLINE(google-explicit-constructor): a literal is written where a message is taken.
    consteval Message(const char (&literal)[N],
                      std::source_location where = std::source_location::current())
        : text(literal, N - 1), module(module_of(where.file_name())) {}

    std::string_view text;
    std::string_view module;
};

// What one answered request leaves in the log; module "access", level info, or warn from status 500
// on.
struct Access {
    std::string_view request_id;
    std::string_view tenant;  // empty: none was established
    std::string_view method;
    std::string_view route;  // the route's pattern, not the path that was asked for
    int status = 0;
    uint64_t duration_us = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
};
// Does not allocate unless a text is unusually long.
void access(const Access& access);

// "info" sets the level of all modules; "tables=debug,net=warn" of some, the rest stays;
// "info,tables=debug" does both. Levels: trace, debug, info, warn, error, off. Fails with
// invalid_argument and changes nothing.
Status set_level(std::string_view levels);
// Whether set_level would take it.
Status check_level(std::string_view levels);
// What holds now, in set_level's form.
std::string level();
bool enabled(Level level, std::string_view module);

// Lines dropped since the process began, and batches of lines that the file could not take.
struct Losses {
    uint64_t dropped_lines = 0;
    uint64_t failed_writes = 0;
};
Losses losses();

// Returns after what was logged before has been written.
void flush();

struct OutputOptions {
    std::string file;                 // empty: standard error
    uint64_t file_bytes = 64 * kMiB;  // then the file is renamed to file.1 and so on
    uint64_t files_max = 5;           // renamed files that are kept
};

// Sends the log through the queue to its destination while it lives; one at a time. Destroying it
// writes what is queued and returns the log to writing each line at once to standard error.
class Output {
  public:
    static Result<Output> open(const OutputOptions& options);
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    Output(Output&& other) noexcept : open_(other.open_) { other.open_ = false; }
    Output& operator=(Output&&) = delete;
    ~Output();

  private:
    Output() : open_(true) {}
    bool open_;
};

namespace detail {
extern std::atomic<uint8_t> lowest_level;  // of all modules
void write(Level level, const Message& message, std::initializer_list<Field> fields);
}  // namespace detail

inline void write(Level level, const Message& message, std::initializer_list<Field> fields) {
    if (static_cast<uint8_t>(level) < detail::lowest_level.load(std::memory_order_relaxed)) return;
    detail::write(level, message, fields);
}
inline void trace(const Message& message, std::initializer_list<Field> fields = {}) {
    write(Level::trace, message, fields);
}
inline void debug(const Message& message, std::initializer_list<Field> fields = {}) {
    write(Level::debug, message, fields);
}
inline void info(const Message& message, std::initializer_list<Field> fields = {}) {
    write(Level::info, message, fields);
}
inline void warn(const Message& message, std::initializer_list<Field> fields = {}) {
    write(Level::warn, message, fields);
}
inline void error(const Message& message, std::initializer_list<Field> fields = {}) {
    write(Level::error, message, fields);
}

}  // namespace insula::log
