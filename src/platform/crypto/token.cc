#include "platform/crypto/token.h"

#include <openssl/crypto.h>

#include <array>
#include <cstdint>
#include <span>

namespace insula::crypto {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string base64url_encode(Bytes bytes) {
    std::string text;
    text.reserve((bytes.size() * 8 + 5) / 6);
    uint32_t bits = 0;
    int count = 0;
    for (const std::byte byte : bytes) {
        bits = bits << 8 | std::to_integer<uint32_t>(byte);
        for (count += 8; count >= 6; count -= 6) {
            text.push_back(kAlphabet[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) text.push_back(kAlphabet[bits << (6 - count) & 63]);
    return text;
}

std::string make_token(Random& random, std::string_view prefix) {
    std::array<uint8_t, kTokenRandomBytes> secret{};
    random.fill(secret);
    std::string token{prefix};
    token += base64url_encode(std::as_bytes(std::span(secret)));
    OPENSSL_cleanse(secret.data(), secret.size());
    return token;
}

}  // namespace insula::crypto
