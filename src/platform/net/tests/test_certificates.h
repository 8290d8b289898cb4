// Certificates for tests, in a directory of their own: an authority, and what it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "platform/net/tls_files.h"

namespace insula::net::testing {

struct CertificateFiles {
    std::string certificate;
    std::string key;
};

class TestAuthority {
  public:
    TestAuthority();
    ~TestAuthority();  // removes all files

    // The authority's own certificate.
    const std::string& file() const { return file_; }
    const std::string& directory() const { return directory_; }

    struct Wanted {
        std::string subject;
        std::string host = "DNS:localhost,IP:127.0.0.1";  // as OpenSSL writes alternative names
        int days = 1;                                     // below 0: it has expired
    };
    // <subject>.pem and <subject>.key.
    CertificateFiles issue(const Wanted& wanted);
    // The same under other names.
    void issue_to(const Wanted& wanted, const CertificateFiles& files);

  private:
    X509Ptr sign(const Wanted& wanted, EVP_PKEY* key, bool authority);

    std::string directory_;
    std::string file_;
    KeyPtr key_;
    X509Ptr certificate_;
    long serial_ = 1;
};

}  // namespace insula::net::testing
