// What code that seals stored bytes is given: a tenant's key, and how to find those of before.
#pragma once

#include <functional>
#include <memory>

#include "base/ids.h"
#include "base/result.h"
#include "platform/crypto/key_wrap.h"
#include "platform/crypto/secret_key.h"

namespace insula::crypto {

// Wraps the data keys of one tenant's files. Immutable; shared by whoever seals or opens.
struct SealKey {
    KeyId id;
    TenantId tenant;
    SecretKey key;
};
using SharedSealKey = std::shared_ptr<const SealKey>;

// The key that something of the tenant's was sealed with. failed_precondition `key_missing` or
// `key_destroyed`: nothing is damaged, and nothing can be read. Thread-safe.
using FindSealKey = std::function<Result<SharedSealKey>(TenantId, KeyId)>;

}  // namespace insula::crypto
