#include "platform/crypto/key_wrap.h"

#include <algorithm>
#include <span>

#include "platform/crypto/aead.h"

namespace insula::crypto {

static_assert(kWrappedKeyBytes == kNonceBytes + kSecretKeyBytes + kTagBytes);

WrappedKey wrap_key(const SecretKey& wrapping, const SecretKey& key, Bytes associated,
                    Random& random) {
    SealedAs as{.nonce = {}, .associated = associated};
    random.fill({reinterpret_cast<uint8_t*>(as.nonce.data()), as.nonce.size()});
    WrappedKey wrapped;
    const std::span out(wrapped);
    const Tag tag = Aead(wrapping.duplicate())
                        .seal(as, key.bytes(), out.subspan<kNonceBytes, kSecretKeyBytes>());
    std::ranges::copy(as.nonce, out.begin());
    std::ranges::copy(tag, out.last<kTagBytes>().begin());
    return wrapped;
}

Result<SecretKey> unwrap_key(const SecretKey& wrapping, const WrappedKey& wrapped,
                             Bytes associated) {
    const std::span in(wrapped);
    SealedAs as{.nonce = {}, .associated = associated};
    std::ranges::copy(in.first<kNonceBytes>(), as.nonce.begin());
    Tag tag;
    std::ranges::copy(in.last<kTagBytes>(), tag.begin());
    SecretKey key = SecretKey::zero();
    RETURN_IF_ERROR(
        Aead(wrapping.duplicate())
            .open(as, tag, in.subspan<kNonceBytes, kSecretKeyBytes>(), key.mutable_bytes()));
    return key;
}

}  // namespace insula::crypto
