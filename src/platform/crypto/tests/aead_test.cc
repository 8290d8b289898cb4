#include "platform/crypto/aead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "base/units.h"
#include "platform/crypto/hash.h"

namespace insula::crypto {
namespace {

std::string unhex(std::string_view hex) { return std::string(as_text(*hex_decode(hex))); }

Nonce nonce_of(std::string_view bytes) {
    Nonce nonce{};
    std::ranges::copy(as_bytes(bytes), nonce.begin());
    return nonce;
}

std::string random_text(size_t bytes, uint64_t seed) {
    std::string text(bytes, '\0');
    SeededRandom random(seed);
    random.fill({reinterpret_cast<uint8_t*>(text.data()), text.size()});
    return text;
}

MutableBytes writable(std::string& text) { return std::as_writable_bytes(std::span(text)); }

struct Vector {
    std::string_view key, nonce, plain, associated, sealed, tag;
};

// D. McGrew and J. Viega, "The Galois/Counter Mode of Operation", appendix B, cases 13, 14, 16.
constexpr std::string_view kZeroKey =
    "0000000000000000000000000000000000000000000000000000000000000000";
constexpr Vector kVectors[] = {
    {kZeroKey, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {kZeroKey, "000000000000000000000000", "00000000000000000000000000000000", "",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
     "b525b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
     "8838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Aead, EqualsThePublishedVectors) {
    for (const Vector& vector : kVectors) {
        const Aead aead(*SecretKey::parse(vector.key));
        const std::string associated = unhex(vector.associated);
        const SealedAs as{nonce_of(unhex(vector.nonce)), as_bytes(associated)};
        const std::string plain = unhex(vector.plain);
        std::string sealed(plain.size(), '\0');
        const Tag tag = aead.seal(as, as_bytes(plain), writable(sealed));
        EXPECT_EQ(hex_encode(as_bytes(sealed)), vector.sealed);
        EXPECT_EQ(hex_encode(tag), vector.tag);
        std::string opened(plain.size(), '\0');
        EXPECT_TRUE(aead.open(as, tag, as_bytes(sealed), writable(opened)));
        EXPECT_EQ(opened, plain);
    }
}

TEST(Aead, OneContextServesManyMessagesBothWaysAndInPlace) {
    const Aead aead(*SecretKey::parse(kVectors[2].key));
    for (uint64_t i = 0; i < 50; ++i) {
        const std::string plain = random_text(i * 97 % 1'000 + (i % 7 == 0 ? 64 * kKiB : 0), i);
        const SealedAs as{nonce_of(random_text(kNonceBytes, i)), as_bytes("associated")};
        std::string text = plain;
        const Tag tag = aead.seal(as, as_bytes(text), writable(text));
        if (!plain.empty()) EXPECT_NE(text, plain);
        // The same as a fresh key makes it: nothing is left of the messages before.
        std::string fresh = plain;
        const Aead other(*SecretKey::parse(kVectors[2].key));
        EXPECT_EQ(other.seal(as, as_bytes(fresh), writable(fresh)), tag);
        EXPECT_EQ(fresh, text);
        EXPECT_TRUE(aead.open(as, tag, as_bytes(text), writable(text)));
        EXPECT_EQ(text, plain);
    }
}

TEST(Aead, AnyChangeIsDataLossAndGivesNothing) {
    SystemRandom random;
    const Aead aead(SecretKey::random(random));
    const std::string plain = random_text(100, 1);
    const SealedAs as{nonce_of(random_text(kNonceBytes, 2)), as_bytes("frame 3")};
    std::string sealed(plain.size(), '\0');
    const Tag tag = aead.seal(as, as_bytes(plain), writable(sealed));
    const auto refused = [](const Aead& key, const SealedAs& with, const Tag& by,
                            const std::string& bytes) {
        std::string out(bytes.size(), '?');
        const Status status = key.open(with, by, as_bytes(bytes), writable(out));
        return !status && status.error().code() == Code::data_loss &&
               out == std::string(bytes.size(), '\0');
    };
    for (size_t bit = 0; bit < plain.size() * 8; ++bit) {
        std::string changed = sealed;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        EXPECT_TRUE(refused(aead, as, tag, changed)) << bit;
    }
    for (size_t bit = 0; bit < kTagBytes * 8; ++bit) {
        Tag changed = tag;
        changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        EXPECT_TRUE(refused(aead, as, changed, sealed)) << bit;
    }
    for (size_t bit = 0; bit < kNonceBytes * 8; ++bit) {
        SealedAs changed = as;
        changed.nonce[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        EXPECT_TRUE(refused(aead, changed, tag, sealed)) << bit;
    }
    EXPECT_TRUE(refused(aead, {as.nonce, as_bytes("frame 4")}, tag, sealed));
    EXPECT_TRUE(refused(aead, {as.nonce, {}}, tag, sealed));
    EXPECT_TRUE(refused(aead, as, tag, sealed.substr(0, 99)));
    EXPECT_TRUE(refused(Aead(SecretKey::random(random)), as, tag, sealed));
    EXPECT_FALSE(refused(aead, as, tag, sealed)) << "unchanged, after all the failures";
}

TEST(Aead, ThreadsMayShareIt) {
    SystemRandom random;
    const Aead aead(SecretKey::random(random));
    std::vector<std::jthread> threads;
    for (uint64_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            const std::string plain = random_text(5'000, thread);
            for (uint64_t i = 0; i < 200; ++i) {
                const SealedAs as{nonce_of(random_text(kNonceBytes, thread * 1'000 + i)), {}};
                std::string text = plain;
                const Tag tag = aead.seal(as, as_bytes(text), writable(text));
                ASSERT_TRUE(aead.open(as, tag, as_bytes(text), writable(text)));
                ASSERT_EQ(text, plain);
            }
        });
    }
}

}  // namespace
}  // namespace insula::crypto
