// What the journal's tests share: records whose content follows from a number, so that a body that
// comes back can be checked by itself.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "platform/journal/format.h"
#include "platform/journal/journal.h"

namespace insula::journal {

inline Options small_options() {
    Options options;
    options.segment_bytes = 16 * kKiB;
    options.record_bytes_max = 4 * kKiB;
    options.pending_bytes_max = 64 * kKiB;
    options.zero_step_bytes = 4 * kKiB;
    options.manual = true;
    return options;
}

inline std::string body_of(uint64_t id, size_t bytes) {
    std::string body(std::max<size_t>(bytes, sizeof id), '\0');
    std::memcpy(body.data(), &id, sizeof id);
    uint64_t state = id * 0x9e3779b97f4a7c15u + bytes;
    for (size_t i = sizeof id; i < body.size(); ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        body[i] = static_cast<char>(state >> 56);
    }
    return body;
}

// The number of a body that is as it was made; nothing for any other.
inline std::optional<uint64_t> id_of(Bytes body) {
    uint64_t id = 0;
    if (body.size() < sizeof id) return std::nullopt;
    std::memcpy(&id, body.data(), sizeof id);
    if (body_of(id, body.size()) != as_text(body)) return std::nullopt;
    return id;
}

inline RecordHeader header_of(uint64_t id) {
    RecordHeader header;
    header.tenant.bytes[3] = static_cast<uint8_t>(id);
    header.source = {id + 7};
    header.epoch = {id / 3};
    return header;
}

inline Result<Lsn> append_text(Journal& journal, std::string_view body,
                               Deadline deadline = Deadline::never(),
                               const RecordHeader& header = {}) {
    const Bytes piece = as_bytes(body);
    return journal.append(header, {&piece, 1}, deadline);
}

inline Result<Lsn> append_id(Journal& journal, uint64_t id, size_t bytes) {
    return append_text(journal, body_of(id, bytes), Deadline::never(), header_of(id));
}

struct Replayed {
    ReplayStats stats;
    std::vector<uint64_t> ids;
    std::vector<Lsn> lsns;
};

// Fails with internal if a body is not one of body_of(), or a header does not belong to it.
inline Result<Replayed> replay_ids(FileSystem& fs, const std::string& directory, Lsn from = {},
                                   PlantedFault fault = PlantedFault::none) {
    Replayed found;
    Options options = small_options();
    options.planted_fault = fault;
    auto stats = replay(fs, directory, from, options, [&](const Record& record) -> Status {
        const auto id = id_of(record.body);
        if (!id) return fail(internal_error("a body that nobody appended"));
        const RecordHeader expected = header_of(*id);
        if (record.header.tenant != expected.tenant || record.header.source != expected.source ||
            record.header.epoch != expected.epoch) {
            return fail(internal_error("a header that does not belong to its body"));
        }
        found.ids.push_back(*id);
        found.lsns.push_back(record.lsn);
        return {};
    });
    if (!stats) return fail(std::move(stats).error());
    found.stats = *stats;
    return found;
}

template <class T>
::testing::AssertionResult succeeded(const T& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().describe();
}

// Test-only access to the bytes of a file.
inline std::string content_of(FileSystem& fs, const std::string& path) {
    auto content = read_file(fs, path, kGiB);
    EXPECT_TRUE(succeeded(content)) << path;
    return content ? *std::move(content) : std::string();
}

inline void set_content(FileSystem& fs, const std::string& path, std::string_view content) {
    auto file = fs.open(path, OpenMode::create_or_open);
    ASSERT_TRUE(succeeded(file)) << path;
    ASSERT_TRUE(succeeded((*file)->truncate(content.size())));
    ASSERT_TRUE(succeeded((*file)->write_at(as_bytes(content), 0)));
}

}  // namespace insula::journal
