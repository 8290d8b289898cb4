// HMAC-SHA256 (RFC 2104). Pure and thread-safe.
#pragma once

#include "base/bytes.h"
#include "platform/crypto/hash.h"

namespace insula::crypto {

// Compare results with equal_in_constant_time().
Sha256Digest hmac_sha256(Bytes key, Bytes message);

}  // namespace insula::crypto
