#include "core/tenancy/token_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "core/tenancy/tests/token_samples.h"

namespace insula::tenancy {
namespace {

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

class TokenCacheTest : public ::testing::Test {
  protected:
    std::string issue(std::string_view id, TenantId tenant = sample_tenant()) {
        TokenClaims claims = sample_claims();
        claims.id = id;
        claims.tenant = tenant;
        return *issue_token(claims, "k1", key_);
    }
    SharedTokenKeys keys(const crypto::SigningKey& key,
                         std::optional<WallNanos> retired_at = std::nullopt) {
        return *TokenKeys::create(
            {{.id = "k1", .key = key.public_key(), .retired_at = retired_at}});
    }
    std::string_view fault_of(const Result<SharedClaims>& verified) {
        EXPECT_FALSE(verified);
        return verified ? "none" : verified.error().detail();
    }

    const crypto::SigningKey key_ = signing_key(1);
    TokenCache cache_{sample_expectations(), keys(key_), 10 * TokenCache::kShards};
};

TEST_F(TokenCacheTest, AKnownTokenIsNotVerifiedAgain) {
    const std::string token = issue("a");
    const auto first = cache_.verify(token, kNow);
    ASSERT_OK(first);
    EXPECT_EQ((*first)->id, "a");
    EXPECT_EQ(*cache_.verify(token, kNow + kSecond), *first) << "the same claims, not equal ones";
    EXPECT_EQ(cache_.size(), 1u);
}

TEST_F(TokenCacheTest, WhatIsRefusedIsNotKept) {
    const std::string token = issue("a");
    EXPECT_EQ(fault_of(cache_.verify(token + "x", kNow)), "token_malformed");
    EXPECT_EQ(fault_of(cache_.verify(token, kNow + 3'600 * kSecond)), "token_expired");
    EXPECT_EQ(fault_of(cache_.verify(std::string(kTokenBytesMax + 1, 'a'), kNow)),
              "token_too_large");
    EXPECT_EQ(cache_.size(), 0u);
    EXPECT_TRUE(cache_.verify(token, kNow));
}

TEST_F(TokenCacheTest, AKnownTokenDiesAtItsEnd) {
    const std::string token = issue("a");
    const WallNanos end = (sample_claims().expires_at + kTokenSkewSeconds) * kSecond;
    ASSERT_TRUE(cache_.verify(token, kNow));
    EXPECT_TRUE(cache_.verify(token, end - 1));
    EXPECT_EQ(fault_of(cache_.verify(token, end)), "token_expired");
    EXPECT_EQ(cache_.size(), 0u);
    ASSERT_TRUE(cache_.verify(token, kNow));
    EXPECT_EQ(fault_of(cache_.verify(token, 0)), "token_not_yet_valid")
        << "nor does it count when the clock goes back";
}

TEST_F(TokenCacheTest, AKnownTokenDiesWithItsKey) {
    const std::string token = issue("a");
    ASSERT_TRUE(cache_.verify(token, kNow));
    cache_.set_keys(keys(key_));
    EXPECT_TRUE(cache_.verify(token, kNow)) << "the same key";
    cache_.set_keys(*TokenKeys::create({}));
    EXPECT_EQ(fault_of(cache_.verify(token, kNow)), "token_key_unknown");
    cache_.set_keys(keys(key_));
    ASSERT_TRUE(cache_.verify(token, kNow));
    cache_.set_keys(keys(signing_key(2)));
    EXPECT_EQ(fault_of(cache_.verify(token, kNow)), "token_signature_wrong") << "the same id";
    cache_.set_keys(keys(key_, kNow + 10 * kSecond));
    EXPECT_TRUE(cache_.verify(token, kNow + 9 * kSecond));
    EXPECT_EQ(fault_of(cache_.verify(token, kNow + 10 * kSecond)), "token_key_not_in_use");
}

TEST_F(TokenCacheTest, IsBoundedAndKeepsTheTokensUsedLast) {
    TokenCache small(sample_expectations(), keys(key_), TokenCache::kShards);
    const std::string favourite = issue("favourite");
    const auto first = small.verify(favourite, kNow);
    ASSERT_OK(first);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(small.verify(issue(std::to_string(i)), kNow));
    EXPECT_LE(small.size(), TokenCache::kShards);
    EXPECT_GT(small.size(), TokenCache::kShards / 2);

    const auto kept = cache_.verify(favourite, kNow);
    for (int i = 0; i < 5'000; ++i) {
        ASSERT_TRUE(cache_.verify(issue(std::to_string(i)), kNow));
        ASSERT_EQ(*cache_.verify(favourite, kNow), *kept) << i;
    }
    EXPECT_LE(cache_.size(), 10 * TokenCache::kShards);
}

}  // namespace
}  // namespace insula::tenancy
