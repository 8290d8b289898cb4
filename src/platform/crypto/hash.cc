#include "platform/crypto/hash.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "base/hex.h"

namespace insula::crypto {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

Sha256Digest sha256(Bytes bytes) {
    // The algorithm is looked up once and the context kept: both take longer than a short text.
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    static thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    Sha256Digest digest;
    unsigned int length = 0;
    const bool done =
        context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
        EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                           &length) == 1;
    INSULA_CHECK(done, "OpenSSL must offer SHA-256");
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
