// HttpServer: HTTP/1.1 on one or more ports, all served by one handler. Every I/O thread has an
// io_context and listening sockets of its own (SO_REUSEPORT), so that a connection stays on one
// thread for its life.
//
// With a certificate the same ports speak TLS and plain HTTP, told apart by a connection's first
// byte. Plain HTTP from beyond this machine is answered with 400 `tls_required` unless it was asked
// for.
//
// start() and stop() are called from one thread; stats() from any. The handler is called on the I/O
// threads, several requests at the same time, and must not block them (hop.h). What the handler
// uses must outlive stop(), which returns only after the last handler has returned: it closes
// connections and cancels tokens at its deadline, but a handler that waits for a pool or a callback
// is waited for. start() makes the whole process ignore SIGPIPE.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "platform/net/exchange.h"
#include "platform/net/http.h"
#include "platform/net/network.h"
#include "platform/net/task.h"
#include "platform/net/tls.h"
#include "platform/runtime/deadline.h"

namespace insula::net {

struct ListenAddress {
    std::string address = "127.0.0.1";  // an IP address, not a name
    uint16_t port = 0;                  // 0: any free port, see HttpServer::ports()
};

// Which header the proxies in front set.
enum class ForwardedHeader : uint8_t { x_forwarded_for, forwarded };  // the latter: RFC 7239

struct HttpServerLimits {
    size_t header_bytes_max = 16 * kKiB;  // request line and headers; more is 431
    size_t header_count_max = 100;        // more is 431
    size_t target_bytes_max = 8 * kKiB;   // more is 414
    size_t query_parameters_max = 256;    // more is 400
    size_t connections_max = 10'000;      // over all ports; one more is answered with 503
    // Of one client address (a network of 64 bits, of IPv6), proxies that are trusted apart; one
    // more is answered with 503. 0: no such limit.
    size_t connections_per_address_max = 0;
    std::chrono::milliseconds handshake_timeout{10'000};  // of TLS, from its first byte
    size_t handshakes_max = 1'000;  // under way at once; one more is closed without a word
    std::chrono::milliseconds header_timeout{10'000};  // first to last byte of a head
    std::chrono::milliseconds idle_timeout{75'000};    // between two requests
    // A body, and the taking of an answer, must progress by `progress_bytes_min` (or reach its end)
    // in each such span.
    std::chrono::milliseconds body_stall_timeout{30'000};
    std::chrono::milliseconds write_stall_timeout{30'000};
    size_t progress_bytes_min = 4 * kKiB;
    // Of a body that no handler read: so much is discarded to keep the connection ...
    uint64_t drain_bytes_max = 256 * kKiB;
    // ... or, where it is closed, so much and so long, for the client to see the answer before the
    // end.
    uint64_t linger_bytes_max = 32 * kMiB;
    std::chrono::milliseconds linger_timeout{2'000};
};

// A request that no handler answers: refused before there was one, or its handler failed.
struct FailedRequest {
    const Error& error;
    int status = 0;
    SteadyTime started;  // of the request, or of the connection where nothing of one was seen
};

struct ErrorAnswer {
    std::string body;  // JSON
    std::vector<Header> headers;
};

struct HttpServerOptions {
    std::vector<ListenAddress> listen;
    size_t io_threads = 1;
    HttpServerLimits limits;
    TlsServer* tls = nullptr;  // outlives the server; null: no TLS
    // Plain HTTP from beyond this machine is served. What is sent so can be read on its way.
    bool plain_beyond_loopback = false;
    // Proxies whose word on a client's address is taken, from one header alone (forwarded.h). The
    // header of anybody else is not looked at.
    std::vector<Network> trusted_proxies;
    ForwardedHeader forwarded_header = ForwardedHeader::x_forwarded_for;
    // How often timeouts and vanished clients are looked for; a timeout is late by at most one
    // tick.
    std::chrono::milliseconds tick{100};
    // Answers that the server makes itself (malformed requests, limits, failed handlers); called
    // once for each, on I/O threads. The default gives {"error":{"code","message","hint"}} without
    // a request id.
    std::function<ErrorAnswer(const FailedRequest&)> answer_error;
};

// Counters since start; connections_open is the present number.
struct HttpServerStats {
    uint64_t connections_open = 0;
    uint64_t connections_accepted = 0;
    uint64_t connections_refused = 0;  // over connections_max
    uint64_t requests = 0;             // that reached the handler
    uint64_t requests_malformed = 0;   // answered by the server itself: 4xx before any handler
    uint64_t timeouts = 0;             // connections ended by one of the time limits
    uint64_t handler_failures = 0;     // handlers that threw or did not answer
    uint64_t accept_failures = 0;      // such as no file descriptors left
    uint64_t tls_handshakes = 0;       // that succeeded
    uint64_t tls_failures = 0;         // handshakes that did not, those beyond the limit included
};

class HttpServer {
  public:
    // Must stay callable for as long as the server runs; is copied once, at start().
    using Handler = std::function<Task<void>(Exchange&)>;

    explicit HttpServer(HttpServerOptions options);
    // Stops with a deadline of zero where stop() was not called.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Binds all addresses and starts the threads. Fails with failed_precondition("port_in_use"),
    // permission_denied("port_not_allowed"), invalid_argument("bad_listen_address") or
    // unavailable("too_many_open_files"); then nothing listens.
    Status start(Handler handler);
    // The bound ports, in the order of HttpServerOptions::listen.
    const std::vector<uint16_t>& ports() const { return ports_; }
    // Stops listening and closes idle connections at once; requests in flight may end until the
    // deadline, then their connections are closed and their tokens cancelled. Returns how many were
    // cut off so. Idempotent.
    size_t stop(Deadline deadline);

    HttpServerStats stats() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::vector<uint16_t> ports_;
};

}  // namespace insula::net
