// A tenant's keys: random, in versions, stored wrapped under the root key. Pure functions over
// values; whoever owns the catalog stores them (docs/formats/keys.md says what always holds).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/ids.h"
#include "base/result.h"
#include "core/keys/root_key.h"
#include "platform/crypto/key_wrap.h"
#include "platform/crypto/seal_key.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"

namespace insula::keys {

using crypto::KeyId;

// As the catalog has it. A destroyed key stays, without its content, so that what it sealed can be
// told from what was lost.
struct StoredTenantKey {
    KeyId id;  // of all tenants' keys, never used twice
    TenantId tenant;
    uint32_t version = 0;  // of this tenant: 1, 2, …
    WallNanos created_at = 0;
    WallNanos destroyed_at = 0;  // 0: it is not
    RootKeyId root;              // what wraps it
    crypto::WrappedKey wrapped{};
    bool operator==(const StoredTenantKey&) const = default;
    bool destroyed() const { return destroyed_at != 0; }
};

// An opened key, in use. Immutable, thread-safe; its secrets are wiped with it.
class TenantKey {
  public:
    TenantKey(KeyId id, TenantId tenant, crypto::SecretKey key);

    KeyId id() const { return files_.id; }
    TenantId tenant() const { return files_.tenant; }
    // Wraps the data keys of blob files.
    const crypto::SealKey& files() const { return files_; }
    // Seals this tenant's records of one journal stream. A stream is written by one start of one
    // node, and its positions never come back: they may be nonces, also behind a torn tail.
    crypto::SecretKey journal_key(StreamId stream) const;

  private:
    crypto::SecretKey key_;
    crypto::SealKey files_;
};

struct NewTenantKey {
    KeyId id;
    TenantId tenant;
    uint32_t version = 1;
    WallNanos created_at = 0;
};
StoredTenantKey make_tenant_key(const RootKey& root, const NewTenantKey& what, Random& random);

// failed_precondition `key_destroyed`, or `wrong_root_key` where another root key wraps it;
// data_loss where the row is not as it was stored.
Result<std::shared_ptr<const TenantKey>> open_tenant_key(const RootKey& root,
                                                         const StoredTenantKey& stored);

// The same key under `to`; what `to` wraps already, and what is destroyed, as it is. So a rotation
// of the root key goes over all rows, and may be begun again after it stopped anywhere.
Result<StoredTenantKey> rewrap(const RootKey& from, const RootKey& to,
                               const StoredTenantKey& stored, Random& random);

// The row of which nothing can be opened any longer.
StoredTenantKey destroy(const StoredTenantKey& stored, WallNanos now);

// Of one tenant's keys the one that seals what is new: the highest version, unless it is destroyed.
// nullptr where there is none.
const StoredTenantKey* current_key(std::span<const StoredTenantKey> keys);
// For the next make_tenant_key().
uint32_t next_version(std::span<const StoredTenantKey> keys);

}  // namespace insula::keys
