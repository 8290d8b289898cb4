#include <algorithm>

#include <fmt/format.h>

#include "platform/journal/journal.h"
#include "platform/journal/stream_reader.h"

namespace insula::journal {

namespace {

// Stops at damage; hands table records on.
class Replay final : public StreamObserver {
  public:
    Replay(const std::function<Status(const Record&)>& handle, ReplayStats& stats)
        : handle_(handle), stats_(stats) {}

    Status record(const FoundRecord& found) override {
        const StoredRecord& header = found.header;
        stats_.last_hybrid_time = std::max(stats_.last_hybrid_time, header.hybrid_time);
        const auto kind = static_cast<RecordKind>(header.kind);
        if (kind == RecordKind::end || kind == RecordKind::probe) return {};
        if (kind == RecordKind::lost) {
            stats_.lost_bytes += record_bytes(header.body_bytes);
            return {};
        }
        ++stats_.records;
        stats_.bytes += record_bytes(header.body_bytes);
        return handle_({.header = {.kind = kind,
                                   .tenant = header.tenant,
                                   .source = header.source,
                                   .epoch = header.epoch},
                        .lsn = {header.stream, header.position},
                        .hybrid_time = header.hybrid_time,
                        .body = found.body});
    }

    Status damage(const Damage& damage) override { return fail(damage.error()); }

  private:
    const std::function<Status(const Record&)>& handle_;
    ReplayStats& stats_;
};

}  // namespace

Result<ReplayStats> replay(FileSystem& fs, const std::string& directory, Lsn from,
                           const Options& options,
                           const std::function<Status(const Record&)>& handle) {
    ReplayStats stats;
    ASSIGN_OR_RETURN(const bool exists, fs.exists(directory));
    if (!exists) return stats;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    ASSIGN_OR_RETURN(const StreamExtents known, load_extents(fs, directory));
    StreamExtents found = known;
    for (const auto& [stream, extent] : known) {
        const bool present = holds(entries, stream);
        if (present || stream < from.stream) continue;
        return fail(data_loss(fmt::format("{}/{}: the stream is missing, which reached position {}",
                                          directory, stream_name(stream), extent.end)));
    }
    std::string buffer;
    Replay observer(handle, stats);
    for (const DirectoryEntry& entry : entries) {
        const auto stream = parse_stream_name(entry.name);
        if (!entry.is_directory || !stream) continue;
        stats.last_stream = *stream;
        if (*stream < from.stream) continue;
        StreamReader reader(fs, directory + "/" + entry.name, *stream, from, options.planted_fault,
                            buffer);
        if (const auto extent = known.find(*stream); extent != known.end()) {
            reader.expect(extent->second);
        }
        RETURN_IF_ERROR(reader.run(observer));
        const auto extent = reader.extent();
        RETURN_IF_ERROR(reader.settle());
        if (extent && found[*stream] != *extent) {
            // A segment may have its name since a moment before its process was killed.
            RETURN_IF_ERROR(fs.sync_directory(directory + "/" + entry.name));
            found[*stream] = *extent;
        }
        stats.clean_stop = reader.ended();
        stats.cut_bytes += reader.cut_bytes();
        ++stats.streams;
    }
    if (found != known) RETURN_IF_ERROR(store_extents(fs, directory, found));
    return stats;
}

Status read_again(FileSystem& fs, const std::string& directory, Lsn from, StreamId last,
                  const Options& options, const std::function<Status(const Record&)>& handle) {
    ReplayStats stats;
    ASSIGN_OR_RETURN(const auto entries, fs.list(directory));
    ASSIGN_OR_RETURN(const StreamExtents known, load_extents(fs, directory));
    std::string buffer;
    Replay observer(handle, stats);
    for (const DirectoryEntry& entry : entries) {
        const auto stream = parse_stream_name(entry.name);
        if (!entry.is_directory || !stream || *stream < from.stream || *stream > last) continue;
        StreamReader reader(fs, directory + "/" + entry.name, *stream, from, options.planted_fault,
                            buffer);
        if (const auto extent = known.find(*stream); extent != known.end()) {
            reader.expect(extent->second);
        }
        RETURN_IF_ERROR(reader.run(observer));
    }
    return {};
}

}  // namespace insula::journal
