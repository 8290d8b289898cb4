#include "platform/blob/blob_format.h"

#include <fmt/core.h>

#include "base/crc32c.h"

namespace insula::blob {
namespace {

constexpr std::string_view kHeaderMagic = "INSBLOB\n";
constexpr std::string_view kFooterMagic = "INSBEND\n";
constexpr uint16_t kVersionPlain = 1;
constexpr uint16_t kVersionSealed = 2;
constexpr uint8_t kCodecPlain = 0;

constexpr size_t kHeaderReservedBytes = 28;
constexpr size_t kFooterReservedBytes = 8;

template <class T>
T load(Bytes bytes, size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

void seal_with_checksum(ByteWriter& writer) { writer.put(crc32c(writer.bytes())); }

bool checksum_holds(Bytes bytes) {
    const size_t checked = bytes.size() - sizeof(uint32_t);
    return load<uint32_t>(bytes, checked) == crc32c(bytes.first(checked));
}

Error newer(std::string_view path, std::string_view what) {
    return Error(Code::unimplemented, "newer_file_format",
                 "A stored file was written by a newer version of the server.")
        .with_hint("Run the version that wrote it, or a later one.")
        .with_detail(fmt::format("blob file {}: {}", path, what));
}

Error other_file(std::string_view path, uint64_t found, FileId id) {
    return damaged(path, fmt::format("it is file {}, not {}", found, id.value));
}

std::string sealed_how(crypto::KeyId key) {
    return key ? fmt::format("sealed with key {}", key.value) : "not sealed";
}

}  // namespace

Error damaged(std::string_view path, std::string_view what) {
    return data_loss(fmt::format("blob file {}: {}", path, what));
}

std::string encode_header(FileId id, crypto::KeyId key_id) {
    ByteWriter writer;
    writer.put_bytes(as_bytes(kHeaderMagic));
    writer.put(key_id ? kVersionSealed : kVersionPlain);
    writer.put(kCodecPlain);
    writer.put_zeros(1);
    writer.put(static_cast<uint32_t>(kFrameBytes));
    writer.put(id.value);
    writer.put(key_id.value);
    writer.put_zeros(kHeaderReservedBytes);
    seal_with_checksum(writer);
    return writer.take();
}

std::string encode_footer(const Footer& footer) {
    ByteWriter writer;
    writer.put_bytes(as_bytes(kFooterMagic));
    writer.put(footer.id.value);
    writer.put(footer.content_bytes);
    writer.put(footer.frames);
    writer.put(footer.table_checksum);
    writer.put_zeros(kFooterReservedBytes);
    seal_with_checksum(writer);
    return writer.take();
}

Status check_header(Bytes bytes, FileId id, crypto::KeyId key_id, std::string_view path) {
    if (as_text(bytes.first(kHeaderMagic.size())) != kHeaderMagic) {
        return fail(damaged(path, "it does not begin like a blob file"));
    }
    if (!checksum_holds(bytes)) return fail(damaged(path, "the header fails its checksum"));
    const auto version = load<uint16_t>(bytes, 8);
    if (version != kVersionPlain && version != kVersionSealed) {
        return fail(newer(path, fmt::format("version {}", version)));
    }
    const auto codec = load<uint8_t>(bytes, 10);
    if (codec != kCodecPlain) return fail(newer(path, fmt::format("codec {}", codec)));
    const auto frame_bytes = load<uint32_t>(bytes, 12);
    if (frame_bytes != kFrameBytes) {
        return fail(newer(path, fmt::format("frames of {} bytes", frame_bytes)));
    }
    const auto found = load<uint64_t>(bytes, 16);
    if (found != id.value) return fail(other_file(path, found, id));
    const crypto::KeyId key{load<uint64_t>(bytes, 24)};
    if (version == kVersionPlain && key) {
        return fail(newer(path, fmt::format("version {} with key {}", version, key.value)));
    }
    if (version == kVersionSealed && !key) return fail(damaged(path, "it is sealed with no key"));
    if (key == key_id) return {};
    return fail(damaged(
        path, fmt::format("it is {}, the catalog says {}", sealed_how(key), sealed_how(key_id))));
}

Result<Footer> decode_footer(Bytes bytes, FileId id, FileSize size, std::string_view path) {
    if (as_text(bytes.first(kFooterMagic.size())) != kFooterMagic) {
        return fail(damaged(path, "it does not end like a blob file: it was cut or added to"));
    }
    if (!checksum_holds(bytes)) return fail(damaged(path, "the footer fails its checksum"));
    const Footer footer{.id = {load<uint64_t>(bytes, 8)},
                        .content_bytes = load<uint64_t>(bytes, 16),
                        .frames = load<uint64_t>(bytes, 24),
                        .table_checksum = load<uint32_t>(bytes, 32)};
    if (footer.id != id) return fail(other_file(path, footer.id.value, id));
    if (footer.content_bytes > kContentBytesMax ||
        footer.frames != frames_of(footer.content_bytes) ||
        size.bytes != file_bytes_of(footer.content_bytes, size.sealed)) {
        return fail(damaged(
            path, fmt::format("it has {} bytes, but its footer speaks of {} bytes in {} frames",
                              size.bytes, footer.content_bytes, footer.frames)));
    }
    return footer;
}

}  // namespace insula::blob
