#include "platform/journal/journal.h"
#include "platform/journal/stream_reader.h"

namespace insula::journal {

Result<ReplayStats> replay(FileSystem& fs, const std::string& directory, Lsn from,
                           const Options& options,
                           const std::function<Status(const Record&)>& handle) {
    ReplayStats stats;
    ASSIGN_OR_RETURN(const bool exists, fs.exists(directory));
    if (!exists) return stats;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    std::string buffer;
    for (const DirectoryEntry& entry : entries) {
        const auto stream = parse_stream_name(entry.name);
        if (!entry.is_directory || !stream) continue;
        stats.last_stream = *stream;
        if (*stream < from.stream) continue;
        StreamReader reader(fs, directory + "/" + entry.name, *stream, from, options.planted_fault,
                            buffer);
        RETURN_IF_ERROR(reader.run(handle, stats));
        ++stats.streams;
    }
    return stats;
}

}  // namespace insula::journal
