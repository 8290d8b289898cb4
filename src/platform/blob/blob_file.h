// Framed files: what every file under blob/ looks like (docs/formats/blob-file.md). A header
// carries format, file id, key id and codec; the content follows in 64 KiB frames, each with a
// CRC32C (in a table behind the content) that also covers the file id and the frame's number, so
// that damage, a frame of another file and a frame in the wrong place are all found on read. A
// footer holds the content's length and frame count. A sealed file has its frames in AES-256-GCM
// under a key of its own, which stands in the file under the tenant's key; then nobody who lacks
// that key can read a byte, or change one, the order, the length or the file without being found.
//
// Threads: a BlobReader is thread-safe; a BlobWriter is used by one thread. Both must not outlive
// their FileSystem. A writer holds 256 KiB (512 KiB where it seals), a reader 4 bytes for each
// frame (20 where it is sealed); each thread that reads parts of frames keeps one frame's room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "platform/crypto/seal_key.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/random.h"

namespace insula::blob {

inline constexpr uint64_t kFrameBytes = 64 * 1024;

// How a file is sealed that is written; without a key it is not. The catalog keeps the key's id
// beside the file's: it is what opens it.
struct Seal {
    crypto::SharedSealKey key;
    Random* random = nullptr;  // fit for keys; wherever there is a key
};

// How a file is opened that may be sealed; as it stands here, it is not.
struct Unseal {
    TenantId tenant;
    // As the catalog says, none for a file that is not sealed. A file that says otherwise, such as
    // one that claims not to be sealed, is data_loss.
    crypto::KeyId key_id;
    crypto::FindSealKey find;
};

class BlobWriter {
  public:
    ~BlobWriter();  // an unfinished file is removed
    // Writes to `tmp_path`; finish() renames to `path`. Both on the same volume.
    static Result<std::unique_ptr<BlobWriter>> create(FileSystem& fs, std::string tmp_path,
                                                      std::string path, FileId id,
                                                      const Seal& seal = {});
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
    // what is wrong. not_found if there is no file; what `unseal` says of a key that is not there.
    static Result<std::shared_ptr<BlobReader>> open(FileSystem& fs, std::string path, FileId id,
                                                    const Unseal& unseal = {});
    // Content bytes, checked frame by frame; reads until `out` is full or the content ends.
    Result<size_t> read_at(MutableBytes out, uint64_t offset);
    uint64_t size() const;  // of the content
    // Reads everything and checks every frame, of a sealed file both checksum and seal.
    Status verify();

  private:
    struct State;
    explicit BlobReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace insula::blob
