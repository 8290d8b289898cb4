#include "platform/net/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "platform/net/tls_files.h"

namespace insula::net {

// What stands below OpenSSL: OpenSSL's own for sockets raises SIGPIPE, and cannot be given what was
// read already.
struct TlsSession::Transport {
    int socket = -1;
    std::string received;
    size_t taken = 0;  // of `received`
    bool at_end = false;

    static Transport& of(BIO* bio) { return *static_cast<Transport*>(BIO_get_data(bio)); }
    static int read(BIO* bio, char* out, int room);
    static int write(BIO* bio, const char* bytes, int size);
    static long control(BIO* bio, int command, long number, void* pointer);
    static const BIO_METHOD* method();
};

namespace {

bool not_now(int error_number) {
    return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

}  // namespace

int TlsSession::Transport::read(BIO* bio, char* out, int room) {
    Transport& self = of(bio);
    BIO_clear_retry_flags(bio);
    if (const size_t left = self.received.size() - self.taken; left > 0) {
        const size_t bytes = std::min(left, static_cast<size_t>(room));
        std::memcpy(out, self.received.data() + self.taken, bytes);
        self.taken += bytes;
        if (bytes == left) self.received = {};
        if (bytes == left) self.taken = 0;
        return static_cast<int>(bytes);
    }
    const ssize_t got = ::recv(self.socket, out, static_cast<size_t>(room), 0);
    if (got == 0) self.at_end = true;
    if (got < 0 && not_now(errno)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
}

int TlsSession::Transport::write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t sent = ::send(of(bio).socket, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && not_now(errno)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

long TlsSession::Transport::control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return of(bio).at_end ? 1 : 0;
    return 0;
}

// Made once and never changed.
const BIO_METHOD* TlsSession::Transport::method() {
    static const BIO_METHOD* const kMethod = [] {
        BIO_METHOD* made =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "insula socket");
        if (made == nullptr) return made;
        BIO_meth_set_read(made, read);
        BIO_meth_set_write(made, write);
        BIO_meth_set_ctrl(made, control);
        return made;
    }();
    return kMethod;
}

TlsSession::TlsSession(ssl_st* session, std::unique_ptr<Transport> transport)
    : session_(session), transport_(std::move(transport)) {}

TlsSession::~TlsSession() { SSL_free(session_); }

std::unique_ptr<TlsSession> TlsSession::create(const std::shared_ptr<ssl_ctx_st>& context,
                                               Side side, std::string_view received) {
    ERR_clear_error();
    if (Transport::method() == nullptr) return nullptr;
    SSL* session = SSL_new(context.get());
    BIO* bio = BIO_new(Transport::method());
    if (session == nullptr || bio == nullptr) {
        SSL_free(session);
        BIO_free(bio);
        return nullptr;
    }
    auto transport = std::make_unique<Transport>();
    transport->received = received;
    BIO_set_data(bio, transport.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    if (side == Side::server) {
        SSL_set_accept_state(session);
    } else {
        SSL_set_connect_state(session);
    }
    return std::unique_ptr<TlsSession>(new TlsSession(session, std::move(transport)));
}

TlsSession::Outcome TlsSession::outcome(int returned) {
    switch (SSL_get_error(session_, returned)) {
        case SSL_ERROR_NONE:
            return {State::done};
        case SSL_ERROR_WANT_READ:
            return {State::wants_read};
        case SSL_ERROR_WANT_WRITE:
            return {State::wants_write};
        case SSL_ERROR_ZERO_RETURN:
            return {State::ended};
        default:
            failure_ = take_openssl_error();
            return {State::failed};
    }
}

TlsSession::Outcome TlsSession::handshake(int socket) {
    ERR_clear_error();
    transport_->socket = socket;
    return outcome(SSL_do_handshake(session_));
}

TlsSession::Outcome TlsSession::read(int socket, char* out, size_t room) {
    ERR_clear_error();
    transport_->socket = socket;
    size_t bytes = 0;
    Outcome read = outcome(SSL_read_ex(session_, out, room, &bytes));
    read.bytes = bytes;
    return read;
}

TlsSession::Outcome TlsSession::write(int socket, std::string_view bytes) {
    ERR_clear_error();
    transport_->socket = socket;
    size_t written = 0;
    Outcome done = outcome(
        SSL_write_ex(session_, bytes.data(), std::min(bytes.size(), kTlsRecordBytes), &written));
    done.bytes = written;
    return done;
}

TlsSession::Outcome TlsSession::peek(int socket) {
    ERR_clear_error();
    transport_->socket = socket;
    char byte;
    size_t bytes = 0;
    return outcome(SSL_peek_ex(session_, &byte, 1, &bytes));
}

void TlsSession::close_notify(int socket) {
    ERR_clear_error();
    transport_->socket = socket;
    // Not after a failure, and not within a handshake: OpenSSL would only note an error.
    if (failure_.empty() && SSL_is_init_finished(session_) == 1) SSL_shutdown(session_);
}

std::string TlsSession::peer_subject() const {
    const X509Ptr certificate(SSL_get1_peer_certificate(session_));
    if (certificate == nullptr || SSL_get_verify_result(session_) != X509_V_OK) return {};
    return subject_text(certificate.get());
}

}  // namespace insula::net
