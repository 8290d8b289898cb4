#include "core/tenancy/token.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/tests/seeds.h"
#include "core/tenancy/tests/token_samples.h"
#include "core/tenancy/token_claims.h"

namespace insula::tenancy {
namespace {

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

std::string_view fault_of(const Result<VerifiedToken>& verified) {
    EXPECT_FALSE(verified);
    return verified ? "none" : verified.error().detail();
}

class TenantTokenTest : public ::testing::Test {
  protected:
    Result<VerifiedToken> verify(std::string_view token, WallNanos now = kNow) {
        return verify_token(token, *keys_, expected_, now);
    }
    std::string issue(const TokenClaims& claims) { return *issue_token(claims, "k1", key_); }

    const crypto::SigningKey key_ = signing_key(1);
    TokenExpectations expected_ = sample_expectations();
    std::shared_ptr<const TokenKeys> keys_ =
        *TokenKeys::create({{.id = "k1", .key = key_.public_key()}});
};

TEST_F(TenantTokenTest, SaysWhatItWasIssuedWith) {
    const TokenClaims claims = sample_claims();
    const auto verified = verify(issue(claims));
    ASSERT_OK(verified);
    EXPECT_EQ(verified->claims, claims);
    EXPECT_EQ(verified->valid_from, (claims.issued_at - kTokenSkewSeconds) * kSecond);
    EXPECT_EQ(verified->valid_until, (claims.expires_at + kTokenSkewSeconds) * kSecond);
}

TEST_F(TenantTokenTest, HasOneSpelling) {
    // docs/formats/token.md.
    const TokenClaims claims = sample_claims();
    EXPECT_EQ(write_token_header("k1"), R"({"alg":"EdDSA","typ":"insula-tenant+jwt","kid":"k1"})");
    EXPECT_EQ(write_token_claims(claims),
              R"({"iss":"https://insula.example","aud":"insula","sub":"service/loader",)"
              R"("tid":"01010101-0101-0101-0101-010101010101","scope":"tables:Write tables:Read",)"
              R"("iat":1799999990,"nbf":1799999990,"exp":1800000600,"jti":"token-1"})");
    EXPECT_EQ(issue(claims), issue(claims)) << "Ed25519 signs without chance";
}

TEST_F(TenantTokenTest, CountsFromItsBeginningToItsEndAndAFewSecondsMore) {
    TokenClaims claims = sample_claims();
    claims.not_before = kNowSeconds + 100;
    const std::string token = issue(claims);
    const WallNanos begin = claims.not_before * kSecond;
    const WallNanos end = claims.expires_at * kSecond;
    constexpr WallNanos kSkew = kTokenSkewSeconds * kSecond;
    EXPECT_EQ(fault_of(verify(token, begin - kSkew - 1)), "token_not_yet_valid");
    EXPECT_TRUE(verify(token, begin - kSkew));
    EXPECT_TRUE(verify(token, end + kSkew - 1));
    EXPECT_EQ(fault_of(verify(token, end + kSkew)), "token_expired");
    EXPECT_EQ(fault_of(verify(token, INT64_MAX)), "token_expired");
    EXPECT_EQ(fault_of(verify(token, 0)), "token_not_yet_valid");
    claims.issued_at = claims.not_before + 50;
    EXPECT_EQ(fault_of(verify(issue(claims), begin)), "token_not_yet_valid")
        << "nor before it was issued";
}

TEST_F(TenantTokenTest, TimesAtTheEndsOfWhatIsAllowedDoNotOverflow) {
    TokenClaims claims = sample_claims();
    claims.issued_at = claims.not_before = 253'402'300'799 - 10;
    claims.expires_at = 253'402'300'799;
    const std::string late = issue(claims);
    EXPECT_EQ(fault_of(verify(late)), "token_not_yet_valid");
    claims.issued_at = claims.not_before = 0;
    claims.expires_at = 1;
    EXPECT_EQ(fault_of(verify(issue(claims))), "token_expired");
    EXPECT_TRUE(verify(issue(claims), 0));
}

TEST_F(TenantTokenTest, AKeyCountsOnlyWhileItIsInUse) {
    const std::string token = issue(sample_claims());
    keys_ = *TokenKeys::create(
        {{.id = "k1", .key = key_.public_key(), .not_before = kNow, .retired_at = kNow + 5}});
    EXPECT_EQ(fault_of(verify(token, kNow - 1)), "token_key_not_in_use");
    const auto verified = verify(token, kNow);
    ASSERT_OK(verified);
    EXPECT_EQ(verified->valid_from, kNow);
    EXPECT_EQ(verified->valid_until, kNow + 5) << "no token outlives its key";
    EXPECT_TRUE(verify(token, kNow + 4));
    EXPECT_EQ(fault_of(verify(token, kNow + 5)), "token_key_not_in_use");
}

TEST_F(TenantTokenTest, EachKeyAnswersForItsOwnTokens) {
    const crypto::SigningKey other = signing_key(2);
    keys_ = *TokenKeys::create(
        {{.id = "k2", .key = other.public_key()}, {.id = "k1", .key = key_.public_key()}});
    EXPECT_TRUE(verify(issue(sample_claims())));
    EXPECT_TRUE(verify(*issue_token(sample_claims(), "k2", other)));
    EXPECT_EQ(fault_of(verify(*issue_token(sample_claims(), "k2", key_))), "token_signature_wrong");
    EXPECT_EQ(fault_of(verify(*issue_token(sample_claims(), "k1", other))),
              "token_signature_wrong");
    EXPECT_EQ(fault_of(verify(*issue_token(sample_claims(), "k3", key_))), "token_key_unknown");
}

TEST_F(TenantTokenTest, ANodeForOneTenantTakesNoOthers) {
    expected_.tenant = sample_tenant(1);
    EXPECT_TRUE(verify(issue(sample_claims())));
    expected_.tenant = sample_tenant(2);
    EXPECT_EQ(fault_of(verify(issue(sample_claims()))), "token_tenant_wrong");
}

TEST_F(TenantTokenTest, WhatWouldNotVerifyIsNotIssued) {
    const auto refused = [&](const TokenClaims& claims) {
        const auto token = issue_token(claims, "k1", key_);
        return !token && token.error().reason() == "invalid_token_claims";
    };
    EXPECT_FALSE(refused(sample_claims()));
    std::vector<TokenClaims> bad(15, sample_claims());
    bad[0].issuer.clear();
    bad[1].audience = std::string(kTokenNameBytesMax + 1, 'a');
    bad[2].subject = "a\nb";
    bad[3].id = std::string("a\0b", 3);
    bad[4].subject = "\xff";
    bad[5].scopes = {""};
    bad[6].scopes = {"two words"};
    bad[7].scopes = {"a\"b"};
    bad[8].scopes = std::vector<std::string>(kTokenScopesMax + 1, "a");
    bad[9].scopes = {std::string(kTokenScopeBytesMax + 1, 'a')};
    bad[10].expires_at = bad[10].issued_at + kTokenLifetimeSecondsMax + 1;
    bad[11].expires_at = bad[11].not_before;
    bad[12].issued_at = -1;
    bad[13].issued_at = bad[13].expires_at + 1;
    bad[14].scopes = std::vector<std::string>(40, std::string(100, 'a'));  // over 4 KiB together
    for (size_t i = 0; i < bad.size(); ++i) EXPECT_TRUE(refused(bad[i])) << i;
    for (const std::string& id : {std::string(), std::string(kTokenKeyIdBytesMax + 1, 'k')}) {
        EXPECT_FALSE(issue_token(sample_claims(), id, key_));
    }
}

TEST_F(TenantTokenTest, TheLargestOfEverythingVerifies) {
    TokenClaims claims = sample_claims();
    claims.issuer = expected_.issuer = std::string(kTokenNameBytesMax, 'i');
    claims.audience = expected_.audience = std::string(kTokenNameBytesMax, 'a');
    claims.subject = std::string(kTokenNameBytesMax, 's');
    claims.id = std::string(kTokenNameBytesMax, 'j');
    claims.scopes = std::vector<std::string>(kTokenScopesMax, "tables:Write");
    claims.expires_at = claims.issued_at + kTokenLifetimeSecondsMax;
    const auto verified = verify(issue(claims));
    ASSERT_OK(verified);
    EXPECT_EQ(verified->claims, claims);
    claims.scopes.clear();
    EXPECT_EQ(verify(issue(claims))->claims, claims);
}

TEST(TokenKeys, AreRefusedWhereAnIdIsNoIdOrThereTwice) {
    const crypto::PublicKey key = signing_key(1).public_key();
    const auto reason = [](std::vector<TokenKey> keys) {
        const auto created = TokenKeys::create(std::move(keys));
        return created ? std::string() : std::string(created.error().reason());
    };
    EXPECT_EQ(reason({}), "");
    EXPECT_EQ(reason({{.id = "", .key = key}}), "invalid_token_keys");
    EXPECT_EQ(reason({{.id = std::string(65, 'k'), .key = key}}), "invalid_token_keys");
    EXPECT_EQ(reason({{.id = "a", .key = key}, {.id = "b", .key = key}, {.id = "a", .key = key}}),
              "invalid_token_keys");
    std::vector<TokenKey> many;
    for (size_t i = 0; i <= kTokenKeysMax; ++i) {
        many.push_back({.id = std::to_string(i), .key = key});
    }
    EXPECT_EQ(reason(many), "invalid_token_keys");
    many.pop_back();
    EXPECT_EQ(reason(many), "");
}

TEST(TokenFaults, HaveNamesOfTheirOwnAndOneTextForAll) {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(TokenFault::revoked); ++i) {
        const Error error = token_refused(static_cast<TokenFault>(i));
        EXPECT_EQ(error.code(), Code::unauthenticated);
        EXPECT_EQ(error.reason(), "unauthenticated");
        EXPECT_EQ(error.message(), token_refused(TokenFault::malformed).message());
        EXPECT_EQ(error.hint(), token_refused(TokenFault::malformed).hint());
        names.insert(std::string(error.detail()));
    }
    EXPECT_EQ(names.size(), static_cast<size_t>(TokenFault::revoked) + 1);
}

// One change, as whoever tries would make it.
std::string mutate(const std::string& token, const std::string& other, SeededRandom& random) {
    constexpr std::string_view kCharacters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";
    std::string text = token;
    const size_t at = random.below(text.size());
    const auto character = [&] { return kCharacters[random.below(kCharacters.size())]; };
    switch (random.below(8)) {
        case 0:
            text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
            break;
        case 1:
            text[at] = character();
            break;
        case 2:
            text.insert(at, 1, character());
            break;
        case 3:
            text.erase(at, 1 + random.below(4));
            break;
        case 4:
            text.resize(at);
            break;
        case 5:
            std::swap(text[at], text[random.below(text.size())]);
            break;
        case 6:  // the end of another token of the same key
            text = text.substr(0, at) + other.substr(std::min(at, other.size()));
            break;
        default:
            text += text.substr(at);
            break;
    }
    return text;
}

TEST_F(TenantTokenTest, NoMutatedTokenVerifies) {
    const SeedRange seeds = test_seeds(1);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SeededRandom random(seed);
        TokenClaims claims = sample_claims();
        const std::string token = issue(claims);
        claims.id = "token-2";
        claims.scopes.emplace_back("admin:Everything");
        const std::string other = issue(claims);
        int tried = 0;
        while (tried < 10'000) {
            const std::string mutated = mutate(token, other, random);
            if (mutated == token || mutated == other) continue;
            ++tried;
            const auto verified = verify(mutated);
            ASSERT_FALSE(verified) << mutated;
            ASSERT_EQ(verified.error().code(), Code::unauthenticated) << mutated;
        }
    }
}

}  // namespace
}  // namespace insula::tenancy
