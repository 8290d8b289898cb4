// KeyRing: opened tenants' keys, for all who seal and open. Keeps the ones used last, at most
// keys_max; what leaves it is wiped as soon as nobody uses it any longer.
//
// Threads: thread-safe. Must outlive what file_keys() gave. The catalog stays the truth: a row that
// changes there (destroyed, wrapped anew) is followed by forget().
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "core/keys/tenant_key.h"

namespace insula::keys {

inline constexpr size_t kOpenKeysMax = 16'384;  // about 300 bytes each
inline constexpr size_t kRootKeysMax = 4;

// The row of a key, from the catalog; none if there never was one. Thread-safe.
using ReadStoredKey = std::function<Result<std::optional<StoredTenantKey>>(TenantId, KeyId)>;

class KeyRing {
  public:
    // The first of `roots` wraps what is new; the others, at most kRootKeysMax together, are those
    // of before, for as long as a rotation of the root key goes on.
    KeyRing(std::vector<RootKey> roots, ReadStoredKey read, size_t keys_max = kOpenKeysMax);

    // failed_precondition `key_missing` if there is no such key, and as open_tenant_key(); whatever
    // reading the row fails with. A key whose row is destroyed meanwhile may still be given, as to
    // a caller that came before.
    Result<std::shared_ptr<const TenantKey>> find(TenantId tenant, KeyId id);
    // The same for blob files.
    crypto::FindSealKey file_keys();

    // A new key, to be stored before it is used.
    StoredTenantKey make(const NewTenantKey& what, Random& random) const;
    // The row under the newest root key; equal to `stored` where it is so already.
    Result<StoredTenantKey> rewrap(const StoredTenantKey& stored, Random& random) const;

    // After the tenant's rows were changed: later calls of find() read them again.
    void forget(TenantId tenant);
    size_t open_keys() const;

  private:
    struct Entry {
        std::shared_ptr<const TenantKey> key;
        std::list<KeyId>::iterator used;
    };
    std::shared_ptr<const TenantKey> find_open(TenantId tenant, KeyId id, uint64_t& changes);
    Result<std::shared_ptr<const TenantKey>> open(const StoredTenantKey& stored) const;
    const RootKey& root_of(const StoredTenantKey& stored) const;
    void keep(const std::shared_ptr<const TenantKey>& key, uint64_t changes);

    const std::vector<RootKey> roots_;
    const ReadStoredKey read_;
    const size_t keys_max_;

    mutable std::mutex mutex_;
    std::list<KeyId> used_;  // the one used last in front
    std::unordered_map<KeyId, Entry> open_;
    // Counts forget(): what was read before one is not kept after it.
    uint64_t changes_ = 0;
};

}  // namespace insula::keys
