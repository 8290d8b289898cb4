#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <string_view>
#include <utility>

#include "platform/net/tls.h"
#include "platform/net/tls_files.h"

namespace insula::net {

namespace {

// Both authenticate what they encrypt, and neither keeps a secret that would open old traffic; TLS
// 1.3 has no others.
constexpr const char* kCiphersOf12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256:P-384";
// As the "modern" and "intermediate" recommendations of Mozilla have it: RSA from 2048 bits, no
// SHA-1.
constexpr int kSecurityLevel = 2;
// Why a resumed session is of this server; any constant would do.
constexpr std::string_view kSessionContext = "insula";

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr std::string_view kHttp{"\x08http/1.1"};
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size,
                                            reinterpret_cast<const unsigned char*>(kHttp.data()),
                                            kHttp.size(), offered, offered_size);
    *out = chosen;
    // RFC 7301 (3.2): who offers only what we do not speak is told so.
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int64_t seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return ::timegm(&parts);
}

Error not_set_up() { return internal_error("TLS cannot be set up: " + take_openssl_error()); }

Status ask_clients(SSL_CTX* context, const TlsServerOptions& options) {
    if (options.client_certificates == ClientCertificates::none) return {};
    RETURN_IF_ERROR(trust(context, options.client_ca_file));
    // Names of the authorities, for clients that have several certificates.
    ASSIGN_OR_RETURN(const auto authorities, read_certificates(options.client_ca_file));
    for (const X509Ptr& authority : authorities) {
        if (SSL_CTX_add_client_CA(context, authority.get()) != 1) return fail(not_set_up());
    }
    const bool demanded = options.client_certificates == ClientCertificates::require;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (demanded ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
    // A resumed session would skip the check of a certificate that has expired since.
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return {};
}

Result<ContextPtr> make_context(const TlsServerOptions& options) {
    ERR_clear_error();
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    if (context == nullptr) return fail(not_set_up());
    SSL_CTX* raw = context.get();
    const int oldest = options.oldest == TlsVersion::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_security_level(raw, kSecurityLevel);
    SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(raw, SSL_OP_LEGACY_SERVER_CONNECT);
    // Buffers of idle connections go back; a record that waits for the socket may have moved.
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Head and content of a record in one call of the system.
    SSL_CTX_set_read_ahead(raw, 1);
    // Tickets hold what resuming needs, so that nothing is kept for each client.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, 1);
    SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
    const auto* session_context = reinterpret_cast<const unsigned char*>(kSessionContext.data());
    const bool set =
        SSL_CTX_set_min_proto_version(raw, oldest) == 1 &&
        SSL_CTX_set_cipher_list(raw, kCiphersOf12) == 1 &&
        SSL_CTX_set1_groups_list(raw, kGroups) == 1 &&
        SSL_CTX_set_session_id_context(raw, session_context, kSessionContext.size()) == 1;
    if (!set) return fail(not_set_up());
    return context;
}

}  // namespace

Result<TlsServer::Loaded> TlsServer::load(const TlsServerOptions& options) {
    ASSIGN_OR_RETURN(ContextPtr context, make_context(options));
    ASSIGN_OR_RETURN(const Identity identity,
                     use_identity(context.get(), options.cert_file, options.key_file));
    RETURN_IF_ERROR(ask_clients(context.get(), options));
    const X509* certificate = identity.certificate.get();
    Loaded loaded;
    loaded.certificate = {.subject = subject_text(certificate),
                          .valid_from = seconds_of(X509_get0_notBefore(certificate)),
                          .valid_to = seconds_of(X509_get0_notAfter(certificate)),
                          .key_exposed = identity.key_exposed};
    loaded.context = std::shared_ptr<SSL_CTX>(context.release(), SSL_CTX_free);
    return loaded;
}

Result<std::unique_ptr<TlsServer>> TlsServer::open(TlsServerOptions options) {
    std::unique_ptr<TlsServer> server(new TlsServer(std::move(options)));
    // Before reading: what is written meanwhile is then seen as a change.
    server->tried_ = server->seen_ = server->look();
    ASSIGN_OR_RETURN(server->loaded_, load(server->options_));
    return server;
}

Status TlsServer::reload() {
    ASSIGN_OR_RETURN(Loaded loaded, load(options_));
    const int64_t now = std::time(nullptr);
    const std::lock_guard lock(mutex_);
    if (loaded.certificate.valid_to < now && loaded_.certificate.valid_to >= now) {
        return fail(tls_file_error(options_.cert_file,
                                   "holds a certificate that has expired; the one before is kept"));
    }
    loaded_ = std::move(loaded);
    return {};
}

Result<TlsServer::Change> TlsServer::reload_if_changed() {
    const Stamps now = look();
    const bool settled = now == std::exchange(seen_, now);
    if (now == tried_ || !settled) return Change::none;
    tried_ = now;
    RETURN_IF_ERROR(reload());
    return Change::reloaded;
}

TlsServer::Stamps TlsServer::look() const {
    Stamps stamps{};
    const std::array files{&options_.cert_file, &options_.key_file, &options_.client_ca_file};
    for (size_t i = 0; i < files.size(); ++i) {
        struct stat info{};
        if (files[i]->empty() || ::stat(files[i]->c_str(), &info) != 0) continue;
        stamps[i] = {.changed_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
                     .inode = info.st_ino,
                     .bytes = static_cast<uint64_t>(info.st_size)};
    }
    return stamps;
}

TlsCertificate TlsServer::certificate() const {
    const std::lock_guard lock(mutex_);
    return loaded_.certificate;
}

std::shared_ptr<ssl_ctx_st> TlsServer::context() const {
    const std::lock_guard lock(mutex_);
    return loaded_.context;
}

}  // namespace insula::net
