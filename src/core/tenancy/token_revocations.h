// TokenRevocations: which tokens no longer count though they are not over. One token by its id, all
// that a subject had, all that a tenant had. In memory; the catalog has the truth, and a start
// repeats it here.
//
// A mark goes when no token can be left that it concerns. Revocations of a subject or tenant
// concern what was issued up to kTokenSkewSeconds after them, because clocks of issuers may be
// ahead: so a subject's new tokens count after so many seconds.
//
// Thread-safe. A call of revoke_*() that returned is seen by every call that begins later.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"
#include "base/string_hash.h"
#include "core/tenancy/token.h"
#include "platform/runtime/clock.h"

namespace insula::tenancy {

// Of tokens and subjects. One mark more revokes all of the tenant's, which is never refused.
inline constexpr size_t kRevocationsOfTenantMax = 10'000;
inline constexpr size_t kRevocationsMax = 200'000;  // about 150 bytes each

class TokenRevocations {
  public:
    // resource_exhausted `too_many_revocations` where the limits are reached.
    Status revoke_token(TenantId tenant, std::string_view token_id, WallNanos now);
    Status revoke_subject(TenantId tenant, std::string_view subject, WallNanos now);
    void revoke_tenant(TenantId tenant, WallNanos now);

    bool is_revoked(const TokenClaims& claims) const;
    // Changes with every revocation: what was asked before at the same one needs not be asked
    // again. To be read before is_revoked() is asked.
    uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

    // Drops what concerns no token any longer. Also done where room is needed.
    void forget_expired(WallNanos now);
    size_t size() const;

  private:
    struct Mark {
        int64_t issued_until = 0;  // concerns tokens issued up to then
        int64_t forget_at = 0;     // seconds since 1970
    };
    using Marks = std::unordered_map<std::string, Mark, StringHash, std::equal_to<>>;
    struct OfTenant {
        Marks tokens;
        Marks subjects;
        std::optional<Mark> all;
        size_t size() const { return tokens.size() + subjects.size(); }
    };
    Status revoke(TenantId tenant, Marks OfTenant::* kind, std::string_view name, WallNanos now);
    void forget_expired_locked(int64_t now_seconds);
    void changed() { epoch_.fetch_add(1, std::memory_order_release); }

    mutable std::shared_mutex mutex_;
    std::unordered_map<TenantId, OfTenant> tenants_;
    size_t marks_ = 0;  // of tokens and subjects
    int64_t next_forget_ = 0;
    std::atomic<uint64_t> epoch_ = 1;
};

}  // namespace insula::tenancy
