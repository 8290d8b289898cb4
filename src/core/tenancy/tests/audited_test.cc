// What administration leaves in the audit log.
#include <algorithm>

#include "core/audit/entry.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/first_start.h"
#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {
namespace {

class AuditedTest : public TenancyFixture {
  protected:
    Administration administration() { return {directory(), *tokens_, clock_, random_}; }
    Administration audited() {
        audit::Entry told;
        told.actor = "user/ann";
        told.action = "an:Action";
        told.decision = audit::kAllowed;
        return administration().audited(told);
    }
    Result<Actor> owner() {
        return gate().enter({.key = first_owner_, .tenant = {}}, "tenant:GetTenant", {});
    }
    std::vector<audit::Entry> told() {
        std::vector<audit::Entry> entries;
        const auto records = catalog().audit_records(100);
        EXPECT_TRUE(records);
        for (const catalog::AuditRecord& record : *records) {
            const auto entry = audit::decode(record.record);
            EXPECT_TRUE(entry);
            EXPECT_EQ(record.tenant, entry->tenant.value_or(TenantId()));
            EXPECT_EQ(record.id, entry->id);
            entries.push_back(*entry);
        }
        return entries;
    }
};

TEST_F(AuditedTest, AChangeIsToldWithWhatItIsAndWhose) {
    const auto actor = owner();
    ASSERT_TRUE(actor);
    const size_t before = told().size();
    ASSERT_TRUE(audited().add_member(*actor, MemberKind::user, "bob", {}));
    const auto entries = told();
    ASSERT_EQ(entries.size(), before + 1);
    const audit::Entry& entry = entries.back();
    EXPECT_EQ(entry.actor, "user/ann");
    EXPECT_EQ(entry.action, "an:Action");
    EXPECT_EQ(entry.tenant, kFirst);
    EXPECT_EQ(entry.time, clock_.wall_now());
    EXPECT_EQ(entry.changes, std::vector<std::string>{"add user/bob"});
}

TEST_F(AuditedTest, EachEntryHasAnIdOfItsOwn) {
    const auto actor = owner();
    ASSERT_TRUE(actor);
    Administration request = audited();
    ASSERT_TRUE(request.add_member(*actor, MemberKind::user, "bob", {}));
    ASSERT_TRUE(request.remove_member(*actor, MemberKind::user, "bob"));
    const auto entries = told();
    ASSERT_GE(entries.size(), 2u);
    EXPECT_NE(entries[entries.size() - 1].id, entries[entries.size() - 2].id);
    EXPECT_EQ(entries.back().changes, std::vector<std::string>{"remove user/bob"});
}

TEST_F(AuditedTest, ANewTenantAndItsStatusAreToldToItself) {
    const auto added =
        audited().add_tenant({.id = {}, .slug = "brand-new", .name = {}, .owner = {}});
    ASSERT_TRUE(added) << added.error().describe();
    audit::Entry entry = told().back();
    EXPECT_EQ(entry.tenant, added->tenant.id);
    ASSERT_GE(entry.changes.size(), 2u);
    EXPECT_EQ(entry.changes[0], "add tenant/brand-new");
    EXPECT_EQ(entry.changes[1], "add user/owner");
    for (const std::string& change : entry.changes) {
        EXPECT_EQ(change.find(added->owner_secret), std::string::npos);
    }
    TenantChanges suspend;
    suspend.status = catalog::TenantStatus::suspended;
    ASSERT_TRUE(audited().update_tenant("brand-new", suspend));
    entry = told().back();
    EXPECT_EQ(entry.tenant, added->tenant.id);
    EXPECT_EQ(entry.changes, std::vector<std::string>{"put tenant/brand-new: suspended"});
}

TEST_F(AuditedTest, WhatIsRefusedChangesAndTellsNothing) {
    const auto actor = owner();
    ASSERT_TRUE(actor);
    const size_t before = told().size();
    EXPECT_FALSE(audited().remove_member(*actor, MemberKind::user, "nobody"));
    EXPECT_EQ(told().size(), before);
}

TEST_F(AuditedTest, AResetOfTheAdministratorsKeyIsTold) {
    ASSERT_TRUE(reset_administrator_key(directory(), random_, clock_.wall_now()));
    const audit::Entry entry = told().back();
    EXPECT_EQ(entry.actor, "operator");
    EXPECT_EQ(entry.action, "node:ResetAdministratorKey");
    EXPECT_FALSE(entry.tenant);
    EXPECT_TRUE(std::ranges::any_of(
        entry.changes, [](const std::string& change) { return change.starts_with("add key/"); }));
}

}  // namespace
}  // namespace insula::tenancy
