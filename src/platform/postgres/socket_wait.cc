#include "platform/postgres/socket_wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace insula::postgres {
namespace {

// Longer waits are cut in pieces, so that milliseconds fit an int.
constexpr std::chrono::milliseconds kWaitMax{60'000};

short events_of(Wait wait) {
    switch (wait) {
        case Wait::readable:
            return POLLIN;
        case Wait::writable:
            return POLLOUT;
        case Wait::either:
            return POLLIN | POLLOUT;
    }
    return POLLIN;
}

}  // namespace

bool wait_for_socket(int socket, Wait wait, Deadline deadline) {
    if (socket < 0) return false;
    pollfd entry{.fd = socket, .events = events_of(wait), .revents = 0};
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(std::clamp<std::chrono::nanoseconds>(
                deadline.left(), std::chrono::nanoseconds(0), kWaitMax));
        const int ready = poll(&entry, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
        if (deadline.passed()) return false;
    }
}

SocketState state_of_socket(int socket) {
    pollfd entry{.fd = socket, .events = POLLIN | POLLRDHUP, .revents = 0};
    if (socket < 0 || poll(&entry, 1, 0) < 0) return {.closed = true};
    return {.readable = (entry.revents & POLLIN) != 0,
            .closed = (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0};
}

}  // namespace insula::postgres
