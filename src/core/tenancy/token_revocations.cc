#include "core/tenancy/token_revocations.h"

#include <fmt/format.h>

#include <mutex>

namespace insula::tenancy {
namespace {

// While there is no room: looking for some goes over all marks.
constexpr int64_t kForgetEverySeconds = 10;

int64_t seconds_of(WallNanos now) { return now / 1'000'000'000; }

}  // namespace

Status TokenRevocations::revoke_token(TenantId tenant, std::string_view token_id, WallNanos now) {
    return revoke(tenant, &OfTenant::tokens, token_id, now);
}

Status TokenRevocations::revoke_subject(TenantId tenant, std::string_view subject, WallNanos now) {
    return revoke(tenant, &OfTenant::subjects, subject, now);
}

Status TokenRevocations::revoke(TenantId tenant, Marks OfTenant::* kind, std::string_view name,
                                WallNanos now) {
    const int64_t seconds = seconds_of(now);
    const int64_t concerned = seconds + kTokenSkewSeconds;
    const Mark mark{.issued_until = concerned,
                    .forget_at = concerned + kTokenLifetimeSecondsMax + kTokenSkewSeconds};
    const std::unique_lock lock(mutex_);
    const auto full = [&] {
        const auto found = tenants_.find(tenant);
        return marks_ >= kRevocationsMax ||
               (found != tenants_.end() && found->second.size() >= kRevocationsOfTenantMax);
    };
    if (full() && seconds >= next_forget_) {
        forget_expired_locked(seconds);
        next_forget_ = seconds + kForgetEverySeconds;
    }
    Marks& marks = tenants_[tenant].*kind;
    if (const auto known = marks.find(name); known != marks.end()) {
        known->second = mark;
    } else if (full()) {
        return fail(Error(Code::resource_exhausted, "too_many_revocations",
                          fmt::format("More than {} tokens and subjects of a tenant, or {} of all "
                                      "tenants, are revoked.",
                                      kRevocationsOfTenantMax, kRevocationsMax))
                        .with_hint("Revoke all tokens of the tenant, or retire their key."));
    } else {
        marks.emplace(name, mark);
        ++marks_;
    }
    changed();
    return {};
}

void TokenRevocations::revoke_tenant(TenantId tenant, WallNanos now) {
    const int64_t concerned = seconds_of(now) + kTokenSkewSeconds;
    const std::unique_lock lock(mutex_);
    OfTenant& of_tenant = tenants_[tenant];
    of_tenant.all = Mark{.issued_until = concerned,
                         .forget_at = concerned + kTokenLifetimeSecondsMax + kTokenSkewSeconds};
    changed();
}

bool TokenRevocations::is_revoked(const TokenClaims& claims) const {
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(claims.tenant);
    if (found == tenants_.end()) return false;
    const OfTenant& of_tenant = found->second;
    // By its id whenever it says that it was issued.
    if (of_tenant.tokens.contains(claims.id)) return true;
    if (of_tenant.all && claims.issued_at <= of_tenant.all->issued_until) return true;
    const auto subject = of_tenant.subjects.find(claims.subject);
    return subject != of_tenant.subjects.end() && claims.issued_at <= subject->second.issued_until;
}

void TokenRevocations::forget_expired(WallNanos now) {
    const std::unique_lock lock(mutex_);
    forget_expired_locked(seconds_of(now));
}

void TokenRevocations::forget_expired_locked(int64_t now_seconds) {
    const auto over = [&](const auto& entry) { return entry.second.forget_at <= now_seconds; };
    for (auto at = tenants_.begin(); at != tenants_.end();) {
        OfTenant& of_tenant = at->second;
        marks_ -= std::erase_if(of_tenant.tokens, over);
        marks_ -= std::erase_if(of_tenant.subjects, over);
        if (of_tenant.all && of_tenant.all->forget_at <= now_seconds) of_tenant.all.reset();
        at = of_tenant.size() == 0 && !of_tenant.all ? tenants_.erase(at) : std::next(at);
    }
}

size_t TokenRevocations::size() const {
    const std::shared_lock lock(mutex_);
    return marks_;
}

}  // namespace insula::tenancy
