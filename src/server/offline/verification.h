// Verification of a stopped node's data directory: every file, checksum and catalog row. Nothing is
// changed. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/offline/stopped_node.h"

namespace insula::server {

struct Finding {
    // note: worth knowing, and no damage: a file that nothing names, a torn tail.
    enum class Severity : uint8_t { damage, note } severity = Severity::damage;
    std::string file;                // below the data directory
    std::optional<uint64_t> offset;  // in it
    uint64_t bytes = 0;              // from there on that cannot be told apart, if known
    std::string what;
};

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
