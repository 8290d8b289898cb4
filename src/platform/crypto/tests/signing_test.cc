#include "platform/crypto/signing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "platform/crypto/hash.h"

namespace insula::crypto {
namespace {

struct Vector {
    std::string_view seed, public_key, message, signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Signing, EqualsThePublishedVectors) {
    for (const Vector& vector : kVectors) {
        const SigningKey key(*SecretKey::parse(vector.seed));
        EXPECT_EQ(hex_encode(key.public_key()), vector.public_key);
        const auto message = *hex_decode(vector.message);
        const Signature signature = key.sign(message);
        EXPECT_EQ(hex_encode(signature), vector.signature);
        EXPECT_TRUE(verify_signature(key.public_key(), message, signature));
    }
}

TEST(Signing, AnyFlippedBitIsRefused) {
    SystemRandom random;
    const SigningKey key = SigningKey::random(random);
    const std::string message = "what was signed";
    const Signature signature = key.sign(as_bytes(message));
    for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
        Signature changed = signature;
        changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        EXPECT_FALSE(verify_signature(key.public_key(), as_bytes(message), changed)) << bit;
    }
    for (size_t bit = 0; bit < message.size() * 8; ++bit) {
        std::string changed = message;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        EXPECT_FALSE(verify_signature(key.public_key(), as_bytes(changed), signature)) << bit;
    }
    EXPECT_FALSE(
        verify_signature(SigningKey::random(random).public_key(), as_bytes(message), signature));
}

TEST(Signing, ASecondFormOfASignatureIsRefused) {
    const SigningKey key(*SecretKey::parse(kVectors[1].seed));
    const auto message = *hex_decode(kVectors[1].message);
    Signature other = key.sign(message);
    // S plus the group's order means the same to a verifier that does not look (RFC 8032, 5.1.7).
    const auto order =
        *hex_decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    unsigned carry = 0;
    for (size_t i = 0; i < order.size(); ++i) {
        carry += std::to_integer<unsigned>(other[32 + i]) + std::to_integer<unsigned>(order[i]);
        other[32 + i] = static_cast<std::byte>(carry & 0xff);
        carry >>= 8;
    }
    ASSERT_EQ(carry, 0u);
    EXPECT_FALSE(verify_signature(key.public_key(), message, other));
}

TEST(Signing, AKeyOfSmallOrderSignsNothing) {
    // The neutral element: with it R = neutral and S = 0 would fit every message.
    PublicKey neutral{};
    neutral[0] = std::byte{1};
    Signature signature{};
    signature[0] = std::byte{1};
    EXPECT_FALSE(verify_signature(neutral, as_bytes("anything"), signature));
}

}  // namespace
}  // namespace insula::crypto
