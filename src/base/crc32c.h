// CRC32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace insula {

// The checksum of `bytes`, continuing from `crc` (0 at the start): crc32c(b, crc32c(a)) == crc32c(a
// + b).
uint32_t crc32c(Bytes bytes, uint32_t crc = 0);

}  // namespace insula
