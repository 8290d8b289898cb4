#include "core/keys/key_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace insula::keys {

KeyRing::KeyRing(std::vector<RootKey> roots, ReadStoredKey read, size_t keys_max)
    : roots_(std::move(roots)), read_(std::move(read)), keys_max_(keys_max) {
    INSULA_CHECK(!roots_.empty() && roots_.size() <= kRootKeysMax && keys_max_ > 0,
                 "a ring has root keys and room");
}

Result<std::shared_ptr<const TenantKey>> KeyRing::find(TenantId tenant, KeyId id) {
    uint64_t changes = 0;
    if (auto key = find_open(tenant, id, changes)) return key;
    ASSIGN_OR_RETURN(const std::optional<StoredTenantKey> stored, read_(tenant, id));
    // A key of another tenant is as little there as none: whose it is comes from the row.
    if (!stored || stored->id != id || stored->tenant != tenant) {
        return fail(
            Error(Code::failed_precondition, "key_missing",
                  "The key that this data is sealed with is not there.")
                .with_detail(fmt::format("key {} of tenant {}", id.value, tenant.to_string())));
    }
    ASSIGN_OR_RETURN(auto key, open(*stored));
    keep(key, changes);
    return key;
}

std::shared_ptr<const TenantKey> KeyRing::find_open(TenantId tenant, KeyId id, uint64_t& changes) {
    const std::lock_guard lock(mutex_);
    changes = changes_;
    const auto found = open_.find(id);
    if (found == open_.end() || found->second.key->tenant() != tenant) return nullptr;
    used_.splice(used_.begin(), used_, found->second.used);
    return found->second.key;
}

void KeyRing::keep(const std::shared_ptr<const TenantKey>& key, uint64_t changes) {
    std::shared_ptr<const TenantKey> oldest;  // wiped outside of the lock
    const std::lock_guard lock(mutex_);
    if (changes != changes_ || open_.contains(key->id())) return;
    if (open_.size() == keys_max_) {
        const auto last = open_.find(used_.back());
        oldest = std::move(last->second.key);
        open_.erase(last);
        used_.pop_back();
    }
    used_.push_front(key->id());
    open_.emplace(key->id(), Entry{key, used_.begin()});
}

crypto::FindSealKey KeyRing::file_keys() {
    return [this](TenantId tenant, KeyId id) -> Result<crypto::SharedSealKey> {
        ASSIGN_OR_RETURN(const auto key, find(tenant, id));
        return crypto::SharedSealKey(key, &key->files());
    };
}

const RootKey& KeyRing::root_of(const StoredTenantKey& stored) const {
    const auto found = std::ranges::find(roots_, stored.root, &RootKey::id);
    // With the newest one, opening says which root key is wanted.
    return found == roots_.end() ? roots_.front() : *found;
}

Result<std::shared_ptr<const TenantKey>> KeyRing::open(const StoredTenantKey& stored) const {
    return open_tenant_key(root_of(stored), stored);
}

StoredTenantKey KeyRing::make(const NewTenantKey& what, Random& random) const {
    return make_tenant_key(roots_.front(), what, random);
}

Result<StoredTenantKey> KeyRing::rewrap(const StoredTenantKey& stored, Random& random) const {
    return keys::rewrap(root_of(stored), roots_.front(), stored, random);
}

void KeyRing::forget(TenantId tenant) {
    std::vector<std::shared_ptr<const TenantKey>> forgotten;  // wiped outside of the lock
    const std::lock_guard lock(mutex_);
    ++changes_;
    for (auto at = open_.begin(); at != open_.end();) {
        if (at->second.key->tenant() != tenant) {
            ++at;
            continue;
        }
        forgotten.push_back(std::move(at->second.key));
        used_.erase(at->second.used);
        at = open_.erase(at);
    }
}

size_t KeyRing::open_keys() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
}

}  // namespace insula::keys
