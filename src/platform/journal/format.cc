#include "platform/journal/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"

namespace insula::journal {

namespace {

constexpr uint32_t kSegmentMagic = 0x47534a49;  // "IJSG"
constexpr uint32_t kRecordMagic = 0x43524a49;   // "IJRC"
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kKeptSuffix = ".kept";

// The structs are the bytes on disk: little-endian, no padding, reserved fields zero.
struct DiskSegmentHeader {
    uint32_t magic;
    uint32_t version;
    uint64_t stream;
    uint32_t sequence;
    uint32_t codec;
    uint64_t base;
    uint64_t segment_bytes;
    uint64_t key_id;
    uint32_t salt;
    std::array<uint8_t, 8> reserved;
    uint32_t crc;
};
static_assert(sizeof(DiskSegmentHeader) == 64);

struct DiskRecordHeader {
    uint32_t magic;
    uint8_t version;
    uint8_t kind;
    uint8_t flags;
    uint8_t codec;
    uint64_t key_id;
    uint64_t stream;
    uint64_t position;
    std::array<uint8_t, 16> tenant;
    uint64_t source;
    uint64_t epoch;
    uint64_t hybrid_time;
    uint64_t durable_before;
    uint32_t body_bytes;
    uint32_t body_crc;
    std::array<uint8_t, 16> tag;
    uint32_t reserved;
    uint32_t crc;
};
static_assert(sizeof(DiskRecordHeader) == kRecordHeaderBytes);

template <class T>
uint32_t checksum(const T& disk, uint32_t start) {
    static_assert(offsetof(T, crc) == sizeof(T) - sizeof(uint32_t));
    return crc32c(std::as_bytes(std::span(&disk, 1)).first(offsetof(T, crc)), start);
}

template <class T>
std::optional<T> parse_hex(std::string_view text) {
    if (text.size() != sizeof(T) * 2) return std::nullopt;
    for (const char c : text) {
        if (c >= 'A' && c <= 'F') return std::nullopt;  // one name, one thing
    }
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

void encode_segment_header(const SegmentHeader& header, MutableBytes out) {
    INSULA_CHECK(out.size() == kSegmentHeaderBytes, "a segment header takes one block");
    DiskSegmentHeader disk{};
    disk.magic = kSegmentMagic;
    disk.version = kFormatVersion;
    disk.stream = header.stream.value;
    disk.sequence = header.sequence;
    disk.base = header.base();
    disk.segment_bytes = header.segment_bytes;
    disk.salt = header.salt;
    disk.crc = checksum(disk, 0);
    std::memset(out.data(), 0, out.size());
    std::memcpy(out.data(), &disk, sizeof disk);
}

Result<SegmentHeader> decode_segment_header(Bytes block) {
    DiskSegmentHeader disk;
    if (block.size() < kSegmentHeaderBytes) return fail(data_loss("the segment header is cut off"));
    std::memcpy(&disk, block.data(), sizeof disk);
    if (disk.magic != kSegmentMagic) return fail(data_loss("this is no journal segment"));
    if (disk.crc != checksum(disk, 0))
        return fail(data_loss("the segment header's checksum differs"));
    if (disk.version != kFormatVersion || disk.codec != 0 || disk.key_id != 0) {
        return fail(Error(Code::data_loss, kNewerFormat,
                          "The journal was written by a later version of the program.")
                        .with_detail(fmt::format(
                            "segment format version {}, codec {}, key {} is not known here",
                            disk.version, disk.codec, disk.key_id)));
    }
    SegmentHeader header{.stream = {disk.stream},
                         .sequence = disk.sequence,
                         .segment_bytes = disk.segment_bytes,
                         .salt = disk.salt};
    const bool sound = disk.segment_bytes > kSegmentHeaderBytes &&
                       disk.segment_bytes <= kSegmentBytesMax &&
                       disk.segment_bytes % kBlockBytes == 0 && disk.base == header.base();
    if (!sound || !all_zero(block.subspan(sizeof disk, kSegmentHeaderBytes - sizeof disk))) {
        return fail(data_loss("the segment header holds impossible values"));
    }
    return header;
}

SegmentHeader read_unchecked_segment_header(Bytes block) {
    DiskSegmentHeader disk{};
    std::memcpy(&disk, block.data(), std::min(sizeof disk, block.size()));
    return {.stream = {disk.stream},
            .sequence = disk.sequence,
            .segment_bytes = disk.segment_bytes,
            .salt = disk.salt};
}

void encode_record_header(const StoredRecord& record, uint32_t salt, MutableBytes out) {
    INSULA_CHECK(out.size() == kRecordHeaderBytes, "a record header has a fixed size");
    DiskRecordHeader disk{};
    disk.magic = kRecordMagic;
    disk.version = record.version;
    disk.kind = record.kind;
    disk.flags = record.flags;
    disk.codec = record.codec;
    disk.key_id = record.key_id;
    disk.stream = record.stream.value;
    disk.position = record.position;
    disk.tenant = record.tenant.bytes;
    disk.source = record.source.value;
    disk.epoch = record.epoch.value;
    disk.hybrid_time = record.hybrid_time;
    disk.durable_before = record.durable_before;
    disk.body_bytes = record.body_bytes;
    disk.body_crc = record.body_crc;
    disk.crc = checksum(disk, salt);
    std::memcpy(out.data(), &disk, sizeof disk);
}

std::optional<StoredRecord> decode_record_header(Bytes bytes, uint32_t salt, bool ignore_checksum) {
    if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
    DiskRecordHeader disk;
    std::memcpy(&disk.magic, bytes.data(), sizeof disk.magic);
    if (disk.magic != kRecordMagic) return std::nullopt;
    std::memcpy(&disk, bytes.data(), sizeof disk);
    if (disk.crc != checksum(disk, salt) && !ignore_checksum) return std::nullopt;
    return StoredRecord{.version = disk.version,
                        .kind = disk.kind,
                        .flags = disk.flags,
                        .codec = disk.codec,
                        .key_id = disk.key_id,
                        .stream = {disk.stream},
                        .position = disk.position,
                        .tenant = {disk.tenant},
                        .source = {disk.source},
                        .epoch = {disk.epoch},
                        .hybrid_time = disk.hybrid_time,
                        .durable_before = disk.durable_before,
                        .body_bytes = disk.body_bytes,
                        .body_crc = disk.body_crc};
}

std::optional<FlippedBit> find_flipped_header_bit(Bytes header, uint32_t salt) {
    DiskRecordHeader disk;
    if (header.size() < sizeof disk) return std::nullopt;
    std::memcpy(&disk, header.data(), sizeof disk);
    const uint32_t found = checksum(disk, salt);
    if (const auto bit = find_flipped_bit(found, disk.crc, offsetof(DiskRecordHeader, crc))) {
        return bit;
    }
    const uint32_t difference = found ^ disk.crc;
    if (!std::has_single_bit(difference)) return std::nullopt;
    const int bit = std::countr_zero(difference);
    return FlippedBit{offsetof(DiskRecordHeader, crc) + static_cast<uint64_t>(bit / 8), bit % 8};
}

bool all_zero(Bytes bytes) {
    // Comparing a range with itself shifted by one runs at memory speed.
    return bytes.empty() || (bytes[0] == std::byte{0} &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::string stream_name(StreamId stream) { return fmt::format("{:016x}", stream.value); }

std::optional<StreamId> parse_stream_name(std::string_view name) {
    const auto value = parse_hex<uint64_t>(name);
    if (!value) return std::nullopt;
    return StreamId{*value};
}

std::string segment_name(uint32_t sequence) {
    return fmt::format("{:08x}{}", sequence, kSegmentSuffix);
}

std::optional<uint32_t> parse_segment_name(std::string_view name) {
    if (!name.ends_with(kSegmentSuffix)) return std::nullopt;
    return parse_hex<uint32_t>(name.substr(0, name.size() - kSegmentSuffix.size()));
}

std::string kept_name(const KeptName& name) {
    return fmt::format("{:08x}-{:016x}{}", name.sequence, name.released_at_seconds, kKeptSuffix);
}

std::optional<KeptName> parse_kept_name(std::string_view name) {
    if (!name.ends_with(kKeptSuffix)) return std::nullopt;
    name.remove_suffix(kKeptSuffix.size());
    const size_t dash = name.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto sequence = parse_hex<uint32_t>(name.substr(0, dash));
    const auto released_at = parse_hex<uint64_t>(name.substr(dash + 1));
    if (!sequence || !released_at) return std::nullopt;
    return KeptName{.sequence = *sequence, .released_at_seconds = *released_at};
}

}  // namespace insula::journal
