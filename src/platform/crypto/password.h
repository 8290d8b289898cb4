// Passwords of people, as Argon2id hashes (RFC 9106) in the string form that names its parameters:
// "$argon2id$v=19$m=65536,t=2,p=1$salt$hash". For keys of 256 random bits sha256() is enough.
//
// Thread-safe. A call takes kPasswordMemoryBytes and about 50 ms of a core: it belongs on a bounded
// pool, never on an I/O thread, and whoever may ask for it unauthenticated must be limited.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace insula::crypto {

inline constexpr size_t kPasswordMemoryBytes = 64 * kMiB;
inline constexpr unsigned long long kPasswordPasses = 2;
inline constexpr size_t kPasswordBytesMax = 1024;

struct PasswordCost {
    size_t memory_bytes = kPasswordMemoryBytes;
    unsigned long long passes = kPasswordPasses;
};

// With a salt of the operating system's. invalid_argument `password_too_long` above
// kPasswordBytesMax, unavailable `no_memory_for_password` where the memory cannot be had.
Result<std::string> hash_password(std::string_view password, const PasswordCost& cost = {});
// Whether `hash` is of `password`. A hash that cannot be read is data_loss: hashes come from our
// own catalog. unavailable as above.
Result<bool> verify_password(std::string_view hash, std::string_view password);
// Whether a hash has another cost than passwords are hashed with now. To be asked after a
// verification that succeeded, while the password is at hand.
bool needs_rehash(std::string_view hash, const PasswordCost& cost = {});

}  // namespace insula::crypto
