#include "platform/journal/stream_extents.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/units.h"
#include "platform/journal/format.h"

namespace insula::journal {

namespace {

constexpr std::string_view kFileName = "/EXTENTS";
constexpr uint32_t kMagic = 0x54584a49;  // "IJXT"
constexpr uint32_t kVersion = 1;
constexpr uint64_t kHeaderBytes = 12;  // magic, version, number of streams
constexpr uint64_t kEntryBytes = 20;
// Streams stay for as long as their rows are in memory only: some hundred thousand at most.
constexpr uint64_t kFileBytesMax = 16 * kMiB;

Error damaged(const std::string& path, std::string_view what) {
    return data_loss(fmt::format("{}: {}", path, what));
}

}  // namespace

Result<StreamExtents> load_extents(FileSystem& fs, const std::string& directory) {
    const std::string path = directory + std::string(kFileName);
    const auto content = read_file(fs, path, kFileBytesMax);
    StreamExtents extents;
    if (!content) {
        if (content.error().code() == Code::not_found) return extents;
        return fail(content.error());
    }
    const Bytes bytes = as_bytes(*content);
    if (bytes.size() < kHeaderBytes + sizeof(uint32_t)) return fail(damaged(path, "it is cut"));
    ByteReader reader(bytes, path);
    ASSIGN_OR_RETURN(const uint32_t magic, reader.get<uint32_t>());
    ASSIGN_OR_RETURN(const uint32_t version, reader.get<uint32_t>());
    ASSIGN_OR_RETURN(const uint32_t count, reader.get<uint32_t>());
    const Bytes sum = bytes.last(sizeof(uint32_t));
    ByteReader stored(sum, path);
    ASSIGN_OR_RETURN(const uint32_t checksum, stored.get<uint32_t>());
    const bool sound =
        magic == kMagic && checksum == crc32c(bytes.first(bytes.size() - sum.size()));
    if (!sound) return fail(damaged(path, "its checksum is wrong"));
    if (version != kVersion) {
        return fail(Error(Code::unimplemented, "newer_file_format",
                          "The journal was written by a later version of insula.")
                        .with_hint("Run the version that wrote it, or a later one.")
                        .with_detail(path));
    }
    if (bytes.size() != kHeaderBytes + count * kEntryBytes + sum.size()) {
        return fail(damaged(path, "it has another length than it says"));
    }
    for (uint32_t i = 0; i < count; ++i) {
        ASSIGN_OR_RETURN(const uint64_t stream, reader.get<uint64_t>());
        StreamExtent& extent = extents[StreamId{stream}];
        ASSIGN_OR_RETURN(extent.first_sequence, reader.get<uint32_t>());
        ASSIGN_OR_RETURN(extent.end, reader.get<uint64_t>());
    }
    return extents;
}

Status store_extents(FileSystem& fs, const std::string& directory, const StreamExtents& extents) {
    ByteWriter writer;
    writer.put(kMagic);
    writer.put(kVersion);
    writer.put(static_cast<uint32_t>(extents.size()));
    for (const auto& [stream, extent] : extents) {
        writer.put(stream.value);
        writer.put(extent.first_sequence);
        writer.put(extent.end);
    }
    writer.put(crc32c(writer.bytes()));
    return write_file_durably(fs, directory + std::string(kFileName), as_text(writer.bytes()));
}

bool holds(const std::vector<DirectoryEntry>& entries, StreamId stream) {
    const std::string name = stream_name(stream);
    return std::ranges::find(entries, name, &DirectoryEntry::name) != entries.end();
}

Status forget_extent(FileSystem& fs, const std::string& directory, StreamId stream) {
    ASSIGN_OR_RETURN(StreamExtents extents, load_extents(fs, directory));
    if (extents.erase(stream) == 0) return {};
    return store_extents(fs, directory, extents);
}

}  // namespace insula::journal
