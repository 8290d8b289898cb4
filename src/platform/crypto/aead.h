// AES-256-GCM (NIST SP 800-38D): bytes are made unreadable and, with the associated data, bound to
// a 16-byte tag. A nonce must never come twice under one key: whoever seals says which (a counter
// under a key of its own; random ones only for a few messages, at most 2^32 under one key).
//
// Thread-safe. Each thread that is inside at the same time has a context of OpenSSL's with the
// key's schedule; contexts are kept, so that a message costs neither an allocation nor a schedule.
// OpenSSL's contexts lie in ordinary memory and are wiped when the Aead ends.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/crypto/secret_key.h"

namespace insula::crypto {

inline constexpr size_t kNonceBytes = 12;
inline constexpr size_t kTagBytes = 16;
using Nonce = std::array<std::byte, kNonceBytes>;
using Tag = std::array<std::byte, kTagBytes>;

// What a message is sealed with beside the key; the associated data is not stored, both sides know
// it.
struct SealedAs {
    Nonce nonce{};
    Bytes associated;
};

class Aead {
  public:
    static constexpr size_t kMessageBytesMax = size_t{1} << 30;

    explicit Aead(SecretKey key);
    ~Aead();
    Aead(Aead&&) noexcept;
    Aead& operator=(Aead&&) noexcept;

    // `sealed` is as long as `plain`, and the same memory or none of it.
    Tag seal(const SealedAs& as, Bytes plain, MutableBytes sealed) const;
    // data_loss where key, nonce, associated data, tag or bytes are not those of seal(); `plain` is
    // zeros then. It is as long as `sealed`, and the same memory or none of it.
    Status open(const SealedAs& as, const Tag& tag, Bytes sealed, MutableBytes plain) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace insula::crypto
