// The look at a CSV input before its first batch is sent, so that all batches agree on the types of
// its columns. Used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "cli/csv_columns.h"
#include "cli/input_file.h"

namespace insula::cli {

inline constexpr size_t kReadBytes = 1 * kMiB;
// A file is looked through; of a pipe, so much, which is held until it is sent.
inline constexpr size_t kPipeLookBytes = 64 * kMiB;

// The pieces of an input, which must outlive this: first those that were read ahead.
class InputPieces {
  public:
    explicit InputPieces(InputFile& input) : input_(input) {}

    // Empty at the end.
    Result<std::string_view> next();
    // Reads until there are `bytes` to be given again; false where the input ends before.
    Result<bool> read_ahead(size_t bytes);
    std::string_view ahead() const { return ahead_; }
    InputFile& input() { return input_; }

  private:
    InputFile& input_;
    std::string ahead_;
    size_t ahead_given_ = 0;
};

// Looks through all rows, or as many as a pipe's may be held. Gives whether there may be others.
Result<bool> look_at_columns(InputPieces& pieces, uint64_t batch_bytes, CsvColumns& columns);

}  // namespace insula::cli
