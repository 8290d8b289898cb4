#include "core/tenancy/logins.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {
namespace {

using std::chrono::seconds;

constexpr std::string_view kPassword = "correct horse";

class LoginsTest : public TenancyFixture {
  protected:
    void SetUp() override {
        TenancyFixture::SetUp();
        add_user("ann", {"writer"});
        logins_ = std::make_unique<Logins>(directory(), *tokens_, clock_, random_, kCheap);
    }
    // As set_password() does, but sooner.
    void add_user(const std::string& name, std::vector<std::string> roles) {
        Member member;
        member.name = name;
        member.roles = std::move(roles);
        member.password_hash = *crypto::hash_password(kPassword, kCheap);
        put(entry_of(kFirst, member));
    }
    Result<IssuedToken> try_login(std::string_view tenant, std::string_view user,
                                  std::string_view password,
                                  std::string_view address = "192.0.2.7") {
        return logins_->login({.tenant = tenant,
                               .user = user,
                               .password = password,
                               .lasts = seconds(60),
                               .remote_address = address});
    }
    std::string reason(const Result<IssuedToken>& login) {
        return login ? "in" : std::string(login.error().reason());
    }

    static constexpr crypto::PasswordCost kCheap{.memory_bytes = 64 * kKiB, .passes = 1};
    std::unique_ptr<Logins> logins_;
};

TEST_F(LoginsTest, APasswordGivesATokenOfItsUser) {
    for (const std::string& tenant : {std::string("first"), kFirst.to_string()}) {
        const auto login = try_login(tenant, "ann", kPassword);
        ASSERT_TRUE(login) << login.error().describe();
        const auto actor = gate().enter({.key = login->token, .tenant = {}}, "tables:Write", {});
        ASSERT_TRUE(actor) << actor.error().describe();
        EXPECT_EQ(actor->principal(), "user/ann");
        EXPECT_FALSE(actor->has_scopes());
    }
}

TEST_F(LoginsTest, WhateverIsWrongTheAnswerIsTheSame) {
    add_member(kFirst, "keys-only", {"writer"});
    const auto refusal = [&](std::string_view tenant, std::string_view user,
                             std::string_view password) {
        const auto login = try_login(tenant, user, password);
        EXPECT_FALSE(login);
        if (login) return std::string();
        return fmt::format("{}: {}", login.error().reason(), login.error().message());
    };
    const std::string wrong = refusal("first", "ann", "wrong horse");
    EXPECT_EQ(refusal("first", "nobody", kPassword), wrong);
    EXPECT_EQ(refusal("second", "ann", kPassword), wrong);
    EXPECT_EQ(refusal("absent", "ann", kPassword), wrong);
    EXPECT_EQ(refusal("first", "keys-only", ""), wrong);
    EXPECT_EQ(refusal("first", "ann", std::string(5000, 'x')), wrong);
    EXPECT_EQ(refusal("first", std::string(5000, 'x'), kPassword), wrong);
    update_tenant(kFirst,
                  [](catalog::Tenant& row) { row.status = catalog::TenantStatus::suspended; });
    EXPECT_EQ(refusal("first", "ann", kPassword), wrong);
}

TEST_F(LoginsTest, WhoeverGuessesHasToWait) {
    for (uint64_t i = 0; i < kFailuresOfUser; ++i) {
        EXPECT_EQ(reason(try_login("first", "ann", "guess")), "login_refused") << i;
    }
    const auto waiting = try_login("first", "ann", kPassword);
    EXPECT_EQ(reason(waiting), "too_many_logins") << "the right password, too";
    EXPECT_EQ(waiting.error().retry_after(), kFailurePause);
    EXPECT_EQ(reason(try_login(kFirst.to_string(), "ann", kPassword)), "too_many_logins");
    clock_.advance(kFailurePause);
    EXPECT_EQ(reason(try_login("first", "ann", kPassword)), "in");
    EXPECT_EQ(reason(try_login("first", "ann", "guess")), "login_refused") << "all is forgiven";
}

TEST_F(LoginsTest, AnAddressThatGuessesAtManyUsersHasToWait) {
    for (uint64_t i = 0; i < kFailuresOfAddress; ++i) {
        EXPECT_EQ(reason(try_login("first", "user" + std::to_string(i), "guess")), "login_refused");
    }
    EXPECT_EQ(reason(try_login("first", "ann", kPassword)), "too_many_logins");
    EXPECT_EQ(reason(try_login("first", "ann", kPassword, "198.51.100.1")), "in")
        << "others are not touched";
}

TEST_F(LoginsTest, APasswordIsSetByItsUserOrByWhoReachesAsFar) {
    Administration administration(directory(), *tokens_, clock_, random_);
    const auto enter = [&](const std::string& key) {
        return *gate().enter({.key = key, .tenant = {}}, "tables:Search", {});
    };
    const Actor ann = enter(add_key(kFirst, MemberKind::user, "ann"));
    const std::string token = try_login("first", "ann", kPassword)->token;
    EXPECT_EQ(administration.set_password(ann, "owner", "long enough").error().reason(),
              "exceeds_own_rights");
    EXPECT_EQ(administration.set_password(ann, "ann", "short").error().reason(),
              "password_too_short");
    clock_.advance(seconds(2));
    ASSERT_TRUE(administration.set_password(ann, "ann", "another horse"));
    EXPECT_FALSE(gate().enter({.key = token, .tenant = {}}, "tables:Search", {}))
        << "what was issued before";
    EXPECT_EQ(reason(try_login("first", "ann", kPassword)), "login_refused");
    const auto login = try_login("first", "ann", "another horse");
    ASSERT_EQ(reason(login), "in");
    EXPECT_TRUE(gate().enter({.key = login->token, .tenant = {}}, "tables:Search", {}));
    EXPECT_TRUE(administration.set_password(enter(first_owner_), "ann", "third horse"));
}

}  // namespace
}  // namespace insula::tenancy
