#include "core/tenancy/token_cache.h"

#include <utility>

#include "base/check.h"

namespace insula::tenancy {

TokenCache::TokenCache(TokenExpectations expected, SharedTokenKeys keys, size_t tokens_max)
    : expected_(std::move(expected)),
      shard_tokens_max_(tokens_max / kShards),
      keys_(std::move(keys)) {
    INSULA_CHECK(shard_tokens_max_ > 0 && keys_ != nullptr, "a cache has room and keys");
}

Result<SharedClaims> TokenCache::verify(std::string_view token, WallNanos now) {
    if (token.size() > kTokenBytesMax) return fail(token_refused(TokenFault::too_large));
    const crypto::Sha256Digest digest = crypto::sha256(as_bytes(token));
    if (SharedClaims known = find(digest, now)) return known;

    // Before the keys are used, so that a change meanwhile is seen next time.
    Entry entry;
    SharedTokenKeys keys;
    {
        const std::lock_guard lock(keys_mutex_);
        keys = keys_;
        entry.keys_version = keys_version_.load(std::memory_order_relaxed);
    }
    ASSIGN_OR_RETURN(VerifiedToken verified, verify_token(token, *keys, expected_, now));
    entry.valid_from = verified.valid_from;
    entry.valid_until = verified.valid_until;
    entry.claims = std::make_shared<const TokenClaims>(std::move(verified.claims));
    SharedClaims claims = entry.claims;
    keep(digest, std::move(entry));
    return claims;
}

void TokenCache::set_keys(SharedTokenKeys keys) {
    INSULA_CHECK(keys != nullptr, "a cache has keys");
    const std::lock_guard lock(keys_mutex_);
    keys_ = std::move(keys);
    keys_version_.fetch_add(1, std::memory_order_release);
}

TokenCache::Shard& TokenCache::shard_of(const crypto::Sha256Digest& digest) {
    // Not of the bytes that the map takes.
    return shards_[std::to_integer<size_t>(digest.back()) % kShards];
}

SharedClaims TokenCache::find(const crypto::Sha256Digest& digest, WallNanos now) {
    Shard& shard = shard_of(digest);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(digest);
    if (found == shard.entries.end()) return nullptr;
    if (!counts(found->second, now)) {
        // Verified anew, which says what is wrong.
        shard.erase(found);
        return nullptr;
    }
    shard.used.splice(shard.used.begin(), shard.used, found->second.used);
    return found->second.claims;
}

bool TokenCache::counts(const Entry& entry, WallNanos now) const {
    if (now < entry.valid_from || now >= entry.valid_until) return false;
    return entry.keys_version == keys_version_.load(std::memory_order_acquire);
}

void TokenCache::keep(const crypto::Sha256Digest& digest, Entry entry) {
    Shard& shard = shard_of(digest);
    const std::lock_guard lock(shard.mutex);
    // Another request may have been faster; the newer entry was asked about later.
    if (const auto known = shard.entries.find(digest); known != shard.entries.end()) {
        shard.erase(known);
    }
    if (shard.entries.size() == shard_tokens_max_) {
        shard.erase(shard.entries.find(shard.used.back()));
    }
    shard.used.push_front(digest);
    entry.used = shard.used.begin();
    shard.entries.emplace(digest, std::move(entry));
}

void TokenCache::Shard::erase(decltype(entries)::iterator entry) {
    used.erase(entry->second.used);
    entries.erase(entry);
}

size_t TokenCache::size() const {
    size_t count = 0;
    for (const Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        count += shard.entries.size();
    }
    return count;
}

}  // namespace insula::tenancy
