// A certificate that vouches for itself (RFC 5280), with a key of its own: for trying TLS, and
// where every client can be given the certificate. Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace insula::crypto {

inline constexpr size_t kCertificateHostsMax = 100;
inline constexpr int kCertificateDaysMax = 3'650;

struct SelfSignedOptions {
    // Names and addresses that it is for; the first one is its subject. "*.example.org" is every
    // name one level below.
    std::vector<std::string> hosts;
    int days = 365;
};

// PEM.
struct SelfSigned {
    std::string certificate;
    std::string private_key;  // P-256, PKCS #8, without a password
};

// For servers and for clients, from an hour ago on. invalid_certificate where a host is neither a
// name (RFC 1123) nor an address, or a number is out of its bounds.
Result<SelfSigned> make_self_signed(const SelfSignedOptions& options);

}  // namespace insula::crypto
