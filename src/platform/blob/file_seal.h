// The seal of one blob file: its data key, and what frames and the whole file are bound to
// (docs/formats/blob-file.md). Internal to this folder. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "platform/crypto/aead.h"
#include "platform/crypto/key_wrap.h"
#include "platform/crypto/seal_key.h"
#include "platform/runtime/random.h"

namespace insula::blob {

// Behind the tags: the wrapped data key, the file's tag, 4 bytes of zeros.
inline constexpr uint64_t kSealBytes = crypto::kWrappedKeyBytes + crypto::kTagBytes + 4;

// A frame's place in its file.
struct FramePlace {
    uint64_t number = 0;
    bool last = false;
};

// What the file's own tag covers: a frame's tag says nothing of how many frames there are, and an
// empty file has none.
struct SealedEnds {
    Bytes header;
    uint64_t content_bytes = 0;
};

class FileSeal {
  public:
    // With a data key of its own, so that frame numbers may be nonces: a file is written once.
    static FileSeal create(const crypto::SealKey& key, FileId id, Random& random);
    // From the kSealBytes that block() made. data_loss where they are not of this key, file and
    // ends.
    static Result<FileSeal> open(const crypto::SealKey& key, FileId id, Bytes block,
                                 const SealedEnds& ends);

    std::string block(const SealedEnds& ends) const;
    crypto::Tag seal_frame(FramePlace place, Bytes plain, MutableBytes sealed) const;
    // `frame` is as it is stored, and is opened in place; zeros after data_loss.
    Status open_frame(FramePlace place, const crypto::Tag& tag, MutableBytes frame) const;

  private:
    FileSeal(FileId id, const crypto::WrappedKey& wrapped, crypto::SecretKey data_key);

    FileId id_;
    crypto::WrappedKey wrapped_;
    crypto::Aead aead_;
};

}  // namespace insula::blob
