// Framed files: what every file under blob/ looks like (docs/formats/blob-file.md). A header
// carries format, file id, key id and codec; the content follows in 64 KiB frames, each with a
// CRC32C (in a table behind the content) that also covers the file id and the frame's number, so
// that damage, a frame of another file and a frame in the wrong place are all found on read. A
// footer holds the content's length and frame count.
//
// Threads: a BlobReader is thread-safe; a BlobWriter is used by one thread. Both must not outlive
// their FileSystem. A writer holds 256 KiB, a reader 4 bytes for each frame; each thread that reads
// parts of frames keeps one frame's room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "platform/fs/file_system.h"

namespace insula::blob {

inline constexpr uint64_t kFrameBytes = 64 * 1024;

class BlobWriter {
  public:
    ~BlobWriter();  // an unfinished file is removed
    // Writes to `tmp_path`; finish() renames to `path`. Both on the same volume.
    static Result<std::unique_ptr<BlobWriter>> create(FileSystem& fs, std::string tmp_path,
                                                      std::string path, FileId id);
    // After a failure the writer is of no more use: finish() returns that failure too.
    Status append(Bytes data);
    // Writes the footer, syncs, renames, syncs the directory of `path`. After success the file is
    // durable and may be named by the catalog. Returns the size on disk.
    Result<uint64_t> finish();
    uint64_t content_bytes() const;

  private:
    struct State;
    explicit BlobWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class BlobReader {
  public:
    ~BlobReader();
    // Checks header and footer against `id`: data_loss names the path (in the error's detail) and
    // what is wrong. not_found if there is no file.
    static Result<std::shared_ptr<BlobReader>> open(FileSystem& fs, std::string path, FileId id);
    // Content bytes, checked frame by frame; reads until `out` is full or the content ends.
    Result<size_t> read_at(MutableBytes out, uint64_t offset);
    uint64_t size() const;  // of the content
    // Reads everything and checks every frame.
    Status verify();

  private:
    struct State;
    explicit BlobReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace insula::blob
