#include "stores/tables/files/file_cuts.h"

#include <algorithm>

namespace insula::tables {

std::vector<uint64_t> cut_files(std::span<const RowRun> runs, const FileCutLimits& limits) {
    uint64_t total = 0;
    for (const RowRun& run : runs) total += run.bytes;
    const uint64_t files_max = std::max<size_t>(limits.files_max, 1);
    const uint64_t share = total / files_max + (total % files_max != 0 ? 1 : 0);
    const uint64_t wanted = std::min(std::max(limits.bytes_min, share), limits.bytes_max);

    std::vector<RowRun> files;
    bool complete = true;  // the last of `files`
    for (const RowRun& run : runs) {
        if (run.rows == 0) continue;
        if (complete) files.emplace_back();
        files.back().rows += run.rows;
        files.back().bytes += run.bytes;
        complete = files.back().bytes >= wanted;
    }
    if (!complete && files.size() > 1) {
        const RowRun rest = files.back();
        files.pop_back();
        files.back().rows += rest.rows;
        files.back().bytes += rest.bytes;
    }

    std::vector<uint64_t> rows;
    for (const RowRun& file : files) {
        const uint64_t bytes_max = std::max<uint64_t>(limits.bytes_max, 1);
        const uint64_t parts =
            std::clamp<uint64_t>((file.bytes + bytes_max - 1) / bytes_max, 1, file.rows);
        for (uint64_t part = 0; part < parts; ++part) {
            rows.push_back(file.rows * (part + 1) / parts - file.rows * part / parts);
        }
    }
    return rows;
}

}  // namespace insula::tables
