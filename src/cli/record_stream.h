// RecordStream: the lines of a streamed answer as its bytes come in: {"record": …} a line, the last
// one {"end": …}, or {"error": …} where the server failed on the way. Used by one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace insula::cli {

inline constexpr size_t kStreamLineBytesMax = 256 * kMiB;

class RecordStream {
  public:
    // `on_line` gets each line but the one of an error, without its newline.
    explicit RecordStream(std::function<Status(std::string_view)> on_line)
        : on_line_(std::move(on_line)) {}

    // Fails with what on_line fails with, and with the server's own error.
    Status append(std::string_view piece);
    // Fails with answer_cut_off where no last line has come.
    Status finish() const;

  private:
    Status line(std::string_view text);

    std::function<Status(std::string_view)> on_line_;
    std::string pending_;
    bool ended_ = false;
};

}  // namespace insula::cli
