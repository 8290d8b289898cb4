// A directory over a catalog on a simulated disk, with two tenants that have members.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/catalog/catalog.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/gate.h"
#include "core/tenancy/new_key.h"
#include "platform/fs/crash_file_system.h"
#include "platform/runtime/random.h"

namespace insula::tenancy {

class TenancyFixture : public ::testing::Test {
  protected:
    void SetUp() override;

    // Catalog and directory as after a restart.
    void reopen();
    Directory& directory() { return *directory_; }
    catalog::Catalog& catalog() { return *catalog_; }
    Gate gate(bool development = false) {
        return {{.development = development, .default_tenant = kFirst},
                directory(),
                *tokens_,
                meters_,
                clock_};
    }
    // Returns the secret.
    std::string add_key(const TenantId& tenant, MemberKind kind, const std::string& owner,
                        WallNanos expires_at = 0);
    void put(const catalog::DirectoryEntry& entry);
    void remove(const TenantId& tenant, catalog::EntryKind kind, const std::string& name);
    void add_member(const TenantId& tenant, const std::string& name, std::vector<std::string> roles,
                    std::vector<std::string> policies = {});
    void update_tenant(const TenantId& tenant, const std::function<void(catalog::Tenant&)>& update);

    static constexpr TenantId kFirst{{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 1}};
    static constexpr TenantId kSecond{{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 2}};

    CrashFileSystem fs_;
    ManualClock clock_;
    Meters meters_;
    SeededRandom random_{1};
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<Directory> directory_;
    crypto::SecretKey wrapping_ = crypto::SecretKey::random(random_);
    std::unique_ptr<Tokens> tokens_;
    std::string first_owner_;  // secrets of the owners' keys
    std::string second_owner_;
    std::string administrator_;
};

}  // namespace insula::tenancy
