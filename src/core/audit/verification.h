// Verification of an audit log that nobody writes: every byte of its segments, that no entry is
// changed, missing or out of place, that the log is what its checkpoint signs, and what checkpoints
// signed that were taken elsewhere before. Nothing is changed. Pure but for reading files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/audit/merkle.h"
#include "platform/crypto/signing.h"
#include "platform/fs/file_system.h"

namespace insula::audit {

struct LogFinding {
    // note: no damage. The end of a log whose server was killed while it wrote.
    enum class Severity : uint8_t { damage, note } severity = Severity::damage;
    std::string file;                // below the log's directory, or a checkpoint's name as given
    std::optional<uint64_t> entry;   // the first that it is about
    std::optional<uint64_t> offset;  // in the file
    uint64_t bytes = 0;              // from there on, if known
    std::string what;
};

inline constexpr size_t kLogFindingsMax = 1'000;

struct LogReport {
    bool found = false;                // whether there is a log at all
    std::vector<LogFinding> findings;  // the first kLogFindingsMax
    uint64_t damages = 0;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    std::optional<crypto::PublicKey> key;
    std::optional<Tree> checkpoint;  // the log's own
};

struct NamedCheckpoint {
    std::string name;  // what findings call it
    std::string text;
};

// What is known of the log from elsewhere.
struct LogExpectations {
    std::vector<NamedCheckpoint> checkpoints;
    std::optional<crypto::PublicKey> key;
};

// Fails only where it cannot go on: the disk cannot be read.
Result<LogReport> verify_log(FileSystem& fs, const std::string& directory,
                             const LogExpectations& expected);

// An export: lines in order, each {"index":N,"entry":{…}} with the entry as it is stored, or
// {"index":N,"hash":"…"} with the leaf's hash where it is another's. Fed line by line; used by one
// thread.
class ExportVerification {
  public:
    // The checkpoint that came with the export.
    ExportVerification(std::string file, NamedCheckpoint checkpoint, LogExpectations expected);

    void line(std::string_view text);
    LogReport finish();

  private:
    void report(std::optional<uint64_t> entry, std::string what);

    const std::string file_;
    const LogExpectations expected_;
    std::vector<NamedCheckpoint> checkpoints_;
    Frontier frontier_;
    std::map<uint64_t, Hash> roots_;  // of the sizes that checkpoints are of
    uint64_t lines_ = 0;
    bool broken_ = false;
    LogReport report_;
};

std::string export_line(uint64_t index, std::string_view entry);  // with a line's end
struct ExportLine {
    uint64_t index = 0;
    std::string_view entry;  // empty where there is only the hash
    Hash leaf{};
};
std::optional<ExportLine> parse_export_line(std::string_view line);

}  // namespace insula::audit
