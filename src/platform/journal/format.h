// The journal on disk, byte by byte: docs/formats/journal.md. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/flipped_bit.h"
#include "base/ids.h"
#include "platform/journal/journal.h"

namespace insula::journal {

inline constexpr uint64_t kBlockBytes = 4 * kKiB;
// The segment header's block; the first record stands behind it.
inline constexpr uint64_t kSegmentHeaderBytes = kBlockBytes;
inline constexpr uint64_t kRecordHeaderBytes = 112;
inline constexpr uint64_t kRecordAlignment = 8;
inline constexpr uint64_t kSegmentBytesMax = kGiB;
inline constexpr uint32_t kFormatVersion = 1;

constexpr uint64_t align_record(uint64_t bytes) {
    return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
// What a record with this body takes in a segment.
constexpr uint64_t record_bytes(uint64_t body_bytes) {
    return align_record(kRecordHeaderBytes + body_bytes);
}

struct SegmentHeader {
    StreamId stream;
    uint32_t sequence = 0;
    uint64_t segment_bytes = 0;
    // Random; record headers' checksums start from it, so that bytes from elsewhere (a recycled
    // segment, a body that imitates records) do not pass for records of this segment.
    uint32_t salt = 0;

    uint64_t base() const { return sequence * segment_bytes; }
};

struct StoredRecord {
    uint8_t version = kFormatVersion;
    uint8_t kind = 0;
    uint8_t flags = 0;
    uint8_t codec = 0;
    uint64_t key_id = 0;
    StreamId stream;
    uint64_t position = 0;
    TenantId tenant;
    SourceIncarnation source;
    Epoch epoch;
    uint64_t hybrid_time = 0;
    // Every record of the stream that ends at or below this had been synced before this one was
    // written.
    uint64_t durable_before = 0;
    uint32_t body_bytes = 0;
    uint32_t body_crc = 0;
};

// `out` takes kSegmentHeaderBytes.
void encode_segment_header(const SegmentHeader& header, MutableBytes out);
// data_loss says what is wrong with the block; its reason is kNewerFormat where a later version of
// the program wrote it.
inline constexpr std::string_view kNewerFormat = "newer_journal_format";
Result<SegmentHeader> decode_segment_header(Bytes block);

// `out` takes kRecordHeaderBytes.
void encode_record_header(const StoredRecord& record, uint32_t salt, MutableBytes out);
// Nothing unless magic and checksum are right. With `ignore_checksum` (tests) magic is enough.
std::optional<StoredRecord> decode_record_header(Bytes bytes, uint32_t salt,
                                                 bool ignore_checksum = false);

// What the header's fields say, right or wrong: where a damaged one is all there is.
SegmentHeader read_unchecked_segment_header(Bytes block);

// The one bit of a record header that explains why its checksum does not match, if one does.
std::optional<FlippedBit> find_flipped_header_bit(Bytes header, uint32_t salt);

bool all_zero(Bytes bytes);

// "00000000000000a1"
std::string stream_name(StreamId stream);
std::optional<StreamId> parse_stream_name(std::string_view name);
// "0000001f.seg"
std::string segment_name(uint32_t sequence);
std::optional<uint32_t> parse_segment_name(std::string_view name);

// A segment that is kept though nothing needs it: "0000001f-0000000067403b2c.kept".
struct KeptName {
    uint32_t sequence = 0;
    uint64_t released_at_seconds = 0;  // since 1970
};
std::string kept_name(const KeptName& name);
std::optional<KeptName> parse_kept_name(std::string_view name);

}  // namespace insula::journal
