#include "platform/crypto/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <memory>

#include "base/check.h"

namespace insula::crypto {
namespace {

struct FreeContext {
    void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

EVP_KDF* algorithm() {
    static EVP_KDF* const found = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    INSULA_CHECK(found != nullptr, "OpenSSL must offer HKDF");
    return found;
}

// OpenSSL reads what it takes as writable.
OSSL_PARAM octets(const char* name, Bytes bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(bytes.data()),
                                             bytes.size());
}

}  // namespace

void hkdf_sha256(const HkdfInput& input, MutableBytes out) {
    INSULA_CHECK(!out.empty() && out.size() <= kHkdfBytesMax, "HKDF gives 1 to 8,160 bytes");
    const std::unique_ptr<EVP_KDF_CTX, FreeContext> context(EVP_KDF_CTX_new(algorithm()));
    std::array<char, 7> digest{"SHA256"};
    std::array<OSSL_PARAM, 5> params{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        octets(OSSL_KDF_PARAM_KEY, input.key),
        octets(OSSL_KDF_PARAM_INFO, input.info),
        OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    if (!input.salt.empty()) params[3] = octets(OSSL_KDF_PARAM_SALT, input.salt);
    INSULA_CHECK(context != nullptr &&
                     EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                    out.size(), params.data()) == 1,
                 "OpenSSL must run HKDF-SHA256");
}

SecretKey derive_key(const SecretKey& key, Bytes info) {
    SecretKey derived = SecretKey::zero();
    hkdf_sha256({.key = key.bytes(), .salt = {}, .info = info}, derived.mutable_bytes());
    return derived;
}

}  // namespace insula::crypto
