// Ed25519 signatures (RFC 8032). Public keys of small order and signatures that are not in their
// one canonical form are refused. Thread-safe.
#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.h"
#include "platform/crypto/secret_key.h"
#include "platform/runtime/random.h"

namespace insula::crypto {

using PublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

class SigningKey {
  public:
    static SigningKey random(Random& random);
    // The 32 bytes that RFC 8032 calls the private key, and that are to be stored.
    explicit SigningKey(SecretKey seed);

    const SecretKey& seed() const { return seed_; }
    const PublicKey& public_key() const { return public_key_; }
    Signature sign(Bytes message) const;

  private:
    SecretKey seed_;
    PublicKey public_key_{};
};

bool verify_signature(const PublicKey& key, Bytes message, const Signature& signature);

}  // namespace insula::crypto
