// Where the rows of one flush are cut into files. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace insula::tables {

// Rows that stand behind each other in the order of the files and belong to one partition.
struct RowRun {
    uint64_t rows = 0;
    uint64_t bytes = 0;  // in memory
};

struct FileCutLimits {
    // A file of less is not worth its own cost to each query: runs are put together until they come
    // to this. 0: every run is a file.
    uint64_t bytes_min = 0;
    uint64_t bytes_max = UINT64_MAX;  // more is cut in equal parts
    // More files than these are only made where bytes_max asks for it.
    size_t files_max = SIZE_MAX;
};

// How many rows the files have, in the order of `runs`: none is 0.
std::vector<uint64_t> cut_files(std::span<const RowRun> runs, const FileCutLimits& limits);

}  // namespace insula::tables
