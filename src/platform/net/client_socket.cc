#include "platform/net/client_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "platform/net/tls_client.h"
#include "platform/runtime/deadline.h"

namespace insula::net {

namespace {

Error lost(int error_number) {
    return unavailable("connection_lost", "The connection to the server was lost.")
        .with_detail(std::generic_category().message(error_number));
}

Error timed_out(std::string_view what) {
    return Error(Code::deadline_exceeded, "server_timeout",
                 "The server did not " + std::string(what) + " in time.");
}

Error not_connected(const std::string& host, uint16_t port, int error_number) {
    const std::string where = host + ":" + std::to_string(port);
    if (error_number == ECONNREFUSED) {
        return unavailable("connection_refused", "Nothing listens on " + where + ".")
            .with_hint("Is the server running, and is this its port?");
    }
    if (error_number == ETIMEDOUT) {
        return Error(Code::deadline_exceeded, "connect_timeout",
                     "No answer from " + where + " in time.")
            .with_hint("Check the address and the network.");
    }
    return unavailable("cannot_connect", "Cannot connect to " + where + ": " +
                                             std::generic_category().message(error_number) + ".");
}

int milliseconds_left(const Deadline& deadline) {
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(deadline.left());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000'000));
}

// Connects one address; returns errno, 0 for success.
int connect_address(int descriptor, const addrinfo& address, const Deadline& deadline) {
    if (::connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    pollfd waited{descriptor, POLLOUT, 0};
    int ready;
    do {
        ready = ::poll(&waited, 1, milliseconds_left(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) return errno;
    return error_number;
}

}  // namespace

Status ClientSocket::connect(const std::string& host, uint16_t port,
                             std::chrono::milliseconds timeout) {
    close();
    host_ = host;
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
    if (code != 0) {
        return fail(unavailable("host_not_found", "The host '" + host + "' is not known.")
                        .with_hint("Check the server's address.")
                        .with_detail(::gai_strerror(code)));
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
    const Deadline deadline = Deadline::after(timeout);
    int error_number = EADDRNOTAVAIL;
    for (const addrinfo* each = addresses.get(); each; each = each->ai_next) {
        descriptor_ = ::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor_ < 0) {
            error_number = errno;
            continue;
        }
        error_number = connect_address(descriptor_, *each, deadline);
        if (error_number == 0) {
            const int on = 1;
            ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return {};
        }
        close();
    }
    return fail(not_connected(host, port, error_number));
}

Status ClientSocket::wait(short events, std::chrono::milliseconds timeout, short& ready) const {
    const Deadline deadline = Deadline::after(timeout);
    for (;;) {
        pollfd waited{descriptor_, events, 0};
        const int count = ::poll(&waited, 1, milliseconds_left(deadline));
        if (count > 0) {
            ready = waited.revents;
            return {};
        }
        if (count == 0) return fail(timed_out(events & POLLOUT ? "take the request" : "answer"));
        if (errno != EINTR) return fail(lost(errno));
    }
}

Status ClientSocket::wait_for(TlsSession::State state, std::chrono::milliseconds timeout) const {
    short ready = 0;
    return wait(state == TlsSession::State::wants_write ? POLLOUT : POLLIN, timeout, ready);
}

Status ClientSocket::secure(const std::shared_ptr<ssl_ctx_st>& context, const std::string& host,
                            std::chrono::milliseconds timeout) {
    ASSIGN_OR_RETURN(tls_, open_client_session(context, host));
    for (;;) {
        const auto state = tls_->handshake(descriptor_).state;
        if (state == TlsSession::State::done) return {};
        if (state == TlsSession::State::ended || state == TlsSession::State::failed) {
            return fail(handshake_error(*tls_, host));
        }
        RETURN_IF_ERROR(wait_for(state, timeout));
    }
}

Status ClientSocket::send(std::string_view first, std::string_view second,
                          std::chrono::milliseconds timeout, bool& early_answer) {
    if (!tls_) return send_plain(first, second, timeout, early_answer);
    RETURN_IF_ERROR(send_secured(first, timeout, early_answer));
    if (early_answer) return {};
    return send_secured(second, timeout, early_answer);
}

Status ClientSocket::send_secured(std::string_view bytes, std::chrono::milliseconds timeout,
                                  bool& early_answer) {
    while (!bytes.empty()) {
        const auto sent = tls_->write(descriptor_, bytes);
        bytes.remove_prefix(sent.bytes);
        if (sent.state == TlsSession::State::done) continue;
        // As with a plain connection: what the server has answered says more than that it has
        // closed.
        if (sent.state == TlsSession::State::ended || sent.state == TlsSession::State::failed) {
            early_answer = true;
            return {};
        }
        short ready = 0;
        RETURN_IF_ERROR(wait(POLLOUT | POLLIN, timeout, ready));
        // What has come may be of TLS alone.
        if ((ready & POLLIN) && tls_->peek(descriptor_).state == TlsSession::State::done) {
            early_answer = true;
            return {};
        }
        if (!(ready & POLLOUT)) RETURN_IF_ERROR(wait(POLLOUT, timeout, ready));
    }
    return {};
}

Status ClientSocket::send_plain(std::string_view first, std::string_view second,
                                std::chrono::milliseconds timeout, bool& early_answer) {
    while (!first.empty() || !second.empty()) {
        std::array<iovec, 2> parts = {{{const_cast<char*>(first.data()), first.size()},
                                       {const_cast<char*>(second.data()), second.size()}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            const size_t of_first = std::min<size_t>(static_cast<size_t>(sent), first.size());
            first.remove_prefix(of_first);
            second.remove_prefix(static_cast<size_t>(sent) - of_first);
            continue;
        }
        // A server that refuses a body answers and closes; that answer says more than the broken
        // pipe.
        if (errno == EPIPE || errno == ECONNRESET) {
            early_answer = true;
            return {};
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail(lost(errno));
        short ready = 0;
        RETURN_IF_ERROR(wait(POLLOUT | POLLIN, timeout, ready));
        if (ready & POLLIN) {
            early_answer = true;
            return {};
        }
    }
    return {};
}

Result<size_t> ClientSocket::receive_secured(char* out, size_t room,
                                             std::chrono::milliseconds timeout) {
    for (;;) {
        const auto got = tls_->read(descriptor_, out, room);
        if (got.state == TlsSession::State::done) return got.bytes;
        if (got.state == TlsSession::State::ended) return size_t{0};
        if (got.state == TlsSession::State::failed) {
            const Error error = handshake_error(*tls_, host_);
            // TLS 1.3 refuses a client's certificate only after the client's handshake is done.
            if (error.reason() == "client_certificate_refused") return fail(error);
            return fail(unavailable("connection_lost", "The connection to the server was lost.")
                            .with_detail(tls_->failure()));
        }
        RETURN_IF_ERROR(wait_for(got.state, timeout));
    }
}

Result<size_t> ClientSocket::receive(char* out, size_t room, std::chrono::milliseconds timeout) {
    if (tls_) return receive_secured(out, room, timeout);
    for (;;) {
        const ssize_t got = ::recv(descriptor_, out, room, 0);
        if (got >= 0) return static_cast<size_t>(got);
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail(lost(errno));
        short ready = 0;
        RETURN_IF_ERROR(wait(POLLIN, timeout, ready));
    }
}

bool ClientSocket::stale() const {
    if (tls_) return tls_->peek(descriptor_).state != TlsSession::State::wants_read;
    char byte;
    return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
           (errno != EAGAIN && errno != EINTR);
}

void ClientSocket::close() {
    if (tls_) tls_->close_notify(descriptor_);
    tls_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

}  // namespace insula::net
