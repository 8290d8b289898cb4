#include "platform/journal/inspection.h"

#include <algorithm>

#include "platform/journal/stream_reader.h"

namespace insula::journal {

namespace {

Result<StreamSummary> measure(FileSystem& fs, const std::string& directory, StreamId stream) {
    StreamSummary summary{.stream = stream};
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    for (const DirectoryEntry& entry : entries) {
        if (entry.is_directory) continue;
        ASSIGN_OR_RETURN(const auto file, fs.open(directory + "/" + entry.name, OpenMode::read));
        ASSIGN_OR_RETURN(const uint64_t size, file->size());
        if (parse_segment_name(entry.name)) {
            ++summary.segments;
            summary.segment_bytes += size;
        } else if (parse_kept_name(entry.name)) {
            ++summary.kept;
            summary.kept_bytes += size;
        } else {
            ++summary.spares;
            summary.spare_bytes += size;
        }
    }
    return summary;
}

}  // namespace

Status inspect(FileSystem& fs, const std::string& directory, std::optional<StreamId> only,
               JournalInspector& inspector) {
    ASSIGN_OR_RETURN(const bool exists, fs.exists(directory));
    if (!exists) return {};
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    ASSIGN_OR_RETURN(const StreamExtents known, load_extents(fs, directory));
    for (const auto& [stream, extent] : known) {
        if (stream != only.value_or(stream)) continue;
        if (holds(entries, stream)) continue;
        RETURN_IF_ERROR(inspector.damage({.stream = stream,
                                          .path = directory + "/" + stream_name(stream),
                                          .what = "the stream is missing"}));
    }
    std::string buffer;
    for (const DirectoryEntry& entry : entries) {
        const auto stream = parse_stream_name(entry.name);
        if (!entry.is_directory || !stream || *stream != only.value_or(*stream)) continue;
        const std::string path = directory + "/" + entry.name;
        ASSIGN_OR_RETURN(StreamSummary summary, measure(fs, path, *stream));
        StreamReader reader(fs, path, *stream, Lsn{}, PlantedFault::none, buffer);
        if (const auto extent = known.find(*stream); extent != known.end()) {
            reader.expect(extent->second);
        }
        reader.include_kept();
        RETURN_IF_ERROR(reader.run(inspector));
        summary.ended = reader.ended();
        summary.cut_bytes = reader.cut_bytes();
        RETURN_IF_ERROR(inspector.stream(summary));
    }
    return {};
}

}  // namespace insula::journal
