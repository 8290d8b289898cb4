// What tests of the audit log share: entries and a log in memory.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/audit/audit_log.h"
#include "platform/fs/crash_file_system.h"

namespace insula::audit {

inline constexpr std::string_view kTestLog = "data/audit";

inline EntryId entry_id(uint64_t number) {
    EntryId id{};
    for (size_t i = 0; i < 8; ++i) id[i] = static_cast<uint8_t>(number >> (8 * i));
    return id;
}

inline Entry numbered_entry(uint64_t number) {
    Entry entry;
    entry.id = entry_id(number);
    entry.time = 1'700'000'000'000'000'000 + static_cast<WallNanos>(number);
    entry.actor = "user/ann";
    entry.action = "tenant:CreateUser";
    entry.resource = "user/" + std::to_string(number);
    return entry;
}

inline NewEntry new_entry(uint64_t number, Origin::Kind kind = Origin::Kind::catalog) {
    const Entry entry = numbered_entry(number);
    return {.origin = {.kind = kind, .lsn = {}}, .id = entry.id, .text = encode(entry)};
}

// From `first` up to `end`.
inline std::vector<NewEntry> new_entries(uint64_t first, uint64_t end) {
    std::vector<NewEntry> entries;
    for (uint64_t i = first; i < end; ++i) entries.push_back(new_entry(i));
    return entries;
}

inline Result<std::unique_ptr<AuditLog>> open_log(FileSystem& fs, uint64_t segment_bytes = kMiB) {
    SeededRandom random(5);
    return AuditLog::open(fs, std::string(kTestLog), random, {.segment_bytes = segment_bytes});
}

inline std::vector<std::string> texts_of(const AuditLog& log, uint64_t begin = 0) {
    std::vector<std::string> texts;
    EXPECT_TRUE(log.visit_up(begin, [&](uint64_t index, std::string_view text) {
        EXPECT_EQ(index, begin + texts.size());
        texts.emplace_back(text);
        return true;
    }));
    return texts;
}

}  // namespace insula::audit
