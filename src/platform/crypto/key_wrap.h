// Keys that are stored under other keys: AES-256-GCM with a random nonce, bound to associated data
// that says what the key is for. A wrapping key may wrap 2^32 keys (NIST SP 800-38D section 8.3).
// Thread-safe.
#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "platform/crypto/secret_key.h"
#include "platform/runtime/random.h"

namespace insula::crypto {

// Of a key that seals stored bytes; never used twice in one installation. None (0) means: not
// sealed.
using KeyId = Id<struct KeyIdTag>;

// Nonce (12 bytes), sealed key (32), tag (16).
inline constexpr size_t kWrappedKeyBytes = 60;
using WrappedKey = std::array<std::byte, kWrappedKeyBytes>;

WrappedKey wrap_key(const SecretKey& wrapping, const SecretKey& key, Bytes associated,
                    Random& random);
// data_loss where anything differs from what it was wrapped with.
Result<SecretKey> unwrap_key(const SecretKey& wrapping, const WrappedKey& wrapped,
                             Bytes associated);

}  // namespace insula::crypto
