// HKDF-SHA256 (RFC 5869): further keys from one key, none of which tells anything of another or of
// the first. Pure and thread-safe.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "platform/crypto/secret_key.h"

namespace insula::crypto {

inline constexpr size_t kHkdfBytesMax = 255 * 32;

struct HkdfInput {
    Bytes key;
    Bytes salt;  // may be empty
    Bytes info;  // what the result is for
};

// Fills `out`, at most kHkdfBytesMax bytes.
void hkdf_sha256(const HkdfInput& input, MutableBytes out);
// A key for `info`, which begins with words of its own so that no two purposes meet; without salt,
// as `key` is uniformly random (RFC 5869 section 3.1).
SecretKey derive_key(const SecretKey& key, Bytes info);

}  // namespace insula::crypto
