#include "core/keys/tenant_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "platform/crypto/hkdf.h"

namespace insula::keys {
namespace {

constexpr std::string_view kWrapPurpose = "insula tenant key 1";
constexpr std::string_view kFilesPurpose = "insula tenant key wraps data keys of files 1";
constexpr std::string_view kJournalPurpose = "insula tenant key seals a journal stream 1";

// What a tenant's key is bound to: the purpose, whose it is, which one it is.
std::string associated(const StoredTenantKey& stored) {
    ByteWriter writer;
    writer.put_bytes(as_bytes(kWrapPurpose));
    writer.put_bytes(std::as_bytes(std::span(stored.tenant.bytes)));
    writer.put(stored.id.value);
    return writer.take();
}

Error destroyed(const StoredTenantKey& stored) {
    return Error(Code::failed_precondition, "key_destroyed",
                 "The key that this data is sealed with was destroyed.")
        .with_detail(
            fmt::format("key {} of tenant {}", stored.id.value, stored.tenant.to_string()));
}

Result<crypto::SecretKey> unwrap(const RootKey& root, const StoredTenantKey& stored) {
    if (stored.destroyed()) return fail(destroyed(stored));
    if (stored.root != root.id()) {
        return fail(
            Error(Code::failed_precondition, "wrong_root_key",
                  "A tenant's key is wrapped under another root key than this.")
                .with_hint("Start with the root key that was used before.")
                .with_detail(fmt::format(
                    "key {} of tenant {} is under root key {:016x}, not {:016x}", stored.id.value,
                    stored.tenant.to_string(), stored.root.value, root.id().value)));
    }
    auto key =
        crypto::unwrap_key(root.wrapping_key(), stored.wrapped, as_bytes(associated(stored)));
    if (!key) {
        return fail(key.error().with_detail(
            fmt::format("key {} of tenant {}", stored.id.value, stored.tenant.to_string())));
    }
    return key;
}

}  // namespace

TenantKey::TenantKey(KeyId id, TenantId tenant, crypto::SecretKey key)
    : key_(std::move(key)),
      files_{.id = id, .tenant = tenant, .key = crypto::derive_key(key_, as_bytes(kFilesPurpose))} {
}

crypto::SecretKey TenantKey::journal_key(StreamId stream) const {
    ByteWriter info;
    info.put_bytes(as_bytes(kJournalPurpose));
    info.put(stream.value);
    return crypto::derive_key(key_, info.bytes());
}

StoredTenantKey make_tenant_key(const RootKey& root, const NewTenantKey& what, Random& random) {
    INSULA_CHECK(what.id && what.version > 0, "a key has an id and a version");
    StoredTenantKey stored{.id = what.id,
                           .tenant = what.tenant,
                           .version = what.version,
                           .created_at = what.created_at,
                           .root = root.id()};
    stored.wrapped = crypto::wrap_key(root.wrapping_key(), crypto::SecretKey::random(random),
                                      as_bytes(associated(stored)), random);
    return stored;
}

Result<std::shared_ptr<const TenantKey>> open_tenant_key(const RootKey& root,
                                                         const StoredTenantKey& stored) {
    ASSIGN_OR_RETURN(crypto::SecretKey key, unwrap(root, stored));
    return std::make_shared<const TenantKey>(stored.id, stored.tenant, std::move(key));
}

Result<StoredTenantKey> rewrap(const RootKey& from, const RootKey& to,
                               const StoredTenantKey& stored, Random& random) {
    if (stored.destroyed() || stored.root == to.id()) return stored;
    ASSIGN_OR_RETURN(const crypto::SecretKey key, unwrap(from, stored));
    StoredTenantKey wrapped = stored;
    wrapped.root = to.id();
    wrapped.wrapped =
        crypto::wrap_key(to.wrapping_key(), key, as_bytes(associated(stored)), random);
    return wrapped;
}

StoredTenantKey destroy(const StoredTenantKey& stored, WallNanos now) {
    if (stored.destroyed()) return stored;
    StoredTenantKey gone = stored;
    gone.destroyed_at = std::max<WallNanos>(now, 1);
    gone.root = {};
    gone.wrapped = {};
    return gone;
}

const StoredTenantKey* current_key(std::span<const StoredTenantKey> keys) {
    const auto newest = std::ranges::max_element(keys, {}, &StoredTenantKey::version);
    return newest == keys.end() || newest->destroyed() ? nullptr : &*newest;
}

uint32_t next_version(std::span<const StoredTenantKey> keys) {
    const auto newest = std::ranges::max_element(keys, {}, &StoredTenantKey::version);
    return newest == keys.end() ? 1 : newest->version + 1;
}

}  // namespace insula::keys
