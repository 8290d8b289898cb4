#include "platform/crypto/token.h"

#include <openssl/crypto.h>

#include <array>
#include <cstdint>
#include <span>

#include "platform/crypto/base64url.h"

namespace insula::crypto {

std::string make_token(Random& random, std::string_view prefix) {
    std::array<uint8_t, kTokenRandomBytes> secret{};
    random.fill(secret);
    std::string token{prefix};
    token += base64url_encode(std::as_bytes(std::span(secret)));
    OPENSSL_cleanse(secret.data(), secret.size());
    return token;
}

}  // namespace insula::crypto
