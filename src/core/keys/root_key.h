// The root key: the one secret that is not stored with the data. It wraps the tenants' keys
// (docs/formats/keys.md) and comes from the environment or from a file outside of the data
// directory's backups.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "platform/crypto/secret_key.h"
#include "platform/runtime/random.h"

namespace insula::keys {

// Tells root keys apart without telling anything of them: derived from the key, 64 bits. Never 0.
using RootKeyId = Id<struct RootKeyIdTag>;

// Immutable. Holds what is derived from the root key, not the key itself.
class RootKey {
  public:
    explicit RootKey(const crypto::SecretKey& root);

    RootKeyId id() const { return id_; }
    // Wraps tenants' keys.
    const crypto::SecretKey& wrapping_key() const { return wrapping_key_; }
    // Wraps the keys that sign tokens and audit checkpoints.
    const crypto::SecretKey& signing_wrapping_key() const { return signing_wrapping_key_; }

  private:
    RootKeyId id_;
    crypto::SecretKey wrapping_key_;
    crypto::SecretKey signing_wrapping_key_;
};

struct RootKeySource {
    // From the environment: 32 bytes in hexadecimal or base64. Where there is one it counts, and
    // the file is not looked at.
    std::string text;
    std::string path;
    // Only while nothing is wrapped yet: a new key in the place of a lost one would look like a
    // start that went well.
    bool may_create = false;
};

struct LoadedRootKey {
    RootKey key;
    bool created = false;  // in the file at `path`: the operator is to be told, and to keep a copy
};

// failed_precondition `root_key_missing` where there is none and none may be made,
// `root_key_unreadable` where what is there is no key, `private_file_exposed` where others may read
// it. The key that is made is durable on return.
Result<LoadedRootKey> load_root_key(const RootKeySource& source, Random& random);

}  // namespace insula::keys
