#include "platform/blob/blob_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/crc32c.h"
#include "base/flipped_bit.h"
#include "platform/blob/blob_format.h"
#include "platform/blob/frame_checksum.h"

namespace insula::blob {

namespace {

constexpr uint64_t kStrideBytes = 256 * kKiB;
static_assert(kStrideBytes % kFrameBytes == 0);

class Checker {
  public:
    Checker(File& file, const std::string& path, FileId id, uint64_t content_bytes,
            const OnRead& on_read)
        : file_(file), path_(path), id_(id), content_bytes_(content_bytes), on_read_(on_read) {}

    Result<BlobCheck> run() {
        ASSIGN_OR_RETURN(check_.file_bytes, file_.size());
        if (check_.file_bytes != file_bytes_of(content_bytes_)) {
            report({.offset = std::min(check_.file_bytes, file_bytes_of(content_bytes_)),
                    .what = fmt::format("the file has {} bytes and should have {}",
                                        check_.file_bytes, file_bytes_of(content_bytes_))});
        }
        RETURN_IF_ERROR(check_ends());
        // The content and its table stand where the catalog's length says, footer or not.
        RETURN_IF_ERROR(load_table());
        RETURN_IF_ERROR(check_frames());
        return std::move(check_);
    }

  private:
    void report(BlobDamage damage) {
        if (check_.damages.size() < kDamagesMax) {
            check_.damages.push_back(std::move(damage));
        } else {
            ++check_.more_damages;
        }
    }

    // As many bytes as the file has.
    Result<MutableBytes> read(MutableBytes out, uint64_t offset) {
        ASSIGN_OR_RETURN(const size_t got, file_.read_at(out, offset));
        RETURN_IF_ERROR(on_read_(got));
        return out.first(got);
    }

    Status check_ends() {
        std::array<std::byte, kHeaderBytes> header;
        ASSIGN_OR_RETURN(const MutableBytes head, read(header, 0));
        if (head.size() < kHeaderBytes) {
            report({.offset = head.size(), .what = "the header is cut off"});
        } else if (const Status sound = check_header(head, id_, path_); !sound) {
            RETURN_IF_ERROR(report_end(sound.error(), 0, kHeaderBytes));
        }
        if (check_.file_bytes < kHeaderBytes + kFooterBytes) return {};
        const uint64_t offset = check_.file_bytes - kFooterBytes;
        std::array<std::byte, kFooterBytes> footer;
        ASSIGN_OR_RETURN(const MutableBytes tail, read(footer, offset));
        if (tail.size() < kFooterBytes) return {};
        const auto decoded = decode_footer(tail, id_, check_.file_bytes, path_);
        if (!decoded) return report_end(decoded.error(), offset, kFooterBytes);
        table_checksum_ = decoded->table_checksum;
        return {};
    }

    Status report_end(const Error& error, uint64_t offset, uint64_t bytes) {
        if (error.code() != Code::data_loss) return fail(error);
        // "blob file <path>: what"
        const std::string_view detail = error.detail();
        const size_t what = detail.find(path_);
        report({.offset = offset,
                .bytes = bytes,
                .what = std::string(what == std::string_view::npos
                                        ? detail
                                        : detail.substr(what + path_.size() + 2))});
        return {};
    }

    Status load_table() {
        table_.resize(frames_of(content_bytes_));
        const MutableBytes bytes = std::as_writable_bytes(std::span(table_));
        ASSIGN_OR_RETURN(const MutableBytes got, read(bytes, kHeaderBytes + content_bytes_));
        table_.resize(got.size() / sizeof(uint32_t));
        if (!table_checksum_ || got.size() < bytes.size()) return {};
        const uint32_t found = crc32c(bytes);
        if (found == *table_checksum_) return {};
        table_damaged_ = true;
        const uint64_t offset = kHeaderBytes + content_bytes_;
        if (const auto bit = find_flipped_bit(found, *table_checksum_, bytes.size())) {
            damaged_entry_ = bit->byte / sizeof(uint32_t);
            report({.offset = offset + bit->byte,
                    .bytes = 1,
                    .what = fmt::format("bit {} is flipped in the table of checksums", bit->bit)});
            return {};
        }
        report({.offset = offset,
                .bytes = bytes.size(),
                .what = "the table of checksums fails its own"});
        return {};
    }

    Status check_frames() {
        std::vector<std::byte> buffer(kStrideBytes);
        for (uint64_t frame = 0; frame < table_.size(); frame += kStrideBytes / kFrameBytes) {
            const uint64_t start = frame * kFrameBytes;
            const uint64_t wanted = std::min(kStrideBytes, content_bytes_ - start);
            ASSIGN_OR_RETURN(const MutableBytes got,
                             read(MutableBytes(buffer).first(wanted), kHeaderBytes + start));
            for (uint64_t at = 0; at < got.size(); at += kFrameBytes) {
                check_frame(frame + at / kFrameBytes,
                            got.subspan(at, std::min<uint64_t>(kFrameBytes, got.size() - at)));
            }
            if (got.size() < wanted) return {};  // the length was reported
        }
        return {};
    }

    void check_frame(uint64_t frame, Bytes content) {
        if (frame >= table_.size() || frame == damaged_entry_) return;
        const uint32_t found = frame_checksum(id_, frame, content);
        if (found == table_[frame]) return;
        const uint64_t offset = kHeaderBytes + frame * kFrameBytes;
        if (const auto bit = find_flipped_bit(found, table_[frame], content.size())) {
            report({.offset = offset + bit->byte,
                    .bytes = 1,
                    .what = fmt::format("bit {} is flipped (frame {})", bit->bit, frame)});
            return;
        }
        report({.offset = offset,
                .bytes = content.size(),
                .what = fmt::format("frame {} fails its checksum{}", frame,
                                    table_damaged_ ? ", or its entry is what is damaged" : "")});
    }

    File& file_;
    const std::string& path_;
    const FileId id_;
    const uint64_t content_bytes_;
    const OnRead& on_read_;
    BlobCheck check_;
    std::optional<uint32_t> table_checksum_;
    std::vector<uint32_t> table_;
    bool table_damaged_ = false;
    std::optional<uint64_t> damaged_entry_;
};

}  // namespace

Result<BlobCheck> check_blob(FileSystem& fs, const std::string& path, FileId id,
                             uint64_t content_bytes, const OnRead& on_read) {
    ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::read));
    if (content_bytes > kContentBytesMax) {
        return fail(damaged(path, fmt::format("the catalog says {} bytes", content_bytes)));
    }
    return Checker(*file, path, id, content_bytes, on_read).run();
}

}  // namespace insula::blob
