#include "core/tenancy/gate.h"

#include "platform/crypto/hash.h"
#include "platform/crypto/token.h"

namespace insula::tenancy {

namespace {

constexpr std::string_view kKeyHashSetting = "administrator_key_sha256";
constexpr std::string_view kKeyPrefix = "insula_";

}  // namespace

Gate::Gate(GateOptions options, std::string key_hash)
    : options_(std::move(options)), key_hash_(std::move(key_hash)) {}

Result<Admission> Gate::admit(const Credential& credential, const Permission& permission) const {
    Admission admission{.principal = "developer",
                        .tenant = options_.default_tenant.id,
                        .tenant_slug = options_.default_tenant.slug};
    if (credential.key) {
        const std::string hash = crypto::hex_encode(crypto::sha256(as_bytes(*credential.key)));
        if (!crypto::equal_in_constant_time(as_bytes(hash), as_bytes(key_hash_))) {
            return fail(Error(Code::unauthenticated, "unauthenticated", "The key is not valid."));
        }
        admission.principal = "administrator";
    } else if (!options_.development) {
        return fail(
            Error(Code::unauthenticated, "unauthenticated", "The request has no credential.")
                .with_hint("Send the administrator's key as \"Authorization: Bearer …\"; it was "
                           "shown at the first start."));
    }
    // Both principals may do everything in their tenant; the permission is part of the call so that
    // no operation can be defined without one.
    if (permission.action.empty()) {
        return fail(internal_error("an operation without an action was asked for"));
    }
    if (credential.tenant && *credential.tenant != admission.tenant_slug &&
        *credential.tenant != admission.tenant.to_string()) {
        return fail(Error(Code::permission_denied, "tenant_not_allowed",
                          "The credential may not act for this tenant."));
    }
    return admission;
}

Result<AdministratorKey> load_administrator_key(catalog::Catalog& catalog, Random& random) {
    ASSIGN_OR_RETURN(auto stored, catalog.setting(kKeyHashSetting));
    if (stored) return AdministratorKey{.hash = *std::move(stored), .created = std::nullopt};
    AdministratorKey key;
    key.created = crypto::make_token(random, kKeyPrefix);
    key.hash = crypto::hex_encode(crypto::sha256(as_bytes(*key.created)));
    RETURN_IF_ERROR(catalog.put_setting(kKeyHashSetting, key.hash));
    return key;
}

}  // namespace insula::tenancy
