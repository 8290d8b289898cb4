#include "core/tenancy/directory.h"

#include <gtest/gtest.h>

#include "core/catalog/tests/forwarding_catalog.h"
#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {
namespace {

using catalog::ChangeDirectory;
using catalog::Tenant;
using catalog::TenantStatus;

// Carries changes out, or does not, and says that it does not know; on request it reads nothing.
class UncertainCatalog final : public catalog::ForwardingCatalog {
  public:
    using ForwardingCatalog::ForwardingCatalog;
    Result<uint64_t> change_directory(const ChangeDirectory& command) override {
        if (!uncertain) return ForwardingCatalog::change_directory(command);
        if (carries_out) EXPECT_TRUE(ForwardingCatalog::change_directory(command));
        return fail(unavailable(catalog::kOutcomeUnknownReason, "Nobody knows."));
    }
    Result<std::vector<Tenant>> tenants() override {
        if (silent) return fail(unavailable("catalog_unavailable", "It is away."));
        return ForwardingCatalog::tenants();
    }
    bool uncertain = false;
    bool carries_out = false;
    bool silent = false;
};

class DirectoryTest : public TenancyFixture {
  protected:
    void SetUp() override {
        TenancyFixture::SetUp();
        directory_.reset();
        auto uncertain = std::make_unique<UncertainCatalog>(std::move(catalog_));
        uncertain_ = uncertain.get();
        catalog_ = std::move(uncertain);
        directory_ = *Directory::open(*catalog_);
    }
    Status suspend(const TenantId& id) {
        return directory().change(id, [](const TenantView& view) -> Result<ChangeDirectory> {
            ChangeDirectory change;
            change.update_tenant = view.tenant();
            change.update_tenant->status = TenantStatus::suspended;
            return change;
        });
    }
    UncertainCatalog* uncertain_ = nullptr;
};

TEST_F(DirectoryTest, TenantsAreFoundByIdAndBySlug) {
    EXPECT_EQ(directory().find("first")->id, kFirst);
    EXPECT_EQ(directory().find(kFirst.to_string())->slug, "first");
    EXPECT_EQ(directory().find("third"), std::nullopt);
    EXPECT_EQ(directory().find(""), std::nullopt);
    EXPECT_EQ(directory().tenants().size(), 2u);
    EXPECT_EQ(directory().view(TenantId{{9}}).error().reason(), "unknown_tenant");
}

TEST_F(DirectoryTest, AChangeShowsAtOnceAndARequestKeepsTheViewThatItBeganWith) {
    const TenantViewPtr before = directory().view(kFirst).value();
    add_member(kFirst, "ann", {"reader"});
    EXPECT_EQ(before->member(MemberKind::user, "ann"), nullptr);
    EXPECT_NE(directory().view(kFirst).value()->member(MemberKind::user, "ann"), nullptr);
    update_tenant(kFirst, [](Tenant& tenant) { tenant.slug = "renamed"; });
    EXPECT_EQ(directory().find("first"), std::nullopt);
    EXPECT_EQ(directory().find("renamed")->id, kFirst);
    EXPECT_EQ(directory().view(kFirst).value()->tenant().slug, "renamed");
}

TEST_F(DirectoryTest, AChangeThatTheCatalogRefusesChangesNothing) {
    const Status refused =
        directory().change(kFirst, [&](const TenantView& view) -> Result<ChangeDirectory> {
            ChangeDirectory change;
            change.update_tenant = view.tenant();
            change.update_tenant->slug = "second";
            return change;
        });
    EXPECT_EQ(refused.error().reason(), "tenant_exists");
    EXPECT_EQ(directory().find("second")->id, kSecond);
    EXPECT_EQ(directory().find("first")->id, kFirst);
}

TEST_F(DirectoryTest, WhatBecameOfAChangeInDoubtIsReadAgain) {
    uncertain_->uncertain = true;
    for (const bool carried_out : {false, true}) {
        uncertain_->carries_out = carried_out;
        EXPECT_EQ(suspend(kFirst).error().reason(), catalog::kOutcomeUnknownReason);
        EXPECT_EQ(directory().find(kFirst)->status,
                  carried_out ? TenantStatus::suspended : TenantStatus::active);
        EXPECT_EQ(directory().view(kFirst).value()->tenant().status,
                  carried_out ? TenantStatus::suspended : TenantStatus::active);
    }
}

TEST_F(DirectoryTest, ATenantOfWhomNothingIsKnownIsNotThereUntilItIsReadAgain) {
    uncertain_->uncertain = true;
    uncertain_->carries_out = true;
    uncertain_->silent = true;
    EXPECT_FALSE(suspend(kFirst));
    EXPECT_EQ(directory().find(kFirst), std::nullopt) << "it may be suspended";
    EXPECT_EQ(directory().find("second")->status, TenantStatus::active);
    EXPECT_FALSE(directory().view(kFirst));
    uncertain_->silent = false;
    EXPECT_EQ(directory().view(kFirst).value()->tenant().status, TenantStatus::suspended);
    EXPECT_EQ(directory().find("first")->status, TenantStatus::suspended);
}

TEST_F(DirectoryTest, AKeyIsFoundByItsHashWhateverIsInMemory) {
    const std::string hash = directory().view(kFirst).value()->keys().at(0)->hash;
    EXPECT_EQ(directory().owner_in_memory(hash), std::nullopt);
    const auto owner = directory().owner(hash);
    ASSERT_TRUE(owner && *owner);
    EXPECT_EQ((*owner)->member->name, "owner");
    EXPECT_EQ((*owner)->view->tenant().id, kFirst);
    EXPECT_NE(directory().owner_in_memory(hash), std::nullopt);
    EXPECT_EQ(directory().owner(std::string(32, 'x')).value(), std::nullopt);
    remove(kFirst, catalog::EntryKind::api_key, (*owner)->key->id);
    EXPECT_EQ(directory().owner_in_memory(hash), std::nullopt);
    EXPECT_EQ(directory().owner(hash).value(), std::nullopt);
}

TEST_F(DirectoryTest, AStoredValueThatIsDamagedIsSaidToBe) {
    catalog::DirectoryEntry entry{.tenant = kFirst, .kind = catalog::EntryKind::user};
    for (const std::string value : {"", "[]", "{\"roles\": 1}", "{\"unknown\": true}", "{"}) {
        entry.name = "damaged";
        entry.value = value;
        EXPECT_EQ(TenantView::make(Tenant{.id = kFirst}, {&entry, 1}).error().code(),
                  Code::data_loss)
            << value;
    }
    entry.kind = catalog::EntryKind::policy;
    entry.value = R"({"document": "{}"})";
    EXPECT_EQ(TenantView::make(Tenant{.id = kFirst}, {&entry, 1}).error().code(), Code::data_loss);
}

}  // namespace
}  // namespace insula::tenancy
