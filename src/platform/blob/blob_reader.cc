#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "platform/blob/blob_file.h"
#include "platform/blob/blob_format.h"
#include "platform/blob/file_seal.h"
#include "platform/blob/frame_checksum.h"

namespace insula::blob {
namespace {

// Read with the footer: the frame table of files up to 256 MiB, so that opening takes two reads.
constexpr uint64_t kTailContentBytes = 256 * kMiB;
// Read and then checked while it is still in the processor's cache.
constexpr uint64_t kStrideBytes = 256 * kKiB;
static_assert(kStrideBytes % kFrameBytes == 0);

// For frames of which only a part is wanted; one a thread.
MutableBytes frame_scratch() {
    static thread_local std::vector<std::byte> scratch(kFrameBytes);
    return scratch;
}

}  // namespace

struct BlobReader::State {
    // Fills `out` from the file; a file that ends before is damaged.
    Status read_exactly(MutableBytes out, uint64_t file_offset) const;
    Status load(FileId file_id, const Unseal& unseal);
    Status load_table(uint64_t file_bytes, const Footer& footer, Bytes tail);
    Status load_seal(Bytes header, const Unseal& unseal);
    // Whole frames, the first of them `frame`, straight into `out`; the last frame of the file may
    // be short. Of a sealed file the tags alone are checked, which find all that a checksum finds,
    // unless `checksums` are asked for too.
    Status read_frames(MutableBytes out, uint64_t frame, bool checksums = false) const;
    Status check_frame(MutableBytes stored, uint64_t frame, bool checksums) const;
    // Opens a sealed frame in place.
    Status unseal_frame(MutableBytes stored, uint64_t frame) const;
    // Bytes of one frame, from `within` on.
    Status read_part(MutableBytes out, uint64_t frame, uint64_t within) const;

    uint64_t frame_bytes(uint64_t frame) const {
        return std::min(kFrameBytes, content_bytes - frame * kFrameBytes);
    }
    uint64_t frames() const { return frames_of(content_bytes); }
    bool checksum_holds(Bytes stored, uint64_t frame) const {
        uint32_t checksum;
        std::memcpy(&checksum, table.data() + frame * kChecksumBytes, sizeof checksum);
        return frame_checksum(id, frame, stored) == checksum;
    }
    crypto::Tag tag(uint64_t frame) const {
        crypto::Tag tag;
        const uint64_t at = frames() * kChecksumBytes + frame * tag.size();
        std::memcpy(tag.data(), table.data() + at, tag.size());
        return tag;
    }
    Error bad_frame(uint64_t frame, std::string_view what) const {
        return damaged(path, fmt::format("frame {} of {} (from byte {} of the file) {}", frame,
                                         frames(), kHeaderBytes + frame * kFrameBytes, what));
    }

    std::string path;
    std::unique_ptr<File> file;
    FileId id;
    uint64_t content_bytes = 0;
    std::vector<std::byte> table;  // checksums of the frames; their tags and the seal
    std::optional<FileSeal> seal;
};

Status BlobReader::State::read_exactly(MutableBytes out, uint64_t file_offset) const {
    ASSIGN_OR_RETURN(const size_t count, file->read_at(out, file_offset));
    if (count != out.size()) {
        return fail(damaged(path, fmt::format("it ends at {}, {} bytes are missing",
                                              file_offset + count, out.size() - count)));
    }
    return {};
}

Status BlobReader::State::load(FileId file_id, const Unseal& unseal) {
    id = file_id;
    const bool sealed = static_cast<bool>(unseal.key_id);
    ASSIGN_OR_RETURN(const uint64_t file_bytes, file->size());
    if (file_bytes < kHeaderBytes + kFooterBytes) {
        return fail(damaged(path, fmt::format("{} bytes are too few", file_bytes)));
    }
    std::array<std::byte, kHeaderBytes> header;
    RETURN_IF_ERROR(read_exactly(header, 0));
    RETURN_IF_ERROR(check_header(header, id, unseal.key_id, path));

    const uint64_t tail_bytes = table_bytes_of(kTailContentBytes, sealed) + kFooterBytes;
    std::vector<std::byte> tail(std::min(tail_bytes, file_bytes - kHeaderBytes));
    RETURN_IF_ERROR(read_exactly(tail, file_bytes - tail.size()));
    ASSIGN_OR_RETURN(const Footer footer,
                     decode_footer(Bytes(tail).last(kFooterBytes), id,
                                   {.bytes = file_bytes, .sealed = sealed}, path));
    content_bytes = footer.content_bytes;
    table.resize(table_bytes_of(content_bytes, sealed));
    RETURN_IF_ERROR(load_table(file_bytes, footer, Bytes(tail).first(tail.size() - kFooterBytes)));
    return sealed ? load_seal(header, unseal) : Status();
}

Status BlobReader::State::load_seal(Bytes header, const Unseal& unseal) {
    if (!unseal.find) {
        return fail(Error(Code::failed_precondition, "key_missing",
                          "The key that this data is sealed with is not there.")
                        .with_detail(fmt::format("blob file {}: opened without keys", path)));
    }
    const auto key = unseal.find(unseal.tenant, unseal.key_id);
    if (!key) return fail(key.error().with_detail(fmt::format("blob file {}", path)));
    auto opened = FileSeal::open(**key, id, Bytes(table).last(kSealBytes),
                                 {.header = header, .content_bytes = content_bytes});
    if (!opened) {
        return fail(damaged(path, fmt::format("its seal does not open with key {} of tenant {}",
                                              unseal.key_id.value, unseal.tenant.to_string())));
    }
    seal = *std::move(opened);
    return {};
}

Status BlobReader::State::load_table(uint64_t file_bytes, const Footer& footer, Bytes tail) {
    const MutableBytes bytes(table);
    if (bytes.size() <= tail.size()) {
        std::ranges::copy(tail.last(bytes.size()), bytes.begin());
    } else {
        RETURN_IF_ERROR(read_exactly(bytes, file_bytes - kFooterBytes - bytes.size()));
    }
    if (crc32c(bytes) != footer.table_checksum) {
        return fail(damaged(path, "the frame table fails its checksum"));
    }
    return {};
}

Status BlobReader::State::unseal_frame(MutableBytes stored, uint64_t frame) const {
    const FramePlace place{.number = frame, .last = frame + 1 == frames()};
    if (seal->open_frame(place, tag(frame), stored)) return {};
    // What was read is wiped; read again, it tells whether the disk did it.
    RETURN_IF_ERROR(read_exactly(stored, kHeaderBytes + frame * kFrameBytes));
    const bool sound = checksum_holds(stored, frame);
    std::ranges::fill(stored, std::byte{0});
    return fail(
        bad_frame(frame, sound ? "fails its seal, though its checksum holds: it was changed on "
                                 "purpose, or read wrongly"
                               : "fails its checksum and its seal"));
}

Status BlobReader::State::check_frame(MutableBytes stored, uint64_t frame, bool checksums) const {
    if ((checksums || !seal) && !checksum_holds(stored, frame)) {
        return fail(bad_frame(frame, "fails its checksum"));
    }
    return seal ? unseal_frame(stored, frame) : Status();
}

Status BlobReader::State::read_frames(MutableBytes out, uint64_t frame, bool checksums) const {
    while (!out.empty()) {
        const MutableBytes stride = out.first(std::min<uint64_t>(out.size(), kStrideBytes));
        RETURN_IF_ERROR(read_exactly(stride, kHeaderBytes + frame * kFrameBytes));
        for (uint64_t at = 0; at < stride.size(); at += kFrameBytes, ++frame) {
            const uint64_t bytes = std::min<uint64_t>(kFrameBytes, stride.size() - at);
            RETURN_IF_ERROR(check_frame(stride.subspan(at, bytes), frame, checksums));
        }
        out = out.subspan(stride.size());
    }
    return {};
}

Status BlobReader::State::read_part(MutableBytes out, uint64_t frame, uint64_t within) const {
    const MutableBytes scratch = frame_scratch().first(frame_bytes(frame));
    RETURN_IF_ERROR(read_frames(scratch, frame));
    std::ranges::copy(scratch.subspan(within, out.size()), out.begin());
    return {};
}

BlobReader::BlobReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlobReader::~BlobReader() = default;

Result<std::shared_ptr<BlobReader>> BlobReader::open(FileSystem& fs, std::string path, FileId id,
                                                     const Unseal& unseal) {
    auto state = std::make_unique<State>();
    ASSIGN_OR_RETURN(state->file, fs.open(path, OpenMode::read));
    state->path = std::move(path);
    RETURN_IF_ERROR(state->load(id, unseal));
    return std::shared_ptr<BlobReader>(new BlobReader(std::move(state)));
}

Result<size_t> BlobReader::read_at(MutableBytes out, uint64_t offset) {
    const State& state = *state_;
    if (offset >= state.content_bytes) return size_t{0};
    out = out.first(std::min<uint64_t>(out.size(), state.content_bytes - offset));
    const size_t total = out.size();
    while (!out.empty()) {
        const uint64_t frame = offset / kFrameBytes;
        const uint64_t within = offset % kFrameBytes;
        const uint64_t rest_of_frame = state.frame_bytes(frame) - within;
        size_t count;
        if (within > 0 || out.size() < rest_of_frame) {
            count = std::min<uint64_t>(out.size(), rest_of_frame);
            RETURN_IF_ERROR(state.read_part(out.first(count), frame, within));
        } else {
            // All whole frames; with the end of the content, the last and shorter one too.
            const bool to_the_end = offset + out.size() == state.content_bytes;
            count = to_the_end ? out.size() : out.size() - out.size() % kFrameBytes;
            RETURN_IF_ERROR(state.read_frames(out.first(count), frame));
        }
        out = out.subspan(count);
        offset += count;
    }
    return total;
}

uint64_t BlobReader::size() const { return state_->content_bytes; }

Status BlobReader::verify() {
    std::vector<std::byte> buffer(std::min(kStrideBytes, state_->content_bytes));
    for (uint64_t offset = 0; offset < state_->content_bytes; offset += kStrideBytes) {
        const uint64_t count = std::min(kStrideBytes, state_->content_bytes - offset);
        RETURN_IF_ERROR(
            state_->read_frames(MutableBytes(buffer).first(count), offset / kFrameBytes, true));
    }
    return {};
}

}  // namespace insula::blob
