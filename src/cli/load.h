// Load: the rows of one input written to a source, in batches under idempotency keys, so that a
// batch whose answer was lost is sent again without being applied twice.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "cli/connection.h"
#include "cli/input_file.h"
#include "cli/progress.h"

namespace insula::cli {

// json and parquet cannot be cut and go in one piece.
enum class InputFormat : uint8_t { json, ndjson, csv, tsv, parquet };

inline constexpr uint64_t kBatchBytesDefault = 8 * kMiB;
inline constexpr uint64_t kBatchBytesMin = 1 * kKiB;
inline constexpr uint64_t kBatchBytesMax = 256 * kMiB;
inline constexpr size_t kKeyBytesMax = 200;  // the server takes 255, with the batch's number

// By the ending of a file's name; a usage error that lists the endings.
Result<InputFormat> format_of_file(const std::string& path);

struct LoadOptions {
    std::string source;
    InputFormat format = InputFormat::ndjson;
    uint64_t batch_bytes = kBatchBytesDefault;
    std::string key;  // of the input: batches add their number
    Progress::Mode progress = Progress::Mode::quiet;
};

struct LoadResult {
    uint64_t rows = 0;
    uint64_t batches = 0;
    uint64_t duplicate_batches = 0;  // were applied by an earlier run or attempt
    uint64_t bytes = 0;
    double seconds = 0;
};

// `result` says what was written also where this fails: batches are applied one by one.
Status load(ServerConnection& server, InputFile& input, const LoadOptions& options,
            LoadResult& result);

}  // namespace insula::cli
