#include "core/tenancy/tokens.h"

#include <gtest/gtest.h>

#include "core/tenancy/administration.h"
#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {
namespace {

using std::chrono::seconds;

class TokensTest : public TenancyFixture {
  protected:
    void SetUp() override {
        TenancyFixture::SetUp();
        add_member(kFirst, "ann", {"writer"});
        add_member(kFirst, "adam", {"admin"});
    }
    Administration administration() { return {directory(), *tokens_, clock_, random_}; }
    Result<Actor> enter(const std::string& credential, std::string_view action = "tables:Search") {
        return gate().enter({.key = credential, .tenant = {}}, action, {});
    }
    Actor owner() { return *enter(first_owner_); }
    Result<IssuedToken> try_issue(const Actor& actor, NewToken wanted) {
        if (wanted.lasts == seconds(0)) wanted.lasts = seconds(600);
        return administration().issue_token(actor, wanted);
    }
    IssuedToken issue(const std::string& user, std::vector<std::string> scopes = {}) {
        auto issued = try_issue(owner(), {.owner = user, .scopes = std::move(scopes)});
        EXPECT_TRUE(issued) << issued.error().describe();
        return issued ? *std::move(issued) : IssuedToken();
    }
    std::string fault_of(const std::string& token) {
        const auto entered = enter(token);
        return std::string(entered ? "entered" : entered.error().detail());
    }
    bool may(const std::string& token, std::string_view action, std::string_view resource) {
        const auto actor = enter(token, action);
        return actor && actor->authorise({action, std::string(resource)});
    }
};

TEST_F(TokensTest, ATokenActsAsItsMemberAndTheKeyOutlivesARestart) {
    const std::string token = issue("ann").token;
    const auto actor = enter(token);
    ASSERT_TRUE(actor) << actor.error().describe();
    EXPECT_EQ(actor->principal(), "user/ann");
    EXPECT_EQ(actor->tenant().id, kFirst);
    EXPECT_TRUE(may(token, "tables:Write", "source/a"));
    EXPECT_FALSE(may(token, "tenant:CreateUser", "user/x"));
    reopen();
    EXPECT_TRUE(enter(token));
    EXPECT_EQ(
        gate().enter_from_memory({.key = token, .tenant = {}}, "tables:Search", {}).has_value(),
        true);
}

TEST_F(TokensTest, TheTenantIsTheTokensWhateverTheHeaderSays) {
    const std::string token = issue("ann").token;
    const auto named = [&](std::string_view tenant) {
        return gate().enter({.key = token, .tenant = tenant}, "tables:Search", {});
    };
    EXPECT_TRUE(named("first"));
    EXPECT_EQ(named("second").error().reason(), "tenant_not_allowed");
    EXPECT_EQ(named("absent").error().reason(), "tenant_not_allowed");
    EXPECT_EQ(enter(token, "node:ListTenants").error().reason(), "not_permitted");
}

TEST_F(TokensTest, ScopesBoundWhatTheMemberMayDo) {
    const std::string reads = issue("ann", {"read"}).token;
    EXPECT_TRUE(may(reads, "tables:Search", "source/a"));
    EXPECT_FALSE(may(reads, "tables:Write", "source/a"));
    const std::string both = issue("ann", {"read", "write"}).token;
    EXPECT_TRUE(may(both, "tables:Write", "source/a"));
    const std::string more = issue("ann", {"admin"}).token;
    EXPECT_FALSE(may(more, "tenant:CreateUser", "user/x")) << "a scope gives nothing";
    EXPECT_EQ(try_issue(owner(), {.owner = "ann", .scopes = {"reed"}}).error().reason(),
              "invalid_scope");
}

TEST_F(TokensTest, AScopedTokenOfAnOwnerIsNoOwner) {
    const Actor scoped = *enter(issue("owner", {"admin"}).token, "tenant:CreateKey");
    EXPECT_EQ(scoped.rank(), Rank::admin);
    EXPECT_TRUE(scoped.authorise({"tenant:CreateUser", "user/x"}));
    EXPECT_FALSE(scoped.authorise({"tenant:RemoveTenant", "tenant"}));
    EXPECT_EQ(administration().add_key(scoped, {.owner = "owner"}).error().reason(),
              "exceeds_own_rights");
    const Actor reads = *enter(issue("owner", {"read"}).token, "tenant:CreateKey");
    EXPECT_EQ(reads.rank(), Rank::member);
    EXPECT_EQ(administration().add_key(reads, {.owner = "ann"}).error().reason(),
              "exceeds_own_rights");
    const Actor whole = *enter(issue("owner").token, "tenant:CreateKey");
    EXPECT_TRUE(administration().add_key(whole, {.owner = "owner"}));
}

TEST_F(TokensTest, NobodyIssuesWhatReachesFurtherThanHeDoes) {
    const Actor ann = *enter(add_key(kFirst, MemberKind::user, "ann"));
    EXPECT_TRUE(try_issue(ann, {.owner = "ann"}));
    EXPECT_EQ(try_issue(ann, {.owner = "adam"}).error().reason(), "exceeds_own_rights");
    const Actor adam = *enter(add_key(kFirst, MemberKind::user, "adam"));
    EXPECT_TRUE(try_issue(adam, {.owner = "ann"}));
    EXPECT_EQ(try_issue(adam, {.owner = "owner"}).error().reason(), "exceeds_own_rights");
    EXPECT_EQ(try_issue(adam, {.owner = "nobody"}).error().reason(), "member_not_found");
    const Actor again = *enter(issue("ann").token);
    EXPECT_EQ(try_issue(again, {.owner = "ann"}).error().reason(), "exceeds_own_rights")
        << "a token would go on for ever";
    const Actor root = *enter(administrator_, "node:ListTenants");
    EXPECT_EQ(try_issue(root, {.owner = "root"}).error().reason(), "tenant_not_found");
}

TEST_F(TokensTest, ATokenEndsWithItsTime) {
    EXPECT_EQ(try_issue(owner(), {.owner = "ann", .lasts = seconds(86'401)}).error().reason(),
              "invalid_duration");
    const auto issued = try_issue(owner(), {.owner = "ann", .lasts = seconds(10)});
    ASSERT_TRUE(issued);
    EXPECT_EQ(fault_of(issued->token), "entered");
    clock_.advance(seconds(14));
    EXPECT_EQ(fault_of(issued->token), "entered") << "clocks may differ";
    clock_.advance(seconds(1));
    EXPECT_EQ(fault_of(issued->token), "token_expired");
}

TEST_F(TokensTest, WhatIsRevokedEndsAtOnceAndForGood) {
    const IssuedToken one = issue("ann");
    const IssuedToken other = issue("ann");
    const IssuedToken adams = issue("adam");
    for (const IssuedToken& each : {one, other, adams}) ASSERT_EQ(fault_of(each.token), "entered");
    ASSERT_TRUE(administration().revoke_token(owner(), one.id));
    EXPECT_EQ(fault_of(one.token), "token_revoked");
    EXPECT_EQ(fault_of(other.token), "entered");
    ASSERT_TRUE(administration().revoke_tokens(owner(), MemberKind::user, "ann"));
    EXPECT_EQ(fault_of(other.token), "token_revoked");
    EXPECT_EQ(fault_of(adams.token), "entered");
    EXPECT_EQ(fault_of(issue("ann").token), "entered") << "what is issued later";
    ASSERT_TRUE(administration().revoke_tokens(owner(), MemberKind::user, "ann"));
    ASSERT_TRUE(administration().revoke_tokens(owner(), MemberKind::user, "ann"));
    EXPECT_EQ(fault_of(issue("ann").token), "entered") << "however often";
    ASSERT_TRUE(administration().revoke_all_tokens(owner()));
    EXPECT_EQ(fault_of(adams.token), "token_revoked");
    reopen();
    for (const IssuedToken& each : {one, other, adams}) {
        EXPECT_EQ(fault_of(each.token), "token_revoked");
    }
}

TEST_F(TokensTest, OnlyThoseWhoMayRevoke) {
    const Actor ann = *enter(add_key(kFirst, MemberKind::user, "ann"));
    EXPECT_TRUE(administration().revoke_tokens(ann, MemberKind::user, "ann"));
    EXPECT_EQ(administration().revoke_tokens(ann, MemberKind::user, "adam").error().reason(),
              "exceeds_own_rights");
    EXPECT_EQ(administration().revoke_all_tokens(ann).error().reason(), "exceeds_own_rights");
    EXPECT_EQ(administration().revoke_token(ann, "token_0").error().reason(), "exceeds_own_rights");
}

TEST_F(TokensTest, ATokenEndsWithItsMemberAndItsTenant) {
    const std::string token = issue("ann").token;
    ASSERT_EQ(fault_of(token), "entered");
    MemberChanges disable;
    disable.disabled = true;
    ASSERT_TRUE(administration().update_member(owner(), MemberKind::user, "ann", disable));
    EXPECT_EQ(fault_of(token), "token_revoked");
    ASSERT_TRUE(administration().remove_member(owner(), MemberKind::user, "ann"));
    EXPECT_EQ(fault_of(token), "token_revoked");
    const std::string of_owner = issue("owner").token;
    TenantChanges suspend;
    suspend.status = catalog::TenantStatus::suspended;
    ASSERT_TRUE(administration().update_tenant("first", suspend));
    EXPECT_EQ(enter(of_owner).error().reason(), "tenant_suspended");
    ASSERT_TRUE(administration().begin_removal("first"));
    EXPECT_FALSE(enter(of_owner));
    ASSERT_TRUE(administration().finish_removal(kFirst));
    EXPECT_EQ(fault_of(of_owner), "token_tenant_wrong");
}

TEST_F(TokensTest, AnotherMemberOfTheNameHasNoTokensOfTheOneBefore) {
    const std::string token = issue("ann").token;
    ASSERT_TRUE(administration().remove_member(owner(), MemberKind::user, "ann"));
    clock_.advance(seconds(2));
    MemberChanges wanted;
    wanted.roles = std::vector<std::string>{"admin"};
    ASSERT_TRUE(administration().add_member(owner(), MemberKind::user, "ann", wanted));
    EXPECT_EQ(fault_of(token), "token_revoked");
    EXPECT_EQ(fault_of(issue("ann").token), "entered");
}

TEST_F(TokensTest, RevocationsAreForgottenOnceNothingIsLeftOfThem) {
    ASSERT_TRUE(administration().revoke_token(owner(), "token_1"));
    clock_.advance(seconds(kTokenLifetimeSecondsMax + 3 * kTokenSkewSeconds));
    ASSERT_TRUE(administration().revoke_token(owner(), "token_2"));
    const auto kept = directory().view(kFirst).value()->revocations();
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0]->name, "token/token_2");
}

TEST_F(TokensTest, AnotherRootKeyIsToldFromDamage) {
    const auto other = crypto::SecretKey::random(random_);
    const auto opened = Tokens::open(directory(), other, random_, clock_.wall_now());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().reason(), "wrong_root_key");
    EXPECT_EQ(directory().view(TenantId()).value()->signing_keys().size(), 1u)
        << "one key is made, once";
    for (const StoredSigningKey* key : directory().view(TenantId()).value()->signing_keys()) {
        EXPECT_EQ(key->wrapped.size(), 80u);
    }
}

// A token of a key of our own making, whatever it says.
TEST_F(TokensTest, OnlyThisInstallationsKeysCount) {
    const auto key = crypto::SigningKey::random(random_);
    const int64_t now = clock_.wall_now() / 1'000'000'000;
    const TokenClaims claims{.issuer = std::string(kTokenIssuer),
                             .audience = std::string(kTokenAudience),
                             .subject = "user/owner",
                             .tenant = kFirst,
                             .issued_at = now,
                             .not_before = now,
                             .expires_at = now + 600,
                             .id = "x"};
    const std::string known = directory().view(TenantId()).value()->signing_keys()[0]->id;
    EXPECT_EQ(fault_of(*issue_token(claims, known, key)), "token_signature_wrong");
    EXPECT_EQ(fault_of(*issue_token(claims, "tk_other", key)), "token_key_unknown");
    TokenClaims platform = claims;
    platform.tenant = TenantId();
    EXPECT_EQ(fault_of(*tokens_->issue(platform)), "token_revoked") << "the platform has none";
    EXPECT_EQ(fault_of("a.b.c"), "token_malformed");
    EXPECT_EQ(fault_of("."), "token_malformed");
}

}  // namespace
}  // namespace insula::tenancy
