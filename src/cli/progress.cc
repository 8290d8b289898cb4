#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <utility>

#include "cli/display_text.h"

namespace insula::cli {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRedrawAfter{100};
constexpr std::chrono::seconds kLineAfter{5};
constexpr size_t kBarCells = 20;
constexpr size_t kTerminalWidthDefault = 80;

// Only calls that are allowed in a signal handler.
void end_line_and_die(int signal) {
    static_cast<void>(::write(STDERR_FILENO, "\n", 1));
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

size_t error_width() {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return kTerminalWidthDefault;
    return size.ws_col;
}

}  // namespace

std::string bytes_text(double bytes) {
    constexpr std::array<std::string_view, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.95 && unit + 1 < kUnits.size()) {
        bytes /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f} B", bytes)
                     : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string progress_line(const LoadState& state, size_t bar_cells) {
    std::string line = printable(state.name);
    if (state.total_bytes) {
        const double part = *state.total_bytes == 0
                                ? 1.0
                                : std::min(1.0, static_cast<double>(state.bytes) /
                                                    static_cast<double>(*state.total_bytes));
        if (bar_cells > 0) {
            const auto full = static_cast<size_t>(part * static_cast<double>(bar_cells));
            line +=
                fmt::format("  [{}{}]", std::string(full, '#'), std::string(bar_cells - full, '-'));
        }
        line += fmt::format("  {:3.0f} %", part * 100);
    }
    const auto bytes = static_cast<double>(state.bytes);
    line += fmt::format("  {}  {} {}", bytes_text(bytes), state.rows, state.unit);
    if (state.seconds > 0) line += fmt::format("  {}/s", bytes_text(bytes / state.seconds));
    return line;
}

Progress::Progress(Mode mode, std::string name, std::optional<uint64_t> total_bytes,
                   std::string_view unit)
    : mode_(mode),
      state_{.name = std::move(name), .total_bytes = total_bytes, .unit = unit},
      started_(steady_clock::now()),
      shown_(started_) {
    if (mode_ == Mode::terminal) std::signal(SIGINT, end_line_and_die);
}

Progress::~Progress() {
    if (line_open_) std::fputs("\n", stderr);
    if (mode_ == Mode::terminal) std::signal(SIGINT, SIG_DFL);
}

double Progress::seconds() const {
    return std::chrono::duration<double>(steady_clock::now() - started_).count();
}

void Progress::update(uint64_t bytes, uint64_t rows) {
    state_.bytes = bytes;
    state_.rows = rows;
    if (mode_ == Mode::quiet) return;
    const auto pause = mode_ == Mode::terminal ? steady_clock::duration(kRedrawAfter)
                                               : steady_clock::duration(kLineAfter);
    if (steady_clock::now() - shown_ >= pause) draw();
}

void Progress::draw() {
    shown_ = steady_clock::now();
    state_.seconds = seconds();
    if (mode_ == Mode::terminal) {
        const std::string line = cut_to_width(progress_line(state_, kBarCells), error_width() - 1);
        // Back to the line's begin, over what stood there, and the rest of it away.
        fmt::print(stderr, "\r{}\x1b[K", line);
        std::fflush(stderr);
        line_open_ = true;
    } else {
        fmt::print(stderr, "{}\n", progress_line(state_, 0));
    }
}

void Progress::finish() {
    if (mode_ == Mode::quiet) return;
    draw();
    if (line_open_) std::fputs("\n", stderr);
    line_open_ = false;
}

}  // namespace insula::cli
