// TLS as servers and clients are set up with it: which certificate is shown, and who is trusted.
// The bytes themselves are TlsSession's, which is private to this folder.
//
// Files hold PEM. Errors speak to the operator, and name files: none reaches a tenant.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"

// NOLINTNEXTLINE(readability-identifier-naming): OpenSSL's own name for SSL_CTX
struct ssl_ctx_st;

namespace insula::net {

enum class TlsVersion : uint8_t { v1_2, v1_3 };

// Of clients: not asked for, verified where one is shown, or demanded.
enum class ClientCertificates : uint8_t { none, request, require };

struct TlsServerOptions {
    std::string cert_file;  // the server's certificate, then those that lead to its authority
    std::string key_file;   // without a password
    TlsVersion oldest = TlsVersion::v1_3;
    ClientCertificates client_certificates = ClientCertificates::none;
    std::string client_ca_file;  // authorities of clients' certificates; wanted unless `none`
};

struct TlsCertificate {
    std::string subject;     // as RFC 2253 writes it: "CN=data.example,O=Acme"
    int64_t valid_from = 0;  // seconds since 1970
    int64_t valid_to = 0;
    bool key_exposed = false;  // others than its owner may read the key's file
};

// What the handshakes of a server use. Files may be replaced while it runs: new connections get
// what was read last, those that are open keep theirs. Thread-safe; open() and the others block.
class TlsServer {
  public:
    // invalid_configuration where a file is missing, holds something else, or the key is of
    // another certificate. An expired certificate is taken: who trusts it is for clients to say.
    static Result<std::unique_ptr<TlsServer>> open(TlsServerOptions options);

    // Reads the files again. Where they cannot be used, or hold an expired certificate in the place
    // of one that is not, what there was stays.
    Status reload();
    enum class Change : uint8_t { none, reloaded };
    // Reads the files again where they were changed, once they have been the same for two calls:
    // certificate and key are rarely replaced in one step. An error is given once for each change.
    Result<Change> reload_if_changed();

    TlsCertificate certificate() const;
    const TlsServerOptions& options() const { return options_; }
    // For this folder.
    std::shared_ptr<ssl_ctx_st> context() const;

  private:
    // Tells one content of a file from another without reading it.
    struct Stamp {
        int64_t changed_ns = 0;
        uint64_t inode = 0;
        uint64_t bytes = 0;
        bool operator==(const Stamp&) const = default;
    };
    using Stamps = std::array<Stamp, 3>;
    struct Loaded {
        std::shared_ptr<ssl_ctx_st> context;
        TlsCertificate certificate;
    };

    explicit TlsServer(TlsServerOptions options) : options_(std::move(options)) {}
    static Result<Loaded> load(const TlsServerOptions& options);
    Stamps look() const;

    const TlsServerOptions options_;
    mutable std::mutex mutex_;
    Loaded loaded_;   // guarded by mutex_
    Stamps tried_{};  // of the files that were read last; reload_if_changed()'s caller only
    Stamps seen_{};
};

struct TlsClientOptions {
    std::string ca_file;    // who may vouch for the server; empty: whom this machine trusts
    std::string cert_file;  // shown to servers that ask for one; empty: none
    std::string key_file;
};

}  // namespace insula::net
