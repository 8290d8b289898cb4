#include <poll.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "platform/net/connection.h"

namespace insula::net {

namespace asio = boost::asio;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable_t<Executor>());
// The type of the record that a handshake begins with (RFC 8446, 5.1). No request begins so.
constexpr char kHandshakeRecord = 0x16;
// Records that one connection takes before others of its thread get their turn.
constexpr unsigned kReadsInTurn = 16;

// One of the handshakes that may be under way.
class HandshakeSlot {
  public:
    explicit HandshakeSlot(ServerShared& shared)
        : shared_(shared),
          taken_(shared.handshakes.fetch_add(1) < shared.options.limits.handshakes_max) {}
    ~HandshakeSlot() { shared_.handshakes.fetch_sub(1); }
    HandshakeSlot(const HandshakeSlot&) = delete;
    HandshakeSlot& operator=(const HandshakeSlot&) = delete;
    bool taken() const { return taken_; }

  private:
    ServerShared& shared_;
    const bool taken_;
};

}  // namespace

bool Connection::speaks_tls() const {
    return options_.tls != nullptr && begin_ < end_ && input_[begin_] == kHandshakeRecord;
}

// With what was received as its beginning. False where the connection has to end.
Task<bool> Connection::shake_hands() {
    std::optional<HandshakeSlot> slot(std::in_place, io_.shared());
    auto session = slot->taken()
                       ? TlsSession::create(options_.tls->context(), TlsSession::Side::server,
                                            std::string_view(input_).substr(begin_, end_ - begin_))
                       : nullptr;
    begin_ = end_ = scanned_ = 0;
    arm(options_.limits.handshake_timeout);
    auto state = TlsSession::State::failed;
    while (session) {
        state = session->handshake(socket_.native_handle()).state;
        const bool reads = state == TlsSession::State::wants_read;
        if (!reads && state != TlsSession::State::wants_write) break;
        const auto [error] =
            co_await socket_.async_wait(reads ? Socket::wait_read : Socket::wait_write, kToken);
        if (error || timed_out_) break;
    }
    disarm();
    slot.reset();
    if (state != TlsSession::State::done) {
        io_.counters().tls_failures.add_one();
        // So that the client learns why.
        if (state == TlsSession::State::failed && session) co_await linger();
        co_return false;
    }
    io_.counters().tls_handshakes.add_one();
    client_subject_ = session->peer_subject();
    tls_ = std::move(session);
    co_return true;
}

Task<Connection::Received> Connection::read_tls(asio::mutable_buffer room) {
    for (;;) {
        const auto got =
            tls_->read(socket_.native_handle(), static_cast<char*>(room.data()), room.size());
        if (got.state == TlsSession::State::done) {
            // A socket's own reads let others run in between; records that are there already do
            // not.
            if (++reads_without_wait_ >= kReadsInTurn) {
                reads_without_wait_ = 0;
                co_await asio::post(socket_.get_executor(), kToken);
            }
            co_return Received(boost::system::error_code(), got.bytes);
        }
        if (got.state == TlsSession::State::ended) co_return Received(asio::error::eof, 0);
        if (got.state == TlsSession::State::failed) {
            co_return Received(asio::error::connection_reset, 0);
        }
        reads_without_wait_ = 0;
        const bool reads = got.state == TlsSession::State::wants_read;
        const auto [error] =
            co_await socket_.async_wait(reads ? Socket::wait_read : Socket::wait_write, kToken);
        if (error) co_return Received(error, 0);
    }
}

// What the next record is made of: a part that fills one where it stands, smaller ones joined. The
// same again while nothing of it was sent, as a record that waits for the socket asks for.
std::string_view Connection::next_record() {
    const auto first =
        std::ranges::find_if(parts_, [](const auto& part) { return part.size() > 0; });
    const auto rest = [&](auto after) {
        return std::any_of(after, parts_.end(), [](const auto& part) { return part.size() > 0; });
    };
    if (first->size() >= kTlsRecordBytes || !rest(first + 1)) {
        return {static_cast<const char*>(first->data()), std::min(first->size(), kTlsRecordBytes)};
    }
    return {io_.record_room().data(),
            asio::buffer_copy(asio::buffer(io_.record_room().data(), io_.record_room().size()),
                              parts_)};
}

// At most one record.
size_t Connection::write_tls(boost::system::error_code& error) {
    const auto sent = tls_->write(socket_.native_handle(), next_record());
    tls_waits_to_read_ = sent.state == TlsSession::State::wants_read;
    if (sent.state == TlsSession::State::done) return sent.bytes;
    if (tls_waits_to_read_ || sent.state == TlsSession::State::wants_write) {
        error = asio::error::would_block;
    } else {
        error = asio::error::broken_pipe;
    }
    return 0;
}

// A client that leaves says so in a record first, which is not read while its request runs.
bool Connection::peer_closed_tls() const {
    pollfd watched{const_cast<Socket&>(socket_).native_handle(), POLLRDHUP, 0};
    return ::poll(&watched, 1, 0) > 0 && (watched.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace insula::net
