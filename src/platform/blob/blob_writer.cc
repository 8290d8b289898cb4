#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "platform/blob/blob_file.h"
#include "platform/blob/blob_format.h"
#include "platform/blob/file_seal.h"
#include "platform/blob/frame_checksum.h"

namespace insula::blob {
namespace {

// Written at once. A multiple of a frame, so that only the last piece holds a frame that is not
// full.
constexpr uint64_t kPieceBytes = 256 * kKiB;
static_assert(kPieceBytes % kFrameBytes == 0);

Result<std::unique_ptr<File>> create_temporary(FileSystem& fs, const std::string& path) {
    auto file = fs.open(path, OpenMode::create);
    if (file || file.error().code() != Code::already_exists) return file;
    // Left from before a crash.
    RETURN_IF_ERROR(fs.remove(path));
    return fs.open(path, OpenMode::create);
}

}  // namespace

struct BlobWriter::State {
    State(FileSystem& file_system, std::string tmp, std::string target, FileId file_id,
          std::unique_ptr<File> opened)
        : fs(file_system),
          tmp_path(std::move(tmp)),
          path(std::move(target)),
          id(file_id),
          file(std::move(opened)) {
        buffer.reserve(kPieceBytes);
    }

    Status append(Bytes data);
    // `piece` is whole frames, or the end of the content. The `last` one is written by finish(), so
    // that the last frame can be sealed as what it is.
    Status write_piece(Bytes piece, bool last);
    Bytes seal_piece(Bytes piece, bool last);
    // Everything after the content, and the header.
    Status write_ends();
    Status finish();
    void remove_what_is_left();

    FileSystem& fs;
    const std::string tmp_path;
    const std::string path;
    const FileId id;
    std::unique_ptr<File> file;
    std::vector<std::byte> buffer;  // content that was not written yet, less than a piece
    ByteWriter table;               // the checksum of each frame
    crypto::KeyId key_id;
    std::optional<FileSeal> seal;
    std::vector<std::byte> sealed;  // a piece as it is stored
    ByteWriter tags;
    uint64_t written = 0;  // content
    bool renamed = false;
    bool finished = false;
    // The first failure, or a finish(): what is asked after it gets this answer.
    Status closed;
};

Bytes frame_at(Bytes piece, uint64_t at) {
    return piece.subspan(at, std::min<uint64_t>(kFrameBytes, piece.size() - at));
}

Bytes BlobWriter::State::seal_piece(Bytes piece, bool last) {
    uint64_t frame = written / kFrameBytes;
    for (uint64_t at = 0; at < piece.size(); at += kFrameBytes, ++frame) {
        const Bytes content = frame_at(piece, at);
        const FramePlace place{.number = frame, .last = last && at + kFrameBytes >= piece.size()};
        tags.put_bytes(
            seal->seal_frame(place, content, MutableBytes(sealed).subspan(at, content.size())));
    }
    return Bytes(sealed).first(piece.size());
}

Status BlobWriter::State::write_piece(Bytes piece, bool last) {
    if (seal) piece = seal_piece(piece, last);
    uint64_t frame = written / kFrameBytes;
    for (uint64_t at = 0; at < piece.size(); at += kFrameBytes, ++frame) {
        table.put(frame_checksum(id, frame, frame_at(piece, at)));
    }
    RETURN_IF_ERROR(file->write_at(piece, kHeaderBytes + written));
    written += piece.size();
    return {};
}

Status BlobWriter::State::append(Bytes data) {
    if (data.size() > kContentBytesMax - written - buffer.size()) {
        return fail(Error(Code::payload_too_large, "file_too_large",
                          "A stored file would become too large.")
                        .with_detail(fmt::format("blob file {}: more than {} bytes", path,
                                                 kContentBytesMax)));
    }
    // A piece is written when there is more behind it.
    while (!data.empty()) {
        if (buffer.size() == kPieceBytes) {
            RETURN_IF_ERROR(write_piece(buffer, false));
            buffer.clear();
        }
        if (buffer.empty() && data.size() > kPieceBytes) {
            RETURN_IF_ERROR(write_piece(data.first(kPieceBytes), false));
            data = data.subspan(kPieceBytes);
            continue;
        }
        const size_t count = std::min<size_t>(data.size(), kPieceBytes - buffer.size());
        buffer.insert(buffer.end(), data.begin(), data.begin() + static_cast<ptrdiff_t>(count));
        data = data.subspan(count);
    }
    return {};
}

Status BlobWriter::State::write_ends() {
    if (!buffer.empty()) RETURN_IF_ERROR(write_piece(buffer, true));
    buffer.clear();
    const std::string header = encode_header(id, key_id);
    if (seal) {
        table.put_bytes(tags.bytes());
        table.put_bytes(
            as_bytes(seal->block({.header = as_bytes(header), .content_bytes = written})));
    }
    const Footer footer{.id = id,
                        .content_bytes = written,
                        .frames = frames_of(written),
                        .table_checksum = crc32c(table.bytes())};
    table.put_bytes(as_bytes(encode_footer(footer)));
    RETURN_IF_ERROR(file->write_at(table.bytes(), kHeaderBytes + written));
    // Last, so that a file which was given up never looks like one.
    return file->write_at(as_bytes(header), 0);
}

Status BlobWriter::State::finish() {
    RETURN_IF_ERROR(write_ends());
    RETURN_IF_ERROR(file->sync_data());
    file.reset();
    RETURN_IF_ERROR(fs.rename(tmp_path, path));
    renamed = true;
    return fs.sync_directory(parent_path(path));
}

void BlobWriter::State::remove_what_is_left() {
    file.reset();
    // Best effort: nothing names the file, and a start removes what stands there unnamed.
    static_cast<void>(fs.remove(renamed ? path : tmp_path));
}

BlobWriter::BlobWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

BlobWriter::~BlobWriter() {
    if (!state_->finished) state_->remove_what_is_left();
}

Result<std::unique_ptr<BlobWriter>> BlobWriter::create(FileSystem& fs, std::string tmp_path,
                                                       std::string path, FileId id,
                                                       const Seal& seal) {
    ASSIGN_OR_RETURN(auto file, create_temporary(fs, tmp_path));
    auto state =
        std::make_unique<State>(fs, std::move(tmp_path), std::move(path), id, std::move(file));
    if (seal.key != nullptr) {
        INSULA_CHECK(seal.random != nullptr && seal.key->id, "a file is sealed with a key by name");
        state->key_id = seal.key->id;
        state->seal = FileSeal::create(*seal.key, id, *seal.random);
        state->sealed.resize(kPieceBytes);
    }
    return std::unique_ptr<BlobWriter>(new BlobWriter(std::move(state)));
}

Status BlobWriter::append(Bytes data) {
    RETURN_IF_ERROR(state_->closed);
    Status appended = state_->append(data);
    if (!appended) state_->closed = appended;
    return appended;
}

Result<uint64_t> BlobWriter::finish() {
    RETURN_IF_ERROR(state_->closed);
    const Status finished = state_->finish();
    if (!finished) {
        state_->closed = finished;
        return fail(finished.error());
    }
    state_->finished = true;
    state_->closed = fail(internal_error(fmt::format("blob file {} is finished", state_->path)));
    return file_bytes_of(state_->written, state_->seal.has_value());
}

uint64_t BlobWriter::content_bytes() const { return state_->written + state_->buffer.size(); }

}  // namespace insula::blob
