#include "base/flipped_bit.h"

namespace insula {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli's, bits reversed
constexpr int kBitsOfByte = 8;

}  // namespace

// The checksum is linear: the difference of two of them is that of the bits alone. Flipping the
// last bit that goes in changes it by the polynomial, each one before by one more step.
std::optional<FlippedBit> find_flipped_bit(uint32_t found, uint32_t stored, uint64_t bytes) {
    const uint32_t wanted = found ^ stored;
    uint32_t difference = kPolynomial;
    for (uint64_t byte = bytes; byte-- > 0;) {
        for (int bit = kBitsOfByte - 1; bit >= 0; --bit) {
            if (difference == wanted) return FlippedBit{byte, bit};
            difference = (difference >> 1) ^ ((difference & 1) != 0 ? kPolynomial : 0);
        }
    }
    return std::nullopt;
}

}  // namespace insula
