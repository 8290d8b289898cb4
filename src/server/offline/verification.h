// Verification of a stopped node's data directory: every file, checksum and catalog row. Nothing is
// changed. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/data_file_check.h"
#include "server/offline/stopped_node.h"

namespace insula::server {

struct VerifyOptions {
    // Reads rows too, through the engine: their number, bounds and `_row_id`s.
    bool deep = false;
};

struct VerifyProgress {
    uint64_t bytes = 0;
    uint64_t bytes_total = 0;
    uint64_t files = 0;
};

struct VerifyReport {
    std::vector<Finding> findings;  // the first kFindingsMax
    uint64_t more_findings = 0;
    uint64_t damages = 0;
    uint64_t bytes = 0;
    uint64_t files = 0;  // data files
    uint64_t sources = 0;
    uint64_t journal_records = 0;
    uint64_t rows = 0;  // in data files, counted if deep
};

inline constexpr size_t kFindingsMax = 10'000;

// Fails only where it cannot go on: the disk cannot be read, a newer version wrote what is there.
Result<VerifyReport> verify(StoppedNode& node, const VerifyOptions& options,
                            const std::function<void(const VerifyProgress&)>& on_progress);

}  // namespace insula::server
