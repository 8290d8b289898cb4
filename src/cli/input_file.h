// InputFile: what a command reads rows from: a file, a pipe or standard input. Used by one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace insula::cli {

class InputFile {
  public:
    // "-" is standard input. Fails with cannot_read_file, naming it.
    static Result<InputFile> open(std::string path);

    const std::string& name() const { return name_; }  // for messages
    // Of a regular file; nothing for pipes.
    std::optional<uint64_t> size() const { return size_; }
    // Goes back to where it was opened; a regular file only.
    Status rewind();
    // The next piece, at most `bytes_max`; empty at the end.
    Result<std::string_view> read(size_t bytes_max);
    // All that is left; payload too large above `bytes_max`.
    Result<std::string> read_all(size_t bytes_max);

  private:
    struct Close {
        void operator()(std::FILE* file) const;
    };
    InputFile() = default;
    Error cannot_read(int error_number) const;

    std::string name_;
    std::unique_ptr<std::FILE, Close> file_;
    std::optional<uint64_t> size_;
    off_t begin_ = 0;  // of a regular file: standard input may begin anywhere in it
    std::string buffer_;
};

}  // namespace insula::cli
