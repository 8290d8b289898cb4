// The bytes of a blob file, as docs/formats/blob-file.md gives them: header, content, frame table
// (of a sealed file with tags and seal), footer. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "platform/blob/blob_file.h"
#include "platform/blob/file_seal.h"
#include "platform/crypto/key_wrap.h"

namespace insula::blob {

inline constexpr uint64_t kHeaderBytes = 64;
inline constexpr uint64_t kFooterBytes = 48;
inline constexpr uint64_t kChecksumBytes = 4;
// Bounds the frame table, which readers and writers hold in memory, to 64 MiB (sealed: 320 MiB).
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
// What stands between content and footer: checksums, and of a sealed file tags and seal.
constexpr uint64_t table_bytes_of(uint64_t content_bytes, bool sealed) {
    const uint64_t entry_bytes = kChecksumBytes + (sealed ? crypto::kTagBytes : 0);
    return frames_of(content_bytes) * entry_bytes + (sealed ? kSealBytes : 0);
}
constexpr uint64_t file_bytes_of(uint64_t content_bytes, bool sealed = false) {
    return kHeaderBytes + content_bytes + table_bytes_of(content_bytes, sealed) + kFooterBytes;
}

// Of a sealed file where there is a key.
std::string encode_header(FileId id, crypto::KeyId key_id = {});
std::string encode_footer(const Footer& footer);

// `path` names the file in errors: data_loss on damage and on a file of another id, unimplemented
// if a newer version wrote it. `key_id` is that of the catalog.
Status check_header(Bytes bytes, FileId id, crypto::KeyId key_id, std::string_view path);

struct FileSize {
    uint64_t bytes = 0;
    bool sealed = false;
};
// Also checks that a file of `size` is what the footer speaks of.
Result<Footer> decode_footer(Bytes bytes, FileId id, FileSize size, std::string_view path);

Error damaged(std::string_view path, std::string_view what);

}  // namespace insula::blob
