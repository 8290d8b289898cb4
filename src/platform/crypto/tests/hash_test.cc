#include "platform/crypto/hash.h"

#include <gtest/gtest.h>

namespace insula::crypto {
namespace {

TEST(Sha256, EqualsThePublishedVectors) {
    // NIST, "Example values: SHA-256", and FIPS 180-4.
    EXPECT_EQ(hex_encode(sha256({})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex_encode(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(
        hex_encode(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hex_encode(sha256(as_bytes(std::string(1'000'000, 'a')))),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hex, EveryByteRoundTripsInEitherCase) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    std::string text = hex_encode(as_bytes(all));
    ASSERT_EQ(text.size(), 512u);
    EXPECT_EQ(text.substr(0, 8), "00010203");
    EXPECT_EQ(text.substr(504), "fcfdfeff");
    EXPECT_EQ(as_text(*hex_decode(text)), all);
    for (char& digit : text) digit = static_cast<char>(std::toupper(digit));
    EXPECT_EQ(as_text(*hex_decode(text)), all);
}

TEST(Hex, BadTextIsRefusedWithItsPlace) {
    EXPECT_EQ(hex_decode("abc").error().reason(), "invalid_hex");
    for (const std::string_view bad : {"0g", "g0", "0 ", "\xff\xff", "@0", "`0", "/0", ":0"}) {
        EXPECT_FALSE(hex_decode(bad)) << bad;
    }
    EXPECT_NE(hex_decode("00ab0x").error().message().find("Character 5"), std::string_view::npos);
}

TEST(ConstantTimeEquality, EqualsOnlyTheSameBytes) {
    const auto digest = sha256(as_bytes("key"));
    EXPECT_TRUE(equal_in_constant_time(digest, sha256(as_bytes("key"))));
    for (size_t at = 0; at < digest.size(); ++at) {
        auto other = digest;
        other[at] ^= std::byte{1};
        EXPECT_FALSE(equal_in_constant_time(digest, other)) << at;
    }
    EXPECT_FALSE(equal_in_constant_time(digest, Bytes(digest).first(31)));
    EXPECT_TRUE(equal_in_constant_time({}, {}));
}

}  // namespace
}  // namespace insula::crypto
