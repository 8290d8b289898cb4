#include "platform/blob/blob_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

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
    Checker(File& file, const std::string& path, const BlobRecord& record, const OnRead& on_read)
        : file_(file),
          path_(path),
          record_(record),
          frames_(frames_of(record.content_bytes)),
          file_bytes_(file_bytes_of(record.content_bytes, sealed())),
          on_read_(on_read) {}

    Result<BlobCheck> run() {
        ASSIGN_OR_RETURN(check_.file_bytes, file_.size());
        if (check_.file_bytes != file_bytes_) {
            report({.offset = std::min(check_.file_bytes, file_bytes_),
                    .what = fmt::format("the file has {} bytes and should have {}",
                                        check_.file_bytes, file_bytes_)});
        }
        RETURN_IF_ERROR(check_ends());
        // The content and its table stand where the catalog's length says, footer or not.
        RETURN_IF_ERROR(load_table());
        RETURN_IF_ERROR(check_frames());
        return std::move(check_);
    }

  private:
    bool sealed() const { return static_cast<bool>(record_.key_id); }

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
        } else if (const Status sound = check_header(head, record_.id, record_.key_id, path_);
                   !sound) {
            RETURN_IF_ERROR(report_end(sound.error(), 0, kHeaderBytes));
        }
        if (check_.file_bytes < kHeaderBytes + kFooterBytes) return {};
        const uint64_t offset = check_.file_bytes - kFooterBytes;
        std::array<std::byte, kFooterBytes> footer;
        ASSIGN_OR_RETURN(const MutableBytes tail, read(footer, offset));
        if (tail.size() < kFooterBytes) return {};
        const auto decoded = decode_footer(tail, record_.id,
                                           {.bytes = check_.file_bytes, .sealed = sealed()}, path_);
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

    // All between content and footer, as far as the file has it.
    Status load_table() {
        table_.resize(table_bytes_of(record_.content_bytes, sealed()));
        const uint64_t offset = kHeaderBytes + record_.content_bytes;
        size_t loaded = 0;
        while (loaded < table_.size()) {
            const MutableBytes wanted = MutableBytes(table_).subspan(
                loaded, std::min<uint64_t>(kStrideBytes, table_.size() - loaded));
            ASSIGN_OR_RETURN(const MutableBytes got, read(wanted, offset + loaded));
            loaded += got.size();
            if (got.size() < wanted.size()) break;
        }
        const bool whole = loaded == table_.size();
        known_frames_ = std::min<uint64_t>(frames_, loaded / kChecksumBytes);
        if (!table_checksum_ || !whole) return {};
        const uint32_t found = crc32c(table_);
        if (found != *table_checksum_) report_table(found, offset);
        return {};
    }

    void report_table(uint32_t found, uint64_t offset) {
        table_damaged_ = true;
        if (const auto bit = find_flipped_bit(found, *table_checksum_, table_.size())) {
            damaged_entry_ = bit->byte / kChecksumBytes;
            report({.offset = offset + bit->byte,
                    .bytes = 1,
                    .what = fmt::format("bit {} is flipped in the {}", bit->bit,
                                        part_of_table(bit->byte))});
            return;
        }
        report({.offset = offset,
                .bytes = table_.size(),
                .what = "the table of checksums fails its own"});
    }

    std::string_view part_of_table(uint64_t byte) const {
        if (byte < frames_ * kChecksumBytes) return "table of checksums";
        return byte < table_.size() - kSealBytes ? "tags of the frames" : "seal of the file";
    }

    Status check_frames() {
        std::vector<std::byte> buffer(kStrideBytes);
        for (uint64_t frame = 0; frame < known_frames_; frame += kStrideBytes / kFrameBytes) {
            const uint64_t start = frame * kFrameBytes;
            const uint64_t wanted = std::min(kStrideBytes, record_.content_bytes - start);
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
        if (frame >= known_frames_ || frame == damaged_entry_) return;
        const uint32_t found = frame_checksum(record_.id, frame, content);
        uint32_t expected;
        std::memcpy(&expected, table_.data() + frame * kChecksumBytes, sizeof expected);
        if (found == expected) return;
        const uint64_t offset = kHeaderBytes + frame * kFrameBytes;
        if (const auto bit = find_flipped_bit(found, expected, content.size())) {
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
    const BlobRecord record_;
    const uint64_t frames_;
    const uint64_t file_bytes_;  // as they should be
    const OnRead& on_read_;
    BlobCheck check_;
    std::optional<uint32_t> table_checksum_;
    std::vector<std::byte> table_;
    uint64_t known_frames_ = 0;  // whose checksums the file has
    bool table_damaged_ = false;
    std::optional<uint64_t> damaged_entry_;
};

}  // namespace

Result<BlobCheck> check_blob(FileSystem& fs, const std::string& path, const BlobRecord& record,
                             const OnRead& on_read) {
    ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::read));
    if (record.content_bytes > kContentBytesMax) {
        return fail(damaged(path, fmt::format("the catalog says {} bytes", record.content_bytes)));
    }
    return Checker(*file, path, record, on_read).run();
}

}  // namespace insula::blob
