#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/net/connection.h"

namespace insula::net {

namespace asio = boost::asio;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable_t<Executor>());
constexpr size_t kDiscardBytes = 64 * kKiB;

}  // namespace

void Connection::arm(std::chrono::milliseconds timeout) {
    deadline_ = SystemClock().steady_now() + timeout;
    progress_ = 0;
    timed_out_ = false;
}

void Connection::progressed(size_t bytes, std::chrono::milliseconds timeout) {
    progress_ += bytes;
    if (progress_ >= options_.limits.progress_bytes_min) arm(timeout);
}

void Connection::disarm() { deadline_ = SteadyTime::max(); }

bool Connection::output_left() const {
    return std::ranges::any_of(parts_, [](const auto& part) { return part.size() > 0; });
}

bool Connection::send_now() {
    while (output_left()) {
        boost::system::error_code error;
        size_t sent = tls_ ? write_tls(error) : socket_.write_some(parts_, error);
        if (error == asio::error::would_block) return true;
        if (error) {
            answer_ = AnswerState::broken;
            return false;
        }
        for (asio::const_buffer& part : parts_) {
            const size_t taken = std::min(sent, part.size());
            part += taken;
            sent -= taken;
        }
    }
    return true;
}

Task<Status> Connection::send_parts() {
    const auto timeout = options_.limits.write_stall_timeout;
    arm(timeout);
    for (;;) {
        size_t before = asio::buffer_size(parts_);
        if (!send_now()) break;
        if (!output_left()) {
            disarm();
            co_return Status();
        }
        progressed(before - asio::buffer_size(parts_), timeout);
        const auto awaited = tls_waits_to_read_ ? Socket::wait_read : Socket::wait_write;
        const auto [error] = co_await socket_.async_wait(awaited, kToken);
        if (error || timed_out_) break;
    }
    disarm();
    answer_ = AnswerState::broken;
    co_return socket_failed();
}

Task<Status> Connection::send(std::string_view first, std::string_view second,
                              std::string_view third) {
    parts_ = {asio::buffer(first), asio::buffer(second), asio::buffer(third)};
    co_return co_await send_parts();
}

Task<Result<size_t>> Connection::receive(asio::mutable_buffer room,
                                         std::chrono::milliseconds timeout) {
    const auto [error, bytes] =
        tls_ ? co_await read_tls(room) : co_await socket_.async_read_some(room, kToken);
    if (error || timed_out_) co_return fail(socket_failed().error());
    progressed(bytes, timeout);
    co_return bytes;
}

Status Connection::socket_failed() const {
    if (timed_out_) {
        return fail(Error(Code::deadline_exceeded, "client_stalled",
                          "The client did not send or take data for too long."));
    }
    return fail(Error(Code::cancelled, "client_gone", "The client closed the connection."));
}

// Closing a socket that has unread input resets the connection, and the client may lose the answer.
// So: say that nothing more comes, and discard until the client has closed too, within bounds.
Task<void> Connection::linger() {
    phase_ = Phase::ending;
    const HttpServerLimits& limits = options_.limits;
    boost::system::error_code error;
    if (tls_) tls_->close_notify(socket_.native_handle());
    socket_.shutdown(Socket::shutdown_send, error);
    if (error) co_return;
    timed_out_ = false;
    deadline_ = SystemClock().steady_now() + limits.linger_timeout;
    std::string scratch(kDiscardBytes, '\0');
    for (uint64_t discarded = 0; discarded < limits.linger_bytes_max;) {
        const auto [failed, bytes] =
            co_await socket_.async_read_some(asio::buffer(scratch), kToken);
        if (failed || timed_out_) break;
        discarded += bytes;
    }
    disarm();
}

// Reads past a body that no handler wanted.
Task<bool> Connection::discard_body() {
    const auto timeout = options_.limits.body_stall_timeout;
    const size_t buffered = std::min<uint64_t>(body_left_, end_ - begin_);
    begin_ += buffered;
    body_left_ -= buffered;
    if (body_left_ > 0) {
        std::string scratch(std::min<uint64_t>(body_left_, kDiscardBytes), '\0');
        arm(timeout);
        while (body_left_ > 0) {
            const size_t wanted = std::min<uint64_t>(body_left_, scratch.size());
            const auto bytes = co_await receive(asio::buffer(scratch.data(), wanted), timeout);
            if (!bytes) break;
            body_left_ -= *bytes;
        }
        disarm();
    }
    body_ = BodyState::done;
    co_return body_left_ == 0;
}

bool Connection::peer_closed() const {
    if (tls_) return peer_closed_tls();
    char byte;
    const ssize_t got =
        ::recv(const_cast<Socket&>(socket_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace insula::net
