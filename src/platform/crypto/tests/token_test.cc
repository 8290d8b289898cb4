#include "platform/crypto/token.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "platform/crypto/base64url.h"

namespace insula::crypto {
namespace {

TEST(Token, HasThePrefixAndAllRandomBits) {
    SystemRandom random;
    const std::string token = make_token(random);
    ASSERT_EQ(token.size(), kTokenPrefix.size() + kTokenRandomCharacters);
    EXPECT_TRUE(token.starts_with("insula_"));
    EXPECT_TRUE(std::ranges::all_of(
        token, [](char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; }));
    EXPECT_TRUE(make_token(random, "other_").starts_with("other_"));
}

TEST(Token, IsExactlyTheRandomBytes) {
    SeededRandom first(7);
    SeededRandom second(7);
    std::array<uint8_t, kTokenRandomBytes> bytes{};
    second.fill(bytes);
    EXPECT_EQ(make_token(first, ""), base64url_encode(std::as_bytes(std::span(bytes))));
}

TEST(Token, NeverRepeats) {
    SystemRandom random;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(make_token(random)).second);
}

}  // namespace
}  // namespace insula::crypto
