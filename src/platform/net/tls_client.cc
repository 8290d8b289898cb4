#include "platform/net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "platform/net/tls_files.h"

namespace insula::net {

namespace {

bool is_address(const std::string& host) {
    std::array<unsigned char, 16> bytes;
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// What the server says to a certificate that it does not like, or misses.
bool is_about_client_certificate(std::string_view failure) {
    for (const std::string_view word :
         {"certificate required", "alert bad certificate", "alert unknown ca",
          "alert certificate expired", "alert decrypt error", "alert unsupported certificate",
          "alert handshake failure"}) {
        if (failure.find(word) != std::string_view::npos) return true;
    }
    return false;
}

Error not_trusted(const std::string& host, long result) {
    const auto error = [&](const std::string& why) {
        return unavailable("certificate_not_trusted", "The certificate of " + host + " " + why)
            .with_detail(X509_verify_cert_error_string(result));
    };
    switch (result) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return error("is for other names than this.")
                .with_hint("Connect by a name or an address that it holds.");
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return error("has expired.").with_hint("The server needs a new one.");
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return error("does not hold yet.").with_hint("Is the clock of this machine right?");
        default:
            return error("is of nobody whom this client trusts.")
                .with_hint(
                    "Give the certificate of its authority, or a self-signed one itself, as "
                    "the file of authorities.");
    }
}

}  // namespace

Result<std::shared_ptr<ssl_ctx_st>> make_client_context(const TlsClientOptions& options) {
    ERR_clear_error();
    ContextPtr context(SSL_CTX_new(TLS_client_method()));
    if (context == nullptr) return fail(internal_error("TLS: " + take_openssl_error()));
    SSL_CTX* raw = context.get();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    if (!options.ca_file.empty()) {
        RETURN_IF_ERROR(trust(raw, options.ca_file));
    } else if (SSL_CTX_set_default_verify_paths(raw) != 1) {
        return fail(internal_error("the authorities of this machine: " + take_openssl_error()));
    }
    if (!options.cert_file.empty()) {
        ASSIGN_OR_RETURN([[maybe_unused]] const Identity shown,
                         use_identity(raw, options.cert_file, options.key_file));
    }
    return std::shared_ptr<SSL_CTX>(context.release(), SSL_CTX_free);
}

Result<std::unique_ptr<TlsSession>> open_client_session(const std::shared_ptr<ssl_ctx_st>& context,
                                                        const std::string& host) {
    auto session = TlsSession::create(context, TlsSession::Side::client, {});
    if (session == nullptr) return fail(internal_error("TLS: " + take_openssl_error()));
    SSL* raw = session->raw();
    bool set = false;
    if (is_address(host)) {
        set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(raw), host.c_str()) == 1;
    } else {
        // RFC 6066 (3): names only are sent to the server.
        SSL_set_hostflags(raw, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        set = SSL_set1_host(raw, host.c_str()) == 1 &&
              SSL_set_tlsext_host_name(raw, host.c_str()) == 1;
    }
    if (!set) return fail(internal_error("TLS: " + take_openssl_error()));
    return session;
}

Error handshake_error(TlsSession& session, const std::string& host) {
    const long verified = SSL_get_verify_result(session.raw());
    if (verified != X509_V_OK) return not_trusted(host, verified);
    const std::string& failure = session.failure();
    if (is_about_client_certificate(failure)) {
        return unavailable("client_certificate_refused",
                           host + " wants a certificate of its clients, and took none.")
            .with_detail(failure);
    }
    const bool plain = failure.find("wrong version number") != std::string::npos ||
                       failure.find("http request") != std::string::npos;
    if (plain) {
        return unavailable("tls_failed", host + " does not speak TLS on this port.")
            .with_hint("Begin the address with http://, where what is sent may be read on its way.")
            .with_detail(failure);
    }
    return unavailable("tls_failed", "No TLS connection to " + host + " came about.")
        .with_detail(failure);
}

}  // namespace insula::net
