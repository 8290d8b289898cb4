// Gate: the one place where a request of any protocol becomes an identity with a tenant and a
// right. Every operation names its action and resource where it is defined; nothing is allowed by
// default. Thread-safe.
//
// Until tenancy with roles and policies lands there is one credential, the administrator's key, and
// in development mode requests without any credential act as the developer of the default tenant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "core/catalog/catalog.h"
#include "core/tenancy/request_context.h"
#include "platform/runtime/random.h"

namespace insula::tenancy {

// What an operation needs: an action of one namespace ("tables:Write") on a resource
// ("source/sales").
struct Permission {
    std::string_view action;
    std::string resource;
};

// What came with the request, unverified.
struct Credential {
    std::optional<std::string_view> key;  // from "Authorization: Bearer …" or "X-Api-Key: …"
    std::optional<std::string_view>
        tenant;  // from "X-Tenant-Id": an id or a slug; chooses, never grants
};

struct Admission {
    std::string principal;
    TenantId tenant;
    std::string tenant_slug;
    WallNanos tenant_created_at = 0;
};

struct GateOptions {
    bool development = false;
    catalog::Tenant default_tenant;
};

class Gate {
  public:
    // `key_hash` is the hexadecimal SHA-256 of the administrator's key.
    Gate(GateOptions options, std::string key_hash);

    // unauthenticated for a missing or wrong key; permission_denied where the credential may not
    // act for the tenant, whether there is such a tenant or not; invalid_argument
    // `malformed_tenant_id` for one that is written like an id and is none.
    Result<Admission> admit(const Credential& credential, const Permission& permission) const;
    bool development() const { return options_.development; }

  private:
    const GateOptions options_;
    const std::string key_hash_;
};

// The administrator's key, of which only the hash is stored. `created` holds the key itself where
// it is new: it is to be shown before it is stored, or it is lost to whoever should have it.
struct AdministratorKey {
    std::string hash;
    std::optional<std::string> created;
};
AdministratorKey make_administrator_key(Random& random);
// The stored one; where there is none a new one, which is not stored yet.
Result<AdministratorKey> find_administrator_key(catalog::Catalog& catalog, Random& random);
// In the place of the one before, if there was one.
Status store_administrator_key(catalog::Catalog& catalog, const AdministratorKey& key);

}  // namespace insula::tenancy
