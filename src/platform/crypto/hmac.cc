#include "platform/crypto/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace insula::crypto {

Sha256Digest hmac_sha256(Bytes key, Bytes message) {
    INSULA_CHECK(key.size() <= size_t{1} << 20, "a key is at most 1 MiB");
    // OpenSSL takes no key for "the one of before".
    static constexpr unsigned char kEmpty = 0;
    const void* bytes = key.empty() ? static_cast<const void*>(&kEmpty) : key.data();
    Sha256Digest digest;
    unsigned int length = 0;
    const unsigned char* done =
        HMAC(EVP_sha256(), bytes, static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(),
             reinterpret_cast<unsigned char*>(digest.data()), &length);
    INSULA_CHECK(done != nullptr && length == digest.size(), "OpenSSL must offer HMAC-SHA256");
    return digest;
}

}  // namespace insula::crypto
