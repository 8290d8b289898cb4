#include "core/tenancy/token_revocations.h"

#include <gtest/gtest.h>

#include <string>

#include "core/tenancy/tests/token_samples.h"

namespace insula::tenancy {
namespace {

// A token issued so many seconds after kNow.
TokenClaims issued_after(int64_t seconds) {
    TokenClaims claims = sample_claims();
    claims.issued_at = kNowSeconds + seconds;
    return claims;
}

TEST(TokenRevocations, OfATokenConcernThatTokenOfThatTenant) {
    TokenRevocations revocations;
    TokenClaims claims = sample_claims();
    EXPECT_FALSE(revocations.is_revoked(claims));
    ASSERT_TRUE(revocations.revoke_token(claims.tenant, claims.id, kNow));
    EXPECT_TRUE(revocations.is_revoked(claims));
    claims.id = "token-2";
    EXPECT_FALSE(revocations.is_revoked(claims));
    claims = sample_claims();
    claims.tenant = sample_tenant(2);
    EXPECT_FALSE(revocations.is_revoked(claims))
        << "ids of tenants have nothing to do with others'";
}

TEST(TokenRevocations, OfASubjectConcernWhatItHadButNotWhatItGetsLater) {
    TokenRevocations revocations;
    ASSERT_TRUE(revocations.revoke_subject(sample_tenant(), "service/loader", kNow));
    EXPECT_TRUE(revocations.is_revoked(issued_after(-10)));
    EXPECT_TRUE(revocations.is_revoked(issued_after(0)));
    EXPECT_TRUE(revocations.is_revoked(issued_after(kTokenSkewSeconds)))
        << "issued before, by a clock that is ahead";
    EXPECT_FALSE(revocations.is_revoked(issued_after(kTokenSkewSeconds + 1)));
    TokenClaims other = issued_after(-10);
    other.subject = "service/loader2";
    EXPECT_FALSE(revocations.is_revoked(other));
    other = issued_after(-10);
    other.tenant = sample_tenant(2);
    EXPECT_FALSE(revocations.is_revoked(other));
}

TEST(TokenRevocations, OfATenantConcernAllItsSubjectsAndNoOthers) {
    TokenRevocations revocations;
    revocations.revoke_tenant(sample_tenant(), kNow);
    TokenClaims claims = issued_after(-10);
    EXPECT_TRUE(revocations.is_revoked(claims));
    claims.subject = "user/anybody";
    EXPECT_TRUE(revocations.is_revoked(claims));
    EXPECT_FALSE(revocations.is_revoked(issued_after(kTokenSkewSeconds + 1)));
    claims.tenant = sample_tenant(2);
    EXPECT_FALSE(revocations.is_revoked(claims));
}

TEST(TokenRevocations, ALaterOneReachesFurther) {
    TokenRevocations revocations;
    const WallNanos later = kNow + 100 * kSecond;
    ASSERT_TRUE(revocations.revoke_subject(sample_tenant(), "service/loader", kNow));
    EXPECT_FALSE(revocations.is_revoked(issued_after(50)));
    ASSERT_TRUE(revocations.revoke_subject(sample_tenant(), "service/loader", later));
    EXPECT_TRUE(revocations.is_revoked(issued_after(50)));
    EXPECT_EQ(revocations.size(), 1u);
}

TEST(TokenRevocations, AreForgottenWhenNoTokenIsLeftThatTheyConcern) {
    TokenRevocations revocations;
    ASSERT_TRUE(revocations.revoke_token(sample_tenant(), "token-1", kNow));
    ASSERT_TRUE(revocations.revoke_subject(sample_tenant(), "other", kNow));
    revocations.revoke_tenant(sample_tenant(), kNow);
    // The last one that they concern: by a clock ahead, for as long as may be, and then the skew.
    const TokenClaims last = issued_after(kTokenSkewSeconds);
    const WallNanos over =
        (last.issued_at + kTokenLifetimeSecondsMax + kTokenSkewSeconds) * kSecond;
    revocations.forget_expired(over - kSecond);
    EXPECT_TRUE(revocations.is_revoked(last));
    EXPECT_EQ(revocations.size(), 2u);
    revocations.forget_expired(over);
    EXPECT_FALSE(revocations.is_revoked(last));
    EXPECT_EQ(revocations.size(), 0u);
}

TEST(TokenRevocations, EachOneChangesTheEpoch) {
    TokenRevocations revocations;
    uint64_t before = revocations.epoch();
    const auto changed = [&] { return std::exchange(before, revocations.epoch()) != before; };
    ASSERT_TRUE(revocations.revoke_token(sample_tenant(), "a", kNow));
    EXPECT_TRUE(changed());
    ASSERT_TRUE(revocations.revoke_subject(sample_tenant(), "a", kNow));
    EXPECT_TRUE(changed());
    revocations.revoke_tenant(sample_tenant(), kNow);
    EXPECT_TRUE(changed());
    static_cast<void>(revocations.is_revoked(sample_claims()));
    EXPECT_FALSE(changed());
}

TEST(TokenRevocations, OfOneTenantAreBoundedAndLeaveRoomForOthers) {
    TokenRevocations revocations;
    for (size_t i = 0; i < kRevocationsOfTenantMax; ++i) {
        ASSERT_TRUE(revocations.revoke_token(sample_tenant(), std::to_string(i), kNow)) << i;
    }
    const Status full = revocations.revoke_subject(sample_tenant(), "one more", kNow);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().reason(), "too_many_revocations");
    EXPECT_TRUE(revocations.revoke_token(sample_tenant(), "17", kNow)) << "known already";
    EXPECT_TRUE(revocations.revoke_token(sample_tenant(2), "a", kNow));
    revocations.revoke_tenant(sample_tenant(), kNow);
    EXPECT_TRUE(revocations.is_revoked(sample_claims())) << "always possible";
    // A day later there is room.
    const WallNanos later = kNow + (kTokenLifetimeSecondsMax + 60) * kSecond;
    EXPECT_TRUE(revocations.revoke_subject(sample_tenant(), "one more", later));
    EXPECT_EQ(revocations.size(), 1u);
}

}  // namespace
}  // namespace insula::tenancy
