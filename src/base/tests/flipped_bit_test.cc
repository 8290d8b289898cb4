#include "base/flipped_bit.h"

#include <gtest/gtest.h>

#include <string>

#include "base/crc32c.h"

namespace insula {
namespace {

TEST(FlippedBit, IsFoundInEveryPlace) {
    std::string text = "some bytes that a disk may damage";
    const uint32_t stored = crc32c(as_bytes(text), /*crc=*/1234);
    for (size_t byte = 0; byte < text.size(); ++byte) {
        for (int bit = 0; bit < 8; ++bit) {
            text[byte] = static_cast<char>(text[byte] ^ (1 << bit));
            const auto found = find_flipped_bit(crc32c(as_bytes(text), 1234), stored, text.size());
            ASSERT_TRUE(found.has_value());
            EXPECT_EQ(found->byte, byte);
            EXPECT_EQ(found->bit, bit);
            text[byte] = static_cast<char>(text[byte] ^ (1 << bit));
        }
    }
}

TEST(FlippedBit, IsCountedInTheLastBytesOnly) {
    std::string text = "head and tail";
    const uint32_t stored = crc32c(as_bytes(text));
    text[9] ^= 4;
    const auto found = find_flipped_bit(crc32c(as_bytes(text)), stored, 4);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->byte, 0u);
    EXPECT_EQ(found->bit, 2);
    EXPECT_FALSE(find_flipped_bit(crc32c(as_bytes(text)), stored, 3).has_value());
}

TEST(FlippedBit, TwoOfThemAreNotOne) {
    std::string text(4096, 'x');
    const uint32_t stored = crc32c(as_bytes(text));
    text[10] ^= 1;
    text[3000] ^= 64;
    EXPECT_FALSE(find_flipped_bit(crc32c(as_bytes(text)), stored, text.size()).has_value());
}

}  // namespace
}  // namespace insula
