#include "core/tenancy/gate.h"

#include <gtest/gtest.h>

#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {
namespace {

const Permission kWrite{"tables:Write", "source/a"};
const Permission kListTenants{"node:ListTenants", "tenant/*"};
const RequestOrigin kOrigin{.remote_address = "192.0.2.7", .user_agent = "test"};

// What becomes of a request: "admitted as user/ann", or why not.
std::string answer(const Result<Actor>& actor, const Permission& permission) {
    if (!actor) return std::string(actor.error().reason());
    const auto decision = actor->authorise(permission);
    return decision ? "admitted as " + actor->principal() : std::string(decision.error().reason());
}

std::string ask(const Gate& door, const Credential& credential, const Permission& permission,
                const RequestOrigin& origin = kOrigin) {
    const auto quick = door.enter_from_memory(credential, permission.action, origin);
    std::string text = answer(door.enter(credential, permission.action, origin), permission);
    if (quick) EXPECT_EQ(answer(*quick, permission), text) << "memory and catalog agree";
    return text;
}

class GateTest : public TenancyFixture {
  protected:
    std::string ask(std::string_view key, const Permission& permission = kWrite,
                    std::optional<std::string_view> tenant = std::nullopt) {
        return tenancy::ask(gate(), {.key = key, .tenant = tenant}, permission);
    }
    std::string grant(WallNanos expires_at, const std::string& role = "owner") {
        Grant grant{.id = make_id(random_, "grant_"),
                    .administrator = "user/root",
                    .role = role,
                    .reason = "a test",
                    .created_at = 0,
                    .expires_at = expires_at};
        put(entry_of(kSecond, grant));
        return grant.id;
    }
};

TEST_F(GateTest, WithoutACredentialNobodyIsAdmittedButInDevelopment) {
    EXPECT_EQ(tenancy::ask(gate(), {}, kWrite), "unauthenticated");
    const auto developer = gate(true).enter({}, kWrite.action, kOrigin);
    ASSERT_TRUE(developer);
    EXPECT_EQ(developer->tenant().id, kFirst);
    EXPECT_EQ(tenancy::ask(gate(true), {}, kWrite), "admitted as developer");
    EXPECT_EQ(tenancy::ask(gate(true), {}, kListTenants), "admitted as developer");
    EXPECT_EQ(tenancy::ask(gate(true), {.key = {}, .tenant = "second"}, kWrite),
              "tenant_not_allowed");
}

TEST_F(GateTest, AWrongKeyIsRefusedInDevelopmentToo) {
    for (const bool development : {false, true}) {
        for (const std::string& key :
             {std::string(), std::string("insula_nobody"), first_owner_ + " ",
              first_owner_.substr(0, first_owner_.size() - 1)}) {
            EXPECT_EQ(tenancy::ask(gate(development), {.key = key, .tenant = {}}, kWrite),
                      "unauthenticated");
        }
    }
}

TEST_F(GateTest, AKeyActsInItsOwnTenantWhateverTheHeaderSays) {
    const auto owner = gate().enter({.key = first_owner_, .tenant = {}}, kWrite.action, kOrigin);
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->tenant().id, kFirst);
    EXPECT_EQ(owner->tenant().slug, "first");
    EXPECT_EQ(owner->principal(), "user/owner");
    EXPECT_EQ(ask(first_owner_, kWrite, "first"), "admitted as user/owner");
    EXPECT_EQ(ask(first_owner_, kWrite, kFirst.to_string()), "admitted as user/owner");
    EXPECT_EQ(ask(first_owner_, kWrite, "second"), "tenant_not_allowed");
    EXPECT_EQ(ask(first_owner_, kWrite, kSecond.to_string()), "tenant_not_allowed");
    EXPECT_EQ(ask(first_owner_, kWrite, "no_such_tenant"), "tenant_not_allowed");
    EXPECT_EQ(ask(first_owner_, kWrite, "00000000-0000-0000-0000-00000000000g"),
              "malformed_tenant_id");
    EXPECT_EQ(ask("insula_nobody", kWrite, "first"), "unauthenticated");
}

TEST_F(GateTest, NoPolicyOfATenantOpensThePlatform) {
    EXPECT_EQ(ask(first_owner_, kListTenants), "not_permitted") << "though its role allows *";
    EXPECT_EQ(ask(administrator_, kListTenants), "admitted as platform/user/root");
}

TEST_F(GateTest, AnAdministratorActsInATenantWithAGrantOfItAlone) {
    EXPECT_EQ(ask(administrator_), "tenant_required");
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "tenant_not_allowed");
    EXPECT_EQ(ask(administrator_, kWrite, "no_such_tenant"), "tenant_not_allowed");
    const std::string id = grant(clock_.wall_now() + 1000);
    const auto actor =
        gate().enter({.key = administrator_, .tenant = "second"}, kWrite.action, kOrigin);
    ASSERT_TRUE(actor) << actor.error().describe();
    EXPECT_EQ(actor->tenant().id, kSecond);
    EXPECT_EQ(actor->principal(), "platform/user/root");
    EXPECT_EQ(actor->authorise(kWrite).value().policy, id) << "the grant is what allowed it";
    EXPECT_EQ(ask(administrator_, kWrite, "first"), "tenant_not_allowed") << "of another tenant";
    clock_.advance(std::chrono::nanoseconds(1000));
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "tenant_not_allowed") << "it has expired";
}

TEST_F(GateTest, AGrantOfAnotherAdministratorOrOfNoRoleIsWorthNothing) {
    add_member(TenantId(), "other", {"administrator"});
    const std::string other = add_key(TenantId(), MemberKind::user, "other");
    grant(clock_.wall_now() + 1000);
    EXPECT_EQ(ask(other, kWrite, "second"), "tenant_not_allowed");
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "admitted as platform/user/root");
    remove(kSecond, catalog::EntryKind::grant,
           directory().view(kSecond).value()->grants().at(0)->id);
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "tenant_not_allowed");
    grant(clock_.wall_now() + 1000, "administrator");
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "tenant_not_allowed")
        << "a role of the platform is none of the tenant";
}

TEST_F(GateTest, AKeyIsRefusedFromTheMomentItIsRemovedOrExpiresOrItsOwnerIsDisabled) {
    add_member(kFirst, "ann", {"owner"});
    const std::string expiring = add_key(kFirst, MemberKind::user, "ann", clock_.wall_now() + 1000);
    const std::string lasting = add_key(kFirst, MemberKind::user, "ann");
    EXPECT_EQ(ask(expiring), "admitted as user/ann");
    EXPECT_EQ(ask(lasting), "admitted as user/ann");
    clock_.advance(std::chrono::nanoseconds(999));
    EXPECT_EQ(ask(expiring), "admitted as user/ann");
    clock_.advance(std::chrono::nanoseconds(1));
    EXPECT_EQ(ask(expiring), "unauthenticated");
    Member ann = *directory().view(kFirst).value()->member(MemberKind::user, "ann");
    ann.disabled = true;
    put(entry_of(kFirst, ann));
    EXPECT_EQ(ask(lasting), "unauthenticated");
    ann.disabled = false;
    put(entry_of(kFirst, ann));
    EXPECT_EQ(ask(lasting), "admitted as user/ann");
    for (const ApiKey* key : directory().view(kFirst).value()->keys()) {
        if (key->owner == "ann") remove(kFirst, catalog::EntryKind::api_key, key->id);
    }
    EXPECT_EQ(ask(lasting), "unauthenticated");
    reopen();
    EXPECT_EQ(ask(lasting), "unauthenticated");
    EXPECT_EQ(ask(first_owner_), "admitted as user/owner");
}

TEST_F(GateTest, AKeyOfAMemberWhoIsGoneOpensNothing) {
    add_member(kFirst, "ann", {"owner"});
    const std::string key = add_key(kFirst, MemberKind::user, "ann");
    EXPECT_EQ(ask(key), "admitted as user/ann");
    remove(kFirst, catalog::EntryKind::user, "ann");
    EXPECT_EQ(ask(key), "unauthenticated");
}

TEST_F(GateTest, ASuspendedTenantIsShutAndARemovedOnesKeysAreGone) {
    EXPECT_EQ(ask(second_owner_), "admitted as user/owner");
    update_tenant(
        kSecond, [](catalog::Tenant& tenant) { tenant.status = catalog::TenantStatus::suspended; });
    EXPECT_EQ(ask(second_owner_), "tenant_suspended");
    EXPECT_EQ(ask(first_owner_), "admitted as user/owner") << "another tenant";
    update_tenant(kSecond,
                  [](catalog::Tenant& tenant) { tenant.status = catalog::TenantStatus::active; });
    EXPECT_EQ(ask(second_owner_), "admitted as user/owner");
    update_tenant(kSecond,
                  [](catalog::Tenant& tenant) { tenant.status = catalog::TenantStatus::removing; });
    EXPECT_EQ(ask(second_owner_), "unauthenticated");
}

TEST_F(GateTest, AGrantOpensNoSuspendedTenant) {
    grant(clock_.wall_now() + 1000);
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "admitted as platform/user/root");
    update_tenant(
        kSecond, [](catalog::Tenant& tenant) { tenant.status = catalog::TenantStatus::suspended; });
    EXPECT_EQ(ask(administrator_, kWrite, "second"), "tenant_suspended");
    EXPECT_EQ(ask(administrator_, kWrite, "first"), "tenant_not_allowed")
        << "without a grant nobody is told whether a tenant is suspended";
}

TEST_F(GateTest, AMemberMayDoWhatItsRolesAndPoliciesSay) {
    put(entry_of(kFirst, PolicyDocument{.name = "orders",
                                        .description = "",
                                        .document = R"({"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"tables:*","Resource":"source/orders*"},
        {"Effect":"Deny","Action":"tables:Write","Resource":"*",
         "Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]})",
                                        .created_at = 0}));
    put(entry_of(kFirst, Role{.name = "clerk", .description = "", .policies = {"orders"}}));
    add_member(kFirst, "ann", {"clerk"});
    add_member(kFirst, "bob", {}, {"orders"});
    add_member(kFirst, "eve", {"no-such-role", "administrator"});
    for (const std::string name : {"ann", "bob"}) {
        const std::string key = add_key(kFirst, MemberKind::user, name);
        EXPECT_EQ(ask(key, {"tables:Write", "source/orders-2026"}), "admitted as user/" + name);
        EXPECT_EQ(ask(key, {"tables:Write", "source/other"}), "not_permitted");
        EXPECT_EQ(ask(key, {"tenant:CreateUser", "user/x"}), "not_permitted");
        EXPECT_EQ(
            tenancy::ask(gate(), {.key = key, .tenant = {}}, {"tables:Write", "source/orders"},
                         {.remote_address = "198.51.100.1"}),
            "not_permitted");
    }
    const std::string eve = add_key(kFirst, MemberKind::user, "eve");
    EXPECT_EQ(ask(eve), "not_permitted");
    EXPECT_EQ(ask(eve, kListTenants), "not_permitted") << "the platform's role is none of a tenant";
    remove(kFirst, catalog::EntryKind::policy, "orders");
    EXPECT_EQ(ask(add_key(kFirst, MemberKind::user, "ann"), {"tables:Write", "source/orders"}),
              "not_permitted");
}

TEST_F(GateTest, UsersAndServiceAccountsOfOneNameAreTwo) {
    Member service;
    service.kind = MemberKind::service_account;
    service.name = "owner";
    put(entry_of(kFirst, service));
    EXPECT_EQ(ask(add_key(kFirst, MemberKind::service_account, "owner")), "not_permitted");
    EXPECT_EQ(ask(first_owner_), "admitted as user/owner");
}

TEST_F(GateTest, WhatIsInMemoryIsEnoughAfterTheFirstRequest) {
    reopen();
    const Gate door = gate();
    const Credential credential{.key = first_owner_, .tenant = {}};
    EXPECT_FALSE(door.enter_from_memory(credential, kWrite.action, kOrigin))
        << "the catalog must be asked";
    ASSERT_TRUE(door.enter(credential, kWrite.action, kOrigin));
    const auto quick = door.enter_from_memory(credential, kWrite.action, kOrigin);
    ASSERT_TRUE(quick);
    EXPECT_EQ(answer(*quick, kWrite), "admitted as user/owner");
}

TEST_F(GateTest, AnOperationWithoutAnActionIsAFault) {
    EXPECT_EQ(gate(true).enter({}, "", kOrigin).error().code(), Code::internal);
}

}  // namespace
}  // namespace insula::tenancy
