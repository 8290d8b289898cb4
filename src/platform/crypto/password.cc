#include "platform/crypto/password.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <cerrno>

#include "platform/crypto/sodium_start.h"

namespace insula::crypto {
namespace {

Error no_memory() {
    return unavailable("no_memory_for_password",
                       "The server has no memory to check a password just now.");
}

// libsodium reads hashes up to the zero byte, and no longer ones than it writes.
bool is_readable(std::string_view hash) {
    return hash.size() < crypto_pwhash_STRBYTES && hash.find('\0') == std::string_view::npos &&
           hash.starts_with(crypto_pwhash_argon2id_STRPREFIX);
}

}  // namespace

Result<std::string> hash_password(std::string_view password, const PasswordCost& cost) {
    if (password.size() > kPasswordBytesMax) {
        return fail(
            invalid_argument("password_too_long",
                             fmt::format("A password has at most {} bytes.", kPasswordBytesMax)));
    }
    start_sodium();
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), cost.passes,
                              cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return fail(no_memory());
    }
    return std::string(hash.data());
}

Result<bool> verify_password(std::string_view hash, std::string_view password) {
    if (!is_readable(hash)) return fail(data_loss("a password's hash is not Argon2id"));
    if (password.size() > kPasswordBytesMax) return false;
    start_sodium();
    const std::string terminated(hash);
    errno = 0;
    if (crypto_pwhash_str_verify(terminated.c_str(), password.data(), password.size()) == 0) {
        return true;
    }
    // libsodium sets EINVAL for another password only.
    if (errno == EINVAL) return false;
    if (errno == ENOMEM) return fail(no_memory());
    return fail(data_loss("a password's hash cannot be read"));
}

bool needs_rehash(std::string_view hash, const PasswordCost& cost) {
    if (!is_readable(hash)) return true;
    start_sodium();
    return crypto_pwhash_str_needs_rehash(std::string(hash).c_str(), cost.passes,
                                          cost.memory_bytes) != 0;
}

}  // namespace insula::crypto
