// The bytes of a blob file, as docs/formats/blob-file.md gives them: header, content, frame table,
// footer. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "platform/blob/blob_file.h"

namespace insula::blob {

inline constexpr uint64_t kHeaderBytes = 64;
inline constexpr uint64_t kFooterBytes = 48;
inline constexpr uint64_t kTableEntryBytes = 4;
// Bounds the frame table, which readers and writers hold in memory, to 64 MiB.
inline constexpr uint64_t kContentBytesMax = 1024 * kGiB;

struct Footer {
    FileId id;
    uint64_t content_bytes = 0;
    uint64_t frames = 0;
    uint32_t table_checksum = 0;
};

constexpr uint64_t frames_of(uint64_t content_bytes) {
    return (content_bytes + kFrameBytes - 1) / kFrameBytes;
}
constexpr uint64_t file_bytes_of(uint64_t content_bytes) {
    return kHeaderBytes + content_bytes + frames_of(content_bytes) * kTableEntryBytes +
           kFooterBytes;
}

std::string encode_header(FileId id);
std::string encode_footer(const Footer& footer);

// `path` names the file in errors: data_loss on damage and on a file of another id, unimplemented
// if a newer version wrote it.
Status check_header(Bytes bytes, FileId id, std::string_view path);
// Also checks that a file of `file_bytes` is what the footer speaks of.
Result<Footer> decode_footer(Bytes bytes, FileId id, uint64_t file_bytes, std::string_view path);

Error damaged(std::string_view path, std::string_view what);

}  // namespace insula::blob
