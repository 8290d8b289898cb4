#include "platform/crypto/secret_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

#include "platform/crypto/base64url.h"
#include "platform/crypto/hash.h"

namespace insula::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<SecretKey> && !std::is_copy_assignable_v<SecretKey>);

constexpr std::string_view kHex =
    "fbff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1cff";

bool is_zero(Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

TEST(SecretKey, IsReadInEveryFormThatPeopleKeep) {
    const auto bytes = *hex_decode(kHex);
    const std::string url = base64url_encode(bytes);
    std::string plain = url;
    std::ranges::replace(plain, '-', '+');
    std::ranges::replace(plain, '_', '/');
    ASSERT_NE(plain, url) << "the key shows the difference of the alphabets";
    for (const std::string& text : {std::string(kHex), url, url + "=", plain, plain + "="}) {
        const auto key = SecretKey::parse(text);
        ASSERT_TRUE(key) << text;
        EXPECT_TRUE(equal_in_constant_time(key->bytes(), bytes)) << text;
    }
}

TEST(SecretKey, OtherTextIsRefusedAndNotRepeated) {
    const std::string hex(kHex);
    for (const std::string& bad :
         {std::string(), hex.substr(2), hex + "00", hex.substr(1) + "g", hex.substr(0, 42),
          std::string(43, '*'), std::string(44, 'A'), hex + "\n"}) {
        const auto key = SecretKey::parse(bad);
        ASSERT_FALSE(key) << bad;
        EXPECT_EQ(key.error().reason(), "invalid_key");
        if (bad.size() > 4) EXPECT_EQ(key.error().describe().find(bad), std::string::npos);
    }
    EXPECT_FALSE(SecretKey::from_bytes(std::vector<std::byte>(31)));
    EXPECT_FALSE(SecretKey::from_bytes(std::vector<std::byte>(33)));
}

TEST(SecretKey, IsWipedWhenItEnds) {
    SystemRandom random;
    Bytes memory;
    {
        const SecretKey key = SecretKey::random(random);
        memory = key.bytes();
        EXPECT_FALSE(is_zero(memory));
    }
    EXPECT_TRUE(is_zero(memory)) << "keys' memory is never given back, so this may be read";
    SecretKey assigned = SecretKey::random(random);
    memory = assigned.bytes();
    assigned = SecretKey::random(random);
    EXPECT_TRUE(is_zero(memory)) << "a key that is replaced ends at once";
    EXPECT_FALSE(is_zero(assigned.bytes()));
}

TEST(SecretKey, MovesAndIsCopiedOnlyOnPurpose) {
    SystemRandom random;
    SecretKey key = SecretKey::random(random);
    const SecretKey copy = key.duplicate();
    EXPECT_NE(copy.bytes().data(), key.bytes().data());
    EXPECT_TRUE(equal_in_constant_time(copy.bytes(), key.bytes()));
    const std::byte* memory = key.bytes().data();
    const SecretKey moved = std::move(key);
    EXPECT_EQ(moved.bytes().data(), memory);
}

TEST(SecretKey, ManyKeysLieApart) {
    SystemRandom random;
    std::vector<SecretKey> keys;
    for (int i = 0; i < 5'000; ++i) keys.push_back(SecretKey::random(random));  // several slabs
    std::vector<std::string> texts;
    for (const SecretKey& key : keys) texts.emplace_back(as_text(key.bytes()));
    std::ranges::sort(texts);
    EXPECT_EQ(std::ranges::adjacent_find(texts), texts.end());
}

TEST(SecretKey, IsNotInWhatATestPrints) {
    SystemRandom random;
    const SecretKey key = SecretKey::random(random);
    const std::string printed = ::testing::PrintToString(key);
    // GoogleTest prints the bytes of what it does not know, in hexadecimal pairs.
    const std::string hex = hex_encode(key.bytes());
    std::string upper;
    for (const char c : hex.substr(0, 8)) upper.push_back(static_cast<char>(std::toupper(c)));
    std::string pairs;
    for (size_t i = 0; i < upper.size(); i += 2) pairs += (i > 0 ? "-" : "") + upper.substr(i, 2);
    EXPECT_EQ(printed.find(pairs), std::string::npos) << printed;
    EXPECT_EQ(printed.find(as_text(key.bytes())), std::string::npos);
}

}  // namespace
}  // namespace insula::crypto
