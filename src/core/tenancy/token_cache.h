// TokenCache: verified tokens, so that a signature is checked once and not with every request.
// Keeps the tokens used last, by their SHA-256. A token that is found counts only while its time
// and its key's last, and the keys are the same. What revokes it stands in the tenant's view, and
// is asked there with every request. Tokens that are refused are not kept.
//
// Thread-safe: shards, each under a lock that is held for a look-up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "core/tenancy/token.h"
#include "platform/crypto/hash.h"

namespace insula::tenancy {

inline constexpr size_t kCachedTokensMax = 32'768;  // about 1 KiB each

using SharedTokenKeys = std::shared_ptr<const TokenKeys>;
using SharedClaims = std::shared_ptr<const TokenClaims>;

class TokenCache {
  public:
    // `tokens_max` at least kShards; each shard has an equal part of it.
    TokenCache(TokenExpectations expected, SharedTokenKeys keys,
               size_t tokens_max = kCachedTokensMax);

    // As verify_token().
    Result<SharedClaims> verify(std::string_view token, WallNanos now);
    // From the moment that it returns, only signatures of these keys count.
    void set_keys(SharedTokenKeys keys);
    size_t size() const;

    static constexpr size_t kShards = 64;

  private:
    struct DigestHash {
        size_t operator()(const crypto::Sha256Digest& digest) const {
            size_t hash;
            std::memcpy(&hash, digest.data(), sizeof hash);
            return hash;
        }
    };
    struct Entry {
        SharedClaims claims;
        WallNanos valid_from = 0;
        WallNanos valid_until = 0;
        uint64_t keys_version = 0;
        std::list<crypto::Sha256Digest>::iterator used;
    };
    struct Shard {
        mutable std::mutex mutex;
        std::unordered_map<crypto::Sha256Digest, Entry, DigestHash> entries;
        std::list<crypto::Sha256Digest> used;  // the one used last in front
        void erase(decltype(entries)::iterator entry);
    };
    Shard& shard_of(const crypto::Sha256Digest& digest);
    SharedClaims find(const crypto::Sha256Digest& digest, WallNanos now);
    bool counts(const Entry& entry, WallNanos now) const;
    void keep(const crypto::Sha256Digest& digest, Entry entry);

    const TokenExpectations expected_;
    const size_t shard_tokens_max_;

    mutable std::mutex keys_mutex_;
    SharedTokenKeys keys_;
    std::atomic<uint64_t> keys_version_ = 1;  // changes with keys_, under the lock

    std::array<Shard, kShards> shards_;
};

}  // namespace insula::tenancy
