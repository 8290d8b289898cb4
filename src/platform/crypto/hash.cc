#include "platform/crypto/hash.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/hex.h"

namespace insula::crypto {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

Sha256Digest sha256(Bytes bytes) {
    Sha256Digest digest;
    unsigned int length = 0;
    const int done =
        EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   &length, EVP_sha256(), nullptr);
    INSULA_CHECK(done == 1, "OpenSSL must offer SHA-256");
    INSULA_CHECK(length == digest.size(), "a SHA-256 digest has 32 bytes");
    return digest;
}

std::string hex_encode(Bytes bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text.push_back(kHexDigits[std::to_integer<unsigned>(byte) >> 4]);
        text.push_back(kHexDigits[std::to_integer<unsigned>(byte) & 15]);
    }
    return text;
}

Result<std::vector<std::byte>> hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) {
        return fail(invalid_argument(
            "invalid_hex",
            fmt::format("A hexadecimal text has an even number of characters, not {}.",
                        text.size())));
    }
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 2);
    for (size_t at = 0; at < text.size(); at += 2) {
        const int high = hex_value(text[at]);
        const int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) {
            return fail(invalid_argument(
                "invalid_hex",
                fmt::format("Character {} is not hexadecimal.", high < 0 ? at : at + 1)));
        }
        bytes.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return bytes;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace insula::crypto
