#include "core/tenancy/gate.h"

#include "platform/crypto/hash.h"
#include "platform/crypto/token.h"

namespace insula::tenancy {

namespace {

constexpr std::string_view kKeyHashSetting = "administrator_key_sha256";
constexpr std::string_view kKeyPrefix = "insula_";

// Five groups with the lengths of a UUID's.
bool is_written_like_an_id(std::string_view text) {
    constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != kShape.size()) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        if ((text[i] == '-') != (kShape[i] == '-')) return false;
    }
    return true;
}

}  // namespace

Gate::Gate(GateOptions options, std::string key_hash)
    : options_(std::move(options)), key_hash_(std::move(key_hash)) {}

Result<Admission> Gate::admit(const Credential& credential, const Permission& permission) const {
    Admission admission{.principal = "developer",
                        .tenant = options_.default_tenant.id,
                        .tenant_slug = options_.default_tenant.slug,
                        .tenant_created_at = options_.default_tenant.created_at};
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
    if (!credential.tenant || *credential.tenant == admission.tenant_slug) return admission;
    const auto id = TenantId::parse(*credential.tenant);
    if (!id && is_written_like_an_id(*credential.tenant)) return fail(id.error());
    if (id && *id == admission.tenant) return admission;
    return fail(Error(Code::permission_denied, "tenant_not_allowed",
                      "The credential may not act for this tenant."));
}

AdministratorKey make_administrator_key(Random& random) {
    AdministratorKey key;
    key.created = crypto::make_token(random, kKeyPrefix);
    key.hash = crypto::hex_encode(crypto::sha256(as_bytes(*key.created)));
    return key;
}

Result<AdministratorKey> find_administrator_key(catalog::Catalog& catalog, Random& random) {
    ASSIGN_OR_RETURN(auto stored, catalog.setting(kKeyHashSetting));
    if (!stored) return make_administrator_key(random);
    return AdministratorKey{.hash = *std::move(stored), .created = std::nullopt};
}

Status store_administrator_key(catalog::Catalog& catalog, const AdministratorKey& key) {
    return catalog.put_setting(kKeyHashSetting, key.hash);
}

}  // namespace insula::tenancy
