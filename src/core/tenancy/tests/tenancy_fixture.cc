#include "core/tenancy/tests/tenancy_fixture.h"

namespace insula::tenancy {

using catalog::ChangeDirectory;

void TenancyFixture::SetUp() {
    auto opened = catalog::open_sqlite_catalog(fs_, clock_, "control.db");
    ASSERT_TRUE(opened) << opened.error().describe();
    catalog_ = *std::move(opened);
    ASSERT_TRUE(add_tenant(*catalog_, {.id = kFirst, .slug = "first", .name = "First"}));
    ASSERT_TRUE(add_tenant(*catalog_, {.id = kSecond, .slug = "second", .name = "Second"}));
    auto directory = Directory::open(*catalog_);
    ASSERT_TRUE(directory) << directory.error().describe();
    directory_ = *std::move(directory);
    tokens_ = *Tokens::open(*directory_, wrapping_, random_, clock_.wall_now());
    add_member(kFirst, "owner", {"owner"});
    add_member(kSecond, "owner", {"owner"});
    add_member(TenantId(), "root", {"administrator"});
    first_owner_ = add_key(kFirst, MemberKind::user, "owner");
    second_owner_ = add_key(kSecond, MemberKind::user, "owner");
    administrator_ = add_key(TenantId(), MemberKind::user, "root");
}

void TenancyFixture::reopen() {
    directory_.reset();
    ASSERT_TRUE(catalog_->close());
    auto opened = catalog::open_sqlite_catalog(fs_, clock_, "control.db");
    ASSERT_TRUE(opened) << opened.error().describe();
    catalog_ = *std::move(opened);
    auto directory = Directory::open(*catalog_);
    ASSERT_TRUE(directory) << directory.error().describe();
    directory_ = *std::move(directory);
    tokens_ = *Tokens::open(*directory_, wrapping_, random_, clock_.wall_now());
}

void TenancyFixture::put(const catalog::DirectoryEntry& entry) {
    const Status changed =
        directory_->change(entry.tenant, [&](const TenantView& view) -> Result<ChangeDirectory> {
            ChangeDirectory change;
            change.put.push_back({entry, view.revision(entry.kind, entry.name)});
            return change;
        });
    ASSERT_TRUE(changed) << changed.error().describe();
}

void TenancyFixture::remove(const TenantId& tenant, catalog::EntryKind kind,
                            const std::string& name) {
    const Status changed =
        directory_->change(tenant, [&](const TenantView&) -> Result<ChangeDirectory> {
            ChangeDirectory change;
            change.remove.push_back({tenant, kind, name});
            return change;
        });
    ASSERT_TRUE(changed) << changed.error().describe();
}

void TenancyFixture::add_member(const TenantId& tenant, const std::string& name,
                                std::vector<std::string> roles, std::vector<std::string> policies) {
    Member member;
    member.name = name;
    member.roles = std::move(roles);
    member.policies = std::move(policies);
    put(entry_of(tenant, member));
}

std::string TenancyFixture::add_key(const TenantId& tenant, MemberKind kind,
                                    const std::string& owner, WallNanos expires_at) {
    const NewKey made =
        make_key(random_, clock_.wall_now(),
                 {.owner_kind = kind, .owner = owner, .label = "", .expires_at = expires_at});
    put(entry_of(tenant, made.key));
    return made.secret;
}

void TenancyFixture::update_tenant(const TenantId& tenant,
                                   const std::function<void(catalog::Tenant&)>& update) {
    const Status changed =
        directory_->change(tenant, [&](const TenantView& view) -> Result<ChangeDirectory> {
            ChangeDirectory change;
            change.update_tenant = view.tenant();
            update(*change.update_tenant);
            return change;
        });
    ASSERT_TRUE(changed) << changed.error().describe();
}

}  // namespace insula::tenancy
