#include "core/tenancy/logins.h"

#include <fmt/format.h>

#include "base/check.h"
#include "core/tenancy/administration_checks.h"
#include "core/tenancy/new_key.h"
#include "platform/json/time_text.h"

namespace insula::tenancy {

namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kBusyRetry{200};

Error login_refused(std::string_view detail) {
    return Error(Code::unauthenticated, "login_refused",
                 "Tenant, user and password do not belong together.")
        .with_hint("Check all three; after many failures in a row the next try has to wait.")
        .with_detail(detail);
}

Error too_many_logins(nanoseconds wait) {
    const auto after = std::chrono::ceil<std::chrono::milliseconds>(wait);
    return Error(Code::resource_exhausted, "too_many_logins",
                 "Too many logins have failed, or are checked at the moment.")
        .with_hint(fmt::format("Retry after {} ms.", after.count()))
        .with_retry_after(after);
}

// By whichever of its names the tenant is meant.
std::string of_user(const Directory& directory, const Login& login) {
    const auto tenant = directory.find(login.tenant);
    return fmt::format("u {} {}", tenant ? tenant->id.to_string() : std::string(login.tenant),
                       login.user);
}
std::string of_address(const Login& login) { return fmt::format("a {}", login.remote_address); }

}  // namespace

Logins::Logins(Directory& directory, Tokens& tokens, Clock& clock, Random& random,
               const crypto::PasswordCost& cost)
    : directory_(directory), tokens_(tokens), clock_(clock), random_(random), cost_(cost) {}

// Without it a user who is not there would be refused sooner than one who is. Made by the first
// login, not by the start, as it takes as long as one.
Result<std::string> Logins::nobodys_hash() {
    const std::lock_guard lock(mutex_);
    if (nobodys_hash_.empty()) {
        ASSIGN_OR_RETURN(nobodys_hash_, crypto::hash_password(make_id(random_, "nobody "), cost_));
    }
    return nobodys_hash_;
}

std::optional<nanoseconds> Logins::wait_of(const std::string& name, uint64_t failures,
                                           SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto found = guessers_.find(name);
    if (found == guessers_.end()) return std::nullopt;
    const nanoseconds ahead = found->second.until - now;
    const nanoseconds allowed = kFailurePause * static_cast<int64_t>(failures - 1);
    if (ahead <= allowed) return std::nullopt;
    return ahead - allowed;
}

void Logins::count_failure(const std::string& name, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    auto found = guessers_.find(name);
    if (found == guessers_.end()) {
        if (guessers_.size() >= kGuessersMax) {
            guessers_.erase(used_.back());
            used_.pop_back();
        }
        used_.push_front(name);
        found = guessers_.emplace(name, Guesser{.until = now, .used = used_.begin()}).first;
    }
    used_.splice(used_.begin(), used_, found->second.used);
    found->second.until = std::max(found->second.until, now) + kFailurePause;
}

void Logins::forgive(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = guessers_.find(name);
    if (found == guessers_.end()) return;
    used_.erase(found->second.used);
    guessers_.erase(found);
}

Result<bool> Logins::check(const Member* member, std::string_view password) {
    ASSIGN_OR_RETURN(const std::string nobodys, nobodys_hash());
    const bool has_password = member != nullptr && !member->password_hash.empty();
    const std::string& hash = has_password ? member->password_hash : nobodys;
    if (password.size() > crypto::kPasswordBytesMax) return false;
    ASSIGN_OR_RETURN(const bool right, crypto::verify_password(hash, password));
    return right && has_password && !member->disabled;
}

Result<IssuedToken> Logins::login(const Login& login) {
    if (login.tenant.size() > kTextBytesMax || login.user.size() > kTextBytesMax) {
        return fail(login_refused("names that are too long"));
    }
    const SteadyTime now = clock_.steady_now();
    const std::string user = of_user(directory_, login);
    const std::string address = of_address(login);
    for (const auto& [name, failures] :
         {std::pair{user, kFailuresOfUser}, std::pair{address, kFailuresOfAddress}}) {
        if (const auto wait = wait_of(name, failures, now)) return fail(too_many_logins(*wait));
    }
    if (!at_once_.try_acquire()) return fail(too_many_logins(kBusyRetry));
    auto issued = try_login(login);
    at_once_.release();
    if (issued) {
        forgive(user);
    } else if (issued.error().reason() == "login_refused") {
        count_failure(user, now);
        count_failure(address, now);
    }
    return issued;
}

Result<IssuedToken> Logins::try_login(const Login& login) {
    if (login.lasts.count() <= 0 || login.lasts.count() > kTokenLifetimeSecondsMax) {
        return fail(invalid_argument(
            "invalid_duration",
            fmt::format("A token lasts 1 to {} seconds.", kTokenLifetimeSecondsMax)));
    }
    const auto tenant = directory_.find(login.tenant);
    TenantViewPtr view;
    if (tenant) {
        ASSIGN_OR_RETURN(view, directory_.view(tenant->id));
    }
    const Member* member = view ? view->member(MemberKind::user, login.user) : nullptr;
    ASSIGN_OR_RETURN(const bool right, check(member, login.password));
    if (!right) return fail(login_refused(member == nullptr ? "no such user" : "wrong password"));
    if (tenant->status != catalog::TenantStatus::active) {
        return fail(login_refused("the tenant is suspended"));
    }
    const int64_t now = clock_.wall_now() / json::kNanosPerSecond;
    const std::string subject = principal_name(MemberKind::user, member->name);
    const int64_t issued_at = std::max(now, view->tokens_count_from(subject));
    const TokenClaims claims{.subject = subject,
                             .tenant = tenant->id,
                             .issued_at = issued_at,
                             .not_before = now,
                             .expires_at = issued_at + login.lasts.count(),
                             .id = make_id(random_, "token_")};
    ASSIGN_OR_RETURN(std::string token, tokens_.issue(claims));
    return IssuedToken{.id = claims.id,
                       .token = std::move(token),
                       .expires_at = claims.expires_at * json::kNanosPerSecond};
}

}  // namespace insula::tenancy
