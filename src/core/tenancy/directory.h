// Directory: all tenants of the catalog, and those tenants' members that are in use, in memory; and
// the one way to change them. Thread-safe.
//
// The rows of all tenants are in memory (about 0.5 KiB each); what belongs to a tenant is read when
// it is first asked for, and kept for the kViewsMax tenants used last. Calls that say so may ask
// the catalog, and so block; none of the others does.
//
// A change is visible to every request that begins after it has returned.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/string_hash.h"
#include "core/catalog/catalog.h"
#include "core/policy/ip_range.h"
#include "core/tenancy/tenant_view.h"

namespace insula::tenancy {

inline constexpr size_t kViewsMax = 4096;
inline constexpr size_t kKnownKeysMax = 65'536;
inline constexpr size_t kTenantsMax = 100'000;

using NetworksPtr = std::shared_ptr<const std::vector<policy::IpRange>>;

// Whom a key belongs to, as of the view.
struct KeyOwner {
    TenantViewPtr view;
    const ApiKey* key = nullptr;
    const Member* member = nullptr;
};

class Directory {
  public:
    // `catalog` must outlive it. Reads the tenants' rows, and the plans. `defaults`: the limits of
    // tenants that have none of their own or of a plan.
    static Result<std::unique_ptr<Directory>> open(catalog::Catalog& catalog,
                                                   const Limits& defaults = {});

    std::vector<catalog::Tenant> tenants() const;  // by slug
    std::optional<catalog::Tenant> find(const TenantId& id) const;
    // By id or slug.
    std::optional<catalog::Tenant> find(std::string_view name) const;

    // What the tenant may use, with what its plan and the server say. The platform, and a tenant
    // that there is not, have no limits. Never null.
    LimitsPtr limits(const TenantId& id) const;
    // Where its requests have to come from; null: from anywhere.
    NetworksPtr networks(const TenantId& id) const;
    // Its own alone.
    TenantProfile profile(const TenantId& id) const;
    bool has_plan(std::string_view plan) const;
    bool is_plan_in_use(std::string_view plan) const;

    // nullptr: not in memory.
    TenantViewPtr view_in_memory(const TenantId& id) const;
    // May ask the catalog. not_found `unknown_tenant`. The nil id is the platform's.
    Result<TenantViewPtr> view(const TenantId& id);

    // The owner of the key with this SHA-256, whether or not it may still be used; nullopt: not in
    // memory.
    std::optional<KeyOwner> owner_in_memory(std::string_view key_hash) const;
    // May ask the catalog; nullopt: nobody's.
    Result<std::optional<KeyOwner>> owner(std::string_view key_hash);

    // Carries out what `make` derives from the tenant's view (the nil id: from the platform's); one
    // change at a time, so that nothing changes in between. `make` asks nothing of the directory
    // that may ask the catalog. After kOutcomeUnknownReason the change may be there.
    using MakeChange = std::function<Result<catalog::ChangeDirectory>(const TenantView& view)>;
    Status change(const TenantId& id, const MakeChange& make);

  private:
    // A tenant's row, as it is used.
    struct Row {
        catalog::Tenant tenant;
        TenantProfile profile;
        LimitsPtr limits;
        NetworksPtr networks;
    };
    using Plans = std::map<std::string, Limits, std::less<>>;

    Directory(catalog::Catalog& catalog, const Limits& defaults)
        : catalog_(catalog), defaults_(defaults) {}
    Status read_tenants();
    Result<TenantViewPtr> load(const TenantId& id);
    void keep(const TenantViewPtr& view);
    void keep_owner(std::string_view key_hash, const TenantId& tenant);
    static std::optional<KeyOwner> owner_in(TenantViewPtr view, std::string_view key_hash);
    // What `change`, which was carried out, has changed.
    void apply(const catalog::ChangeDirectory& change, uint64_t revision);
    // Nothing is known any longer of what `change` may have changed.
    void forget(const catalog::ChangeDirectory& change);
    Status put_row(catalog::Tenant tenant);
    void put_changed_row(catalog::Tenant tenant);
    void erase_row(const TenantId& id);
    // What `change` makes of the plans.
    void change_plans(const catalog::ChangeDirectory& change);
    LimitsPtr limits_of(const TenantProfile& profile) const;

    catalog::Catalog& catalog_;
    const Limits defaults_;
    std::mutex changing_;         // held before mutex_
    bool rows_in_doubt_ = false;  // guarded by changing_: some were forgotten
    mutable std::shared_mutex mutex_;
    std::map<TenantId, Row> tenants_;
    Plans plans_;
    std::map<std::string, TenantId, std::less<>> slugs_;
    std::unordered_map<TenantId, TenantViewPtr> views_;
    std::unordered_map<std::string, TenantId, StringHash, std::equal_to<>> key_tenants_;
};

}  // namespace insula::tenancy
