// The files of the audit log (docs/formats/audit-log.md): segments with a header and one frame an
// entry. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "core/audit/entry.h"
#include "core/audit/merkle.h"
#include "platform/crypto/signing.h"

namespace insula::audit {

// Entries whose subtree stands for them once all are there. Segments begin with a whole one.
inline constexpr uint64_t kBlockEntries = 256;
inline constexpr size_t kFrameBytes = 48;  // before the entry's text

// "00000000000000000512.log": the number of its first entry.
std::string segment_name(uint64_t first);
std::optional<uint64_t> parse_segment_name(std::string_view name);

struct SegmentHeader {
    uint64_t first = 0;  // entry; a multiple of kBlockEntries
    crypto::PublicKey key{};
    // Of the entries up to `derived`, none of the journal's is missing.
    Lsn derived;
    // Of the blocks since those that the segment before it has in its own header.
    std::vector<Hash> blocks;
};
std::string encode_header(const SegmentHeader& header);
struct DecodedHeader {
    SegmentHeader header;
    uint64_t bytes = 0;
};
// data_loss, whose detail says what is wrong without the file's name. `content` is the file's, at
// least so much of it as there is of the header.
Result<DecodedHeader> decode_header(Bytes content);

// Where an entry comes from.
struct Origin {
    enum class Kind : uint8_t {
        catalog = 1,  // a record of the catalog, whose id the entry has
        journal = 2,  // a record of the journal, at `lsn`
        node = 3,     // told by the server alone
    } kind = Kind::node;
    Lsn lsn;
};

struct Frame {
    uint64_t index = 0;
    uint64_t synced_before = 0;  // so many entries were durable when this one was written
    Origin origin;
    std::string_view entry;  // in the content that it was read from
    uint64_t bytes = 0;      // of the frame, entry included
};
void append_frame(const Frame& frame, std::string& out);
// Nothing where there is no whole and sound frame at `offset`.
std::optional<Frame> read_frame(std::string_view content, uint64_t offset);
// As long as a frame at `offset` says that it is, whether it is sound or not; 0 where it says
// nothing.
uint64_t claimed_frame_bytes(std::string_view content, uint64_t offset);
// The first sound frame at or after `offset` of an entry from `index` on, and where it is.
struct FoundFrame {
    uint64_t offset = 0;
    Frame frame;
};
std::optional<FoundFrame> find_frame(std::string_view content, uint64_t offset, uint64_t index);

}  // namespace insula::audit
