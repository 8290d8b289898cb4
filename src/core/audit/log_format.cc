#include "core/audit/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/crc32c.h"

namespace insula::audit {

namespace {

constexpr std::string_view kMagic = "INSAUDIT";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderFixedBytes = 80;  // with the checksum, without blocks
constexpr uint32_t kHeaderBytesMax = 16 << 20;
constexpr std::string_view kSuffix = ".log";
constexpr size_t kNameDigits = 20;
// How far behind a gap the next entry may be: what a search for a frame takes for one.
constexpr uint64_t kGapMax = 1 << 24;

}  // namespace

std::string segment_name(uint64_t first) { return fmt::format("{:020}{}", first, kSuffix); }

std::optional<uint64_t> parse_segment_name(std::string_view name) {
    if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) {
        return std::nullopt;
    }
    uint64_t first = 0;
    const char* end = name.data() + kNameDigits;
    const auto [stop, error] = std::from_chars(name.data(), end, first);
    if (error != std::errc() || stop != end) return std::nullopt;
    return first;
}

std::string encode_header(const SegmentHeader& header) {
    ByteWriter out;
    out.put_bytes(as_bytes(kMagic));
    out.put(kVersion);
    out.put(static_cast<uint32_t>(kHeaderFixedBytes + header.blocks.size() * sizeof(Hash)));
    out.put(header.first);
    out.put_bytes(header.key);
    out.put(header.derived.stream.value);
    out.put(header.derived.position);
    out.put(static_cast<uint32_t>(header.blocks.size()));
    for (const Hash& block : header.blocks) out.put_bytes(block);
    out.put(crc32c(out.bytes()));
    return out.take();
}

Result<DecodedHeader> decode_header(Bytes content) {
    ByteReader reader(content, "header");
    ASSIGN_OR_RETURN(const Bytes magic, reader.get_bytes(kMagic.size()));
    if (as_text(magic) != kMagic)
        return fail(data_loss("it does not begin as a segment of an audit log"));
    ASSIGN_OR_RETURN(const uint32_t version, reader.get<uint32_t>());
    ASSIGN_OR_RETURN(const uint32_t bytes, reader.get<uint32_t>());
    if (bytes < kHeaderFixedBytes || bytes > kHeaderBytesMax || bytes > content.size()) {
        return fail(data_loss("its header is cut off"));
    }
    uint32_t stored = 0;
    std::memcpy(&stored, content.data() + bytes - sizeof stored, sizeof stored);
    if (stored != crc32c(content.first(bytes - sizeof stored))) {
        return fail(data_loss("its header has another checksum than it should"));
    }
    if (version != kVersion) {
        return fail(data_loss(fmt::format("it is of version {}, which is unknown here", version)));
    }
    DecodedHeader decoded{.header = {}, .bytes = bytes};
    SegmentHeader& header = decoded.header;
    ASSIGN_OR_RETURN(header.first, reader.get<uint64_t>());
    ASSIGN_OR_RETURN(const Bytes key, reader.get_bytes(header.key.size()));
    std::ranges::copy(key, header.key.begin());
    ASSIGN_OR_RETURN(header.derived.stream.value, reader.get<uint64_t>());
    ASSIGN_OR_RETURN(header.derived.position, reader.get<uint64_t>());
    ASSIGN_OR_RETURN(const uint32_t blocks, reader.get<uint32_t>());
    if (kHeaderFixedBytes + blocks * sizeof(Hash) != bytes) {
        return fail(data_loss("its header has another length than it should"));
    }
    header.blocks.resize(blocks);
    for (Hash& block : header.blocks) {
        ASSIGN_OR_RETURN(const Bytes hash, reader.get_bytes(block.size()));
        std::ranges::copy(hash, block.begin());
    }
    return decoded;
}

void append_frame(const Frame& frame, std::string& out) {
    ByteWriter writer;
    writer.put(static_cast<uint32_t>(frame.entry.size()));
    writer.put(uint32_t{0});
    writer.put(frame.index);
    writer.put(frame.synced_before);
    writer.put(static_cast<uint8_t>(frame.origin.kind));
    writer.put_zeros(7);
    writer.put(frame.origin.lsn.stream.value);
    writer.put(frame.origin.lsn.position);
    writer.put_bytes(as_bytes(frame.entry));
    const Bytes checked = writer.bytes().subspan(2 * sizeof(uint32_t));
    const uint32_t crc = crc32c(checked, static_cast<uint32_t>(frame.entry.size()));
    writer.patch(sizeof(uint32_t), crc);
    out.append(writer.buffer());
}

std::optional<Frame> read_frame(std::string_view content, uint64_t offset) {
    if (offset > content.size() || content.size() - offset < kFrameBytes) return std::nullopt;
    const std::string_view at = content.substr(offset);
    const auto number = [&]<class T>(size_t place, T) {
        T value;
        std::memcpy(&value, at.data() + place, sizeof value);
        return value;
    };
    const uint32_t length = number(0, uint32_t{});
    if (length > kEntryBytesMax || length > at.size() - kFrameBytes) return std::nullopt;
    const std::string_view checked = at.substr(8, kFrameBytes - 8 + length);
    if (crc32c(as_bytes(checked), length) != number(4, uint32_t{})) return std::nullopt;
    const auto kind = number(24, uint8_t{});
    if (kind < 1 || kind > static_cast<uint8_t>(Origin::Kind::node)) return std::nullopt;
    return Frame{.index = number(8, uint64_t{}),
                 .synced_before = number(16, uint64_t{}),
                 .origin = {.kind = static_cast<Origin::Kind>(kind),
                            .lsn = {StreamId{number(32, uint64_t{})}, number(40, uint64_t{})}},
                 .entry = at.substr(kFrameBytes, length),
                 .bytes = kFrameBytes + length};
}

uint64_t claimed_frame_bytes(std::string_view content, uint64_t offset) {
    if (offset > content.size() || content.size() - offset < kFrameBytes) return 0;
    uint32_t length = 0;
    std::memcpy(&length, content.data() + offset, sizeof length);
    return kFrameBytes + length;
}

std::optional<FoundFrame> find_frame(std::string_view content, uint64_t offset, uint64_t index) {
    for (; offset + kFrameBytes <= content.size(); ++offset) {
        // Most places are refused by this without a checksum over what follows.
        uint64_t found = 0;
        std::memcpy(&found, content.data() + offset + 8, sizeof found);
        if (found < index || found - index > kGapMax) continue;
        if (const auto frame = read_frame(content, offset)) {
            return FoundFrame{.offset = offset, .frame = *frame};
        }
    }
    return std::nullopt;
}

}  // namespace insula::audit
