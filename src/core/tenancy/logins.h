// Logins: people who show a password get a token. Whoever guesses is slowed down by the user and by
// the address that he guesses from, and learns nothing of which tenants and users there are: each
// refusal is the same, and takes as long. Thread-safe.
//
// A password is checked in crypto::kPasswordMemoryBytes of memory and about 50 ms of a core, so
// only kLoginsAtOnce are checked at one time.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <semaphore>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/string_hash.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/rate_limiter.h"
#include "platform/crypto/password.h"

namespace insula::tenancy {

inline constexpr ptrdiff_t kLoginsAtOnce = 2;
// Failures that may follow on one another at once; then one more every kFailurePause.
inline constexpr uint64_t kFailuresOfUser = 10;
inline constexpr uint64_t kFailuresOfAddress = 50;
inline constexpr std::chrono::seconds kFailurePause{30};
inline constexpr size_t kGuessersMax = 65'536;  // users and addresses that are remembered

struct Login {
    std::string_view tenant;  // id or slug
    std::string_view user;
    std::string_view password;
    std::chrono::seconds lasts{0};
    std::string_view remote_address;
};

class Logins {
  public:
    // All must outlive it. `cost`: that of hashes of users who have none, so that they take as
    // long.
    Logins(Directory& directory, Tokens& tokens, Clock& clock, Random& random,
           const crypto::PasswordCost& cost = {});

    // Blocks for as long as a password takes. unauthenticated `login_refused`, whatever is wrong;
    // resource_exhausted `too_many_logins` with the time to wait; invalid_argument
    // `invalid_duration`.
    Result<IssuedToken> login(const Login& login);

  private:
    // How many failures may still come, in time: as RateLimiter, of seconds.
    struct Guesser {
        SteadyTime until{};  // all failures so far are forgiven then
        std::list<std::string>::iterator used;
    };
    std::optional<std::chrono::nanoseconds> wait_of(const std::string& name, uint64_t failures,
                                                    SteadyTime now);
    void count_failure(const std::string& name, SteadyTime now);
    void forgive(const std::string& name);
    // Whether the password is the member's; takes as long where there is none.
    Result<bool> check(const Member* member, std::string_view password);
    Result<std::string> nobodys_hash();
    Result<IssuedToken> try_login(const Login& login);

    Directory& directory_;
    Tokens& tokens_;
    Clock& clock_;
    Random& random_;
    const crypto::PasswordCost cost_;
    std::counting_semaphore<kLoginsAtOnce> at_once_{kLoginsAtOnce};
    std::mutex mutex_;
    std::string nobodys_hash_;  // guarded by mutex_, as is what follows
    std::unordered_map<std::string, Guesser, StringHash, std::equal_to<>> guessers_;
    std::list<std::string> used_;  // the one seen last in front
};

}  // namespace insula::tenancy
