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

Status ClientSocket::send(std::string_view first, std::string_view second,
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

Result<size_t> ClientSocket::receive(char* out, size_t room, std::chrono::milliseconds timeout) {
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
    char byte;
    return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
           (errno != EAGAIN && errno != EINTR);
}

void ClientSocket::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

}  // namespace insula::net
