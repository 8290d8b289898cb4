// Connection: one accepted socket, its requests one after the other. Lives in the frame of the
// coroutine that serves it, on one I/O thread. Private to this folder; Exchange is its face for
// handlers.
//
// Invariants: at most one operation waits on the socket; `deadline_` is set exactly while one does;
// views of the request head refer to input_ and head_storage_, which do not change until the
// request has ended.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "platform/net/exchange.h"
#include "platform/net/io_thread.h"
#include "platform/net/request_parser.h"
#include "platform/net/tls_session.h"
#include "platform/runtime/deadline.h"

namespace insula::net {

// None where the other side is gone.
std::optional<Address> peer_address(const Socket& socket);

class Connection {
  public:
    Connection(IoThread& io, Socket socket);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Serves requests until the connection ends.
    Task<void> run();
    // Answers with 503 instead. `why` is a literal.
    Task<void> run_over_limit(std::string_view why);

    // Called by the I/O thread's sweep.
    void check_deadline(SteadyTime now);
    // The server stops: ends a connection that waits for its next request.
    void begin_stop();
    // The stop deadline has passed: ends the connection; true if a request was in flight.
    bool cut();

    // Links of the I/O thread's list.
    Connection* next = nullptr;
    Connection* previous = nullptr;

  private:
    friend class Exchange;

    enum class Phase : uint8_t { idle, head, handling, ending };
    enum class BodyState : uint8_t { none, unread, reading, done, broken };
    enum class AnswerState : uint8_t { none, buffered, streaming, finished, broken };
    enum class Ending : uint8_t { keep, close, unfinished };

    using OutputParts = std::array<boost::asio::const_buffer, 3>;

    // connection.cc: heads, the handler, buffered answers
    bool find_head(std::optional<Refusal>& refusal);
    boost::asio::mutable_buffer input_room();
    bool took_input(const boost::system::error_code& error, size_t bytes,
                    std::optional<Refusal>& refusal);
    std::optional<Refusal> begin_request();
    std::optional<Refusal> take_forwarded();
    void handler_failed(const char* what);
    Ending end_request();
    Task<Ending> end_request_slowly();
    bool decide_to_keep();
    void add_headers(ResponseHead& head);
    void render_answer();
    void recycle();
    Task<void> refuse(Refusal refusal);
    ErrorAnswer error_answer(const Error& error, int status) const;

    // connection_tls.cc: the same over TLS
    using Received = std::tuple<boost::system::error_code, size_t>;
    bool speaks_tls() const;
    Task<bool> shake_hands();
    Task<Received> read_tls(boost::asio::mutable_buffer room);
    std::string_view next_record();
    size_t write_tls(boost::system::error_code& error);
    bool peer_closed_tls() const;

    // connection_io.cc: the socket, with deadlines that ask for progress
    void arm(std::chrono::milliseconds timeout);
    void progressed(size_t bytes, std::chrono::milliseconds timeout);
    void disarm();
    // Sends what the kernel takes now; parts_ keeps the rest. False when the connection broke.
    bool send_now();
    bool output_left() const;
    Task<Status> send_parts();
    Task<Status> send(std::string_view first, std::string_view second = {},
                      std::string_view third = {});
    Task<Result<size_t>> receive(boost::asio::mutable_buffer room,
                                 std::chrono::milliseconds timeout);
    Status socket_failed() const;
    Task<void> linger();
    Task<bool> discard_body();
    bool peer_closed() const;

    // connection_body.cc
    Task<Result<std::string>> read_body(uint64_t bytes_max, MemoryGrant* memory);
    Task<Status> send_continue();
    Task<Result<std::string>> read_plain(uint64_t length);
    Task<Result<std::string>> read_encoded(uint64_t length, BodyDecoder& decoder);
    Task<Result<std::string>> read_chunked(BodyDecoder& decoder);
    size_t take_buffered(char* out, size_t bytes_max);

    // exchange.cc
    void respond(ResponseHead head, std::string body, MemoryGrant memory = {});
    Task<Status> start_stream(ResponseHead head, std::vector<std::string> trailer_names);
    Task<Status> write(std::string chunk);
    Task<Status> finish(std::vector<Header> trailers);

    IoThread& io_;
    const HttpServerOptions& options_;
    Socket socket_;
    const std::optional<Address> peer_;  // none: it is gone already
    const std::string remote_;
    const bool behind_proxy_;  // the peer is a proxy that is trusted
    std::string forwarded_;    // whom it asks for
    const bool plain_allowed_;
    bool undecided_ = true;  // nothing was received yet: TLS or plain
    std::unique_ptr<TlsSession> tls_;
    std::string client_subject_;
    bool tls_waits_to_read_ = false;   // before it can write
    unsigned reads_without_wait_ = 0;  // of TLS

    // Input: [begin_, end_) of input_ is not used up; scanned_ of it is known to hold no end of a
    // head.
    std::string input_;
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t scanned_ = 0;
    std::string carried_;  // read behind a chunked body; comes before what input_ still holds

    // The request.
    RequestParser parser_;
    RequestHead head_;
    std::string head_storage_;
    size_t head_bytes_ = 0;
    SteadyTime started_;  // of the request; of the connection until there is one
    BodyState body_ = BodyState::none;
    uint64_t body_left_ = 0;  // of a body with a length, bytes not yet taken from the input
    bool continue_due_ = false;
    uint64_t bytes_received_ = 0;
    std::optional<CancelToken> cancel_;

    // The answer.
    std::vector<Header> added_headers_;  // for every answer to this request
    ResponseHead answer_head_;
    MemoryGrant answer_memory_;  // outlives the body that it counts
    std::string answer_body_;
    AnswerState answer_ = AnswerState::none;
    bool chunked_ = false;  // the stream's coding
    uint64_t bytes_sent_ = 0;
    int status_ = 0;
    bool keep_ = false;
    std::string output_;
    OutputParts parts_;

    Phase phase_ = Phase::idle;
    SteadyTime deadline_ = SteadyTime::max();
    size_t progress_ = 0;
    bool timed_out_ = false;
};

}  // namespace insula::net
