// What is known of streams that are written no longer: where they begin and end. A stream cannot
// tell by itself that its last records, or its first or last segment files, are gone; this file
// beside the streams does (docs/formats/journal.md, "Extents").
//
// Replay writes it, which has just read all streams to their ends, and so does a clean stop, of its
// own stream. A stream enters it when it has its first segment, with an extent that any of its
// segments fulfils, and leaves it before it is removed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::journal {

// As a first sequence: some segment, whichever.
inline constexpr uint32_t kAnySegment = UINT32_MAX;

struct StreamExtent {
    uint32_t first_sequence = 0;  // of the segments that are needed: earlier ones may be there
    uint64_t end = 0;             // position behind its last record
    bool operator==(const StreamExtent&) const = default;
};
using StreamExtents = std::map<StreamId, StreamExtent>;

// Of the journal in `directory`. None where there is no such file, as in a journal of an earlier
// release; data_loss for a damaged one.
Result<StreamExtents> load_extents(FileSystem& fs, const std::string& directory);
// Durable on success.
Status store_extents(FileSystem& fs, const std::string& directory, const StreamExtents& extents);
// Whether one of a directory's entries is the folder of `stream`.
bool holds(const std::vector<DirectoryEntry>& entries, StreamId stream);
// Load, change, store; writes nothing where nothing is known of the stream.
Status forget_extent(FileSystem& fs, const std::string& directory, StreamId stream);

}  // namespace insula::journal
