// What stands in the journal of a stopped node, told with the names that people know, and its
// salvage. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/journal/inspection.h"
#include "platform/journal/salvage.h"
#include "server/offline/stopped_node.h"

namespace insula::server {

struct JournalFilter {
    std::optional<StreamId> stream;
    std::string tenant;  // UUID or short name; empty: all
    std::string source;  // source id or incarnation; empty: all
    std::optional<uint64_t> from_position;
    std::optional<uint64_t> to_position;  // exclusive
};

// A record, or what is left of one that is lost.
struct JournalRecord {
    journal::StoredRecord header;
    uint32_t sequence = 0;
    uint64_t offset = 0;                   // in the segment's file
    std::string kind;                      // "table_write"
    std::string tenant;                    // short name, or the UUID
    std::optional<std::string> source_id;  // nothing for a source that was removed
    std::optional<uint64_t> rows;
    bool in_files = false;  // its rows are in data files already: replay reads over it
    bool removed = false;   // its source does not exist any longer
};

struct JournalSegment {
    StreamId stream;
    uint32_t sequence = 0;
    std::string path;
    uint64_t file_bytes = 0;
    bool kept = false;  // nothing needs it any longer
    uint64_t records = 0;
    uint64_t first_position = 0;  // of its records, if there are any
    uint64_t end_position = 0;
};

struct JournalReport {
    std::vector<journal::StreamSummary> streams;
    std::vector<JournalSegment> segments;
    std::vector<journal::Damage> damages;
    std::vector<journal::Damage> tails;  // torn ones: no damage
    uint64_t records = 0;
    // Why records come without names, if they do.
    std::optional<Error> nameless;
};

// Behind damage of a segment that is only kept.
inline constexpr std::string_view kKeptRemark =
    " (kept: nothing needs it, a start does not read it)";

using RecordHandler = std::function<Status(const JournalRecord&)>;

// Hands on the records that pass `filter`; segments, streams and damage are reported whatever it
// says, but for its stream. `filter` naming an unknown tenant or source is not_found.
Result<JournalReport> report_journal(StoppedNode& node, const JournalFilter& filter,
                                     const RecordHandler& on_record);

struct LostJournalRecord {
    JournalRecord record;
    bool certain = false;  // what stands in it passed its checksum
};

struct SalvageReport {
    journal::SalvagePlan plan;
    std::vector<LostJournalRecord> lost;
    uint64_t lost_unlisted = 0;                     // beyond kLostRecordsListedMax
    std::vector<journal::SalvagedStream> salvaged;  // empty unless it was carried out
    std::optional<Error> nameless;
};

inline constexpr size_t kLostRecordsListedMax = 100'000;

// Without `accept_loss` nothing is written.
Result<SalvageReport> salvage_journal(StoppedNode& node, bool accept_loss);

}  // namespace insula::server
