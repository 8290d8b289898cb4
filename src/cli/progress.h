// Progress: how far a load has come, on standard error. On a terminal one line that is drawn anew,
// with a bar where the size is known; elsewhere a plain line now and then and one at the end.
// Used by one thread. While one lives on a terminal, Ctrl-C ends the line before it ends the
// program.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace insula::cli {

// "1.2 MB", in powers of 1000.
std::string bytes_text(double bytes);

struct LoadState {
    std::string name;
    std::optional<uint64_t> total_bytes;
    uint64_t bytes = 0;
    uint64_t rows = 0;
    double seconds = 0;
    std::string_view unit = "rows";  // what `rows` counts
};

// "orders.csv  [#####-----]  50 %  1.2 MB  300 rows  0.6 MB/s"; without a bar if `bar_cells` is 0.
std::string progress_line(const LoadState& state, size_t bar_cells);

class Progress {
  public:
    enum class Mode : uint8_t { quiet, lines, terminal };

    Progress(Mode mode, std::string name, std::optional<uint64_t> total_bytes,
             std::string_view unit = "rows");
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void update(uint64_t bytes, uint64_t rows);
    // Where it is known only once it has begun.
    void set_total_bytes(uint64_t bytes) { state_.total_bytes = bytes; }
    void finish();
    double seconds() const;

  private:
    void draw();

    const Mode mode_;
    LoadState state_;
    const std::chrono::steady_clock::time_point started_;
    std::chrono::steady_clock::time_point shown_;
    bool line_open_ = false;
};

}  // namespace insula::cli
