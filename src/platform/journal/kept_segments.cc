#include "platform/journal/kept_segments.h"

#include <algorithm>

namespace insula::journal {

Result<KeptSegments> KeptSegments::load(FileSystem& fs, const std::string& root,
                                        uint64_t now_seconds) {
    KeptSegments kept;
    ASSIGN_OR_RETURN(const auto streams, fs.list(root));
    for (const DirectoryEntry& entry : streams) {
        const auto stream = parse_stream_name(entry.name);
        if (!entry.is_directory || !stream) continue;
        const std::string directory = root + "/" + entry.name;
        ASSIGN_OR_RETURN(const auto files, fs.list(directory));
        for (const DirectoryEntry& file : files) {
            const auto name = parse_kept_name(file.name);
            if (!name) continue;
            const std::string path = directory + "/" + file.name;
            ASSIGN_OR_RETURN(const auto opened, fs.open(path, OpenMode::read));
            ASSIGN_OR_RETURN(const uint64_t bytes, opened->size());
            kept.add({.stream = *stream,
                      .sequence = name->sequence,
                      .released_at_seconds = std::min(name->released_at_seconds, now_seconds),
                      .path = path,
                      .bytes = bytes});
        }
    }
    return kept;
}

void KeptSegments::add(KeptSegment segment) {
    const std::pair place(segment.stream, segment.sequence);
    if (const auto again = segments_.find(place); again != segments_.end()) {
        bytes_ -= again->second.bytes;
    }
    bytes_ += segment.bytes;
    segments_.insert_or_assign(place, std::move(segment));
}

void KeptSegments::remove_oldest() {
    bytes_ -= oldest().bytes;
    segments_.erase(segments_.begin());
}

size_t KeptSegments::count_of(StreamId stream) const {
    return static_cast<size_t>(std::ranges::count_if(
        segments_, [stream](const auto& segment) { return segment.first.first == stream; }));
}

}  // namespace insula::journal
