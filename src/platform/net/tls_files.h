// PEM files as OpenSSL's objects, with errors that say which file is wrong and how. Private to this
// folder.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace insula::net {

template <auto free_function>
struct OpensslDeleter {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;

// "what FILE: why (what OpenSSL says)". Takes what OpenSSL has noted of this thread.
Error tls_file_error(const std::string& file, std::string_view why);
// The last thing that OpenSSL has noted of this thread, as words; empty if there is none.
std::string take_openssl_error();

// At least one.
Result<std::vector<X509Ptr>> read_certificates(const std::string& file);

struct PrivateKeyFile {
    KeyPtr key;
    bool exposed = false;  // the file's mode lets others than its owner read it
};
Result<PrivateKeyFile> read_private_key(const std::string& file);

// Makes `context` show this certificate. Gives the key's file back.
struct Identity {
    X509Ptr certificate;
    bool key_exposed = false;
};
Result<Identity> use_identity(SSL_CTX* context, const std::string& cert_file,
                              const std::string& key_file);

// Makes `context` trust what the authorities in `file` vouch for.
Status trust(SSL_CTX* context, const std::string& file);

// RFC 2253.
std::string subject_text(const X509* certificate);

}  // namespace insula::net
