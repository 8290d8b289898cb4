#include "platform/crypto/self_signed.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace insula::crypto {

namespace {

constexpr size_t kNameMax = 253;
constexpr size_t kLabelMax = 63;
constexpr size_t kCommonNameMax = 64;  // ub-common-name of RFC 5280
constexpr size_t kSerialBytes = 16;    // RFC 5280 (4.1.2.2): at most 20, not to be guessed
// Clocks of clients may be behind.
constexpr long kBackdatedSeconds = 3'600;
constexpr long kVersion3 = 2;

template <auto free_function>
struct Deleter {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

Error failed(std::string_view what) {
    const char* reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return internal_error(std::string(what) + ": " + (reason == nullptr ? "failed" : reason));
}

Error refused(std::string message) {
    return invalid_argument("invalid_certificate", std::move(message));
}

// Bytes of an address in network order; empty for anything else.
std::string address_bytes(const std::string& host) {
    std::array<char, 16> bytes;
    if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
    if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
    return {};
}

bool is_label(std::string_view label) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-';
    };
    return !label.empty() && label.size() <= kLabelMax && std::ranges::all_of(label, allowed) &&
           !label.starts_with('-') && !label.ends_with('-');
}

bool is_name(std::string_view host) {
    if (host.size() > kNameMax) return false;
    if (host.starts_with("*.")) {
        host.remove_prefix(2);
        // Not of a whole top-level domain.
        if (host.find('.') == std::string_view::npos) return false;
    }
    for (;;) {
        const size_t dot = host.find('.');
        if (!is_label(host.substr(0, dot))) return false;
        if (dot == std::string_view::npos) break;
        host.remove_prefix(dot + 1);
    }
    // "10.0.0.300" is a mistyped address.
    return host.find_first_not_of("0123456789") != std::string_view::npos;
}

Status check(const SelfSignedOptions& options) {
    if (options.hosts.empty() || options.hosts.size() > kCertificateHostsMax) {
        return fail(refused("A certificate is for 1 to 100 names and addresses."));
    }
    if (options.days < 1 || options.days > kCertificateDaysMax) {
        return fail(refused("A certificate holds for 1 to 3650 days."));
    }
    for (const std::string& host : options.hosts) {
        const bool holds_nul = host.find('\0') != std::string::npos;
        if (!holds_nul && (!address_bytes(host).empty() || is_name(host))) continue;
        return fail(refused("\"" + host + "\" is neither a host's name nor an address; write it " +
                            "without port, as data.example.org or 192.0.2.7."));
    }
    return {};
}

NamesPtr alternative_names(const std::vector<std::string>& hosts) {
    NamesPtr names(GENERAL_NAMES_new());
    if (names == nullptr) return nullptr;
    for (const std::string& host : hosts) {
        const std::string address = address_bytes(host);
        const std::string& value = address.empty() ? host : address;
        GENERAL_NAME* name = GENERAL_NAME_new();
        ASN1_STRING* text = address.empty() ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
        if (name == nullptr || text == nullptr ||
            ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) != 1) {
            GENERAL_NAME_free(name);
            ASN1_STRING_free(text);
            return nullptr;
        }
        GENERAL_NAME_set0_value(name, address.empty() ? GEN_DNS : GEN_IPADD, text);
        if (sk_GENERAL_NAME_push(names.get(), name) == 0) {
            GENERAL_NAME_free(name);
            return nullptr;
        }
    }
    return names;
}

bool add_extension(X509* certificate, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
    return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
    std::array<unsigned char, kSerialBytes> bytes;
    if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
    bytes[0] &= 0x7f;  // positive, and of the same length
    bytes[0] |= 0x40;
    const NumberPtr number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
    return number != nullptr &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& host) {
    const std::string name = host.size() <= kCommonNameMax ? host : "insula";
    X509_NAME* subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.data()),
                                      static_cast<int>(name.size()), -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key, const SelfSignedOptions& options) {
    const NamesPtr names = alternative_names(options.hosts);
    return names != nullptr && X509_set_version(certificate, kVersion3) == 1 &&
           set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -kBackdatedSeconds) != nullptr &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), options.days, 0, nullptr) != nullptr &&
           X509_set_pubkey(certificate, key) == 1 &&
           set_subject(certificate, options.hosts.front()) &&
           X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0,
                             X509V3_ADD_DEFAULT) == 1 &&
           // It signs nothing but itself.
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string content(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

}  // namespace

Result<SelfSigned> make_self_signed(const SelfSignedOptions& options) {
    RETURN_IF_ERROR(check(options));
    ERR_clear_error();
    const KeyPtr key(EVP_EC_gen("P-256"));
    if (key == nullptr) return fail(failed("making a key"));
    const X509Ptr certificate(X509_new());
    if (certificate == nullptr || !fill(certificate.get(), key.get(), options)) {
        return fail(failed("making a certificate"));
    }
    const BioPtr certificate_text(BIO_new(BIO_s_mem()));
    const BioPtr key_text(BIO_new(BIO_s_secmem()));
    if (certificate_text == nullptr || key_text == nullptr ||
        PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1) {
        return fail(failed("writing a certificate"));
    }
    return SelfSigned{content(certificate_text.get()), content(key_text.get())};
}

}  // namespace insula::crypto
