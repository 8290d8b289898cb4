#include "base/crc32c.h"

#include <nmmintrin.h>

namespace insula {

uint32_t crc32c(Bytes bytes, uint32_t crc) {
    uint64_t state = ~crc;
    const std::byte* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        std::memcpy(&word, at, 8);
        state = _mm_crc32_u64(state, word);
    }
    auto state32 = static_cast<uint32_t>(state);
    for (; left > 0; ++at, --left) {
        state32 = _mm_crc32_u8(state32, static_cast<uint8_t>(*at));
    }
    return ~state32;
}

}  // namespace insula
