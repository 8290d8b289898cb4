// The checksum of one frame. Internal to this folder.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"

namespace insula::blob {

// CRC32C over file id, frame number, the frame's length (64 bits each) and its bytes, so that
// damage, a frame of another file and a frame in the wrong place are all found.
uint32_t frame_checksum(FileId id, uint64_t frame, Bytes content);

}  // namespace insula::blob
