#include "platform/crypto/signing.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "platform/crypto/sodium_start.h"

namespace insula::crypto {
namespace {

// libsodium's secret key is the seed and the public key behind it.
using ExpandedKey = std::array<unsigned char, crypto_sign_SECRETKEYBYTES>;
static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_SEEDBYTES == kSecretKeyBytes);

const unsigned char* input(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

SigningKey::SigningKey(SecretKey seed) : seed_(std::move(seed)) {
    start_sodium();
    ExpandedKey expanded;
    const int made = crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(public_key_.data()),
                                              expanded.data(), input(seed_.bytes()));
    wipe(std::as_writable_bytes(std::span(expanded)));
    INSULA_CHECK(made == 0, "every seed has a key pair");
}

SigningKey SigningKey::random(Random& random) { return SigningKey(SecretKey::random(random)); }

Signature SigningKey::sign(Bytes message) const {
    ExpandedKey expanded;
    const MutableBytes bytes = std::as_writable_bytes(std::span(expanded));
    std::ranges::copy(seed_.bytes(), bytes.begin());
    std::ranges::copy(public_key_, bytes.begin() + kSecretKeyBytes);
    Signature signature;
    const int made = crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()),
                                          nullptr, input(message), message.size(), expanded.data());
    wipe(bytes);
    INSULA_CHECK(made == 0, "every message can be signed");
    return signature;
}

bool verify_signature(const PublicKey& key, Bytes message, const Signature& signature) {
    start_sodium();
    return crypto_sign_verify_detached(input(signature), input(message), message.size(),
                                       input(key)) == 0;
}

}  // namespace insula::crypto
