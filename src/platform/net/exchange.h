// Exchange: one request and its answer, as a handler sees it. Lives on the connection's I/O thread
// from the parsed head until the handler's task has ended; all calls are made from that task.
//
// The answer is either
//   buffered: respond(head, body), sent when the handler has returned; the last call wins; or
//   streamed: start_stream(), any number of write(), finish().
// A handler that returns without an answer, or throws, is answered with 500. A stream that was not
// finished is cut off: the connection is closed without the last chunk, so that the client can
// tell. A body that the handler has not read is drained up to a bound; beyond it the connection is
// closed after the answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "platform/net/http.h"
#include "platform/net/task.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/deadline.h"
#include "platform/runtime/memory_budget.h"

namespace insula::net {

class Connection;

// read_body() guarantees this much readable memory (zeros) behind the last byte: JSON parsers read
// ahead.
inline constexpr size_t kBodyPadding = 64;
// Room for a body up to here is not counted: the number of connections bounds it.
inline constexpr uint64_t kUncountedBodyBytes = 64 * kKiB;

class Exchange {
  public:
    explicit Exchange(Connection& connection) : connection_(connection) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    const RequestHead& request() const;
    // When the first byte of the head was seen.
    SteadyTime started() const;

    // The whole body, decoded from its Content-Encoding (identity, gzip, zstd); at most `bytes_max`
    // bytes both as sent and decoded. capacity() of the string is at least size() + kBodyPadding.
    // May be called once. Errors: payload_too_large (before reading where Content-Length says so),
    // unsupported_media (unknown encoding), invalid_argument (damaged encoding or chunking),
    // deadline_exceeded (the client stalled), cancelled (the client went away). After an error the
    // connection is closed behind the answer.
    // `memory`, a grant of some budget (it may be of 0 bytes), grows to what the body holds before
    // the body does, however it is sent; where it cannot, the grant's error ends the reading.
    Task<Result<std::string>> read_body(uint64_t bytes_max, MemoryGrant* memory = nullptr);

    // Sets the answer. Once a stream has started it can only cut that off, and does. A HEAD request
    // is answered with the length of `body` and without it. `memory`, which counts the body, is
    // given back once the client has taken all of it or the connection has ended.
    void respond(ResponseHead head, std::string body, MemoryGrant memory = {});

    // Headers that the answer carries whatever it turns out to be, errors of the handler included.
    // Before respond() or start_stream(); names that those do not use.
    void always_send(std::vector<Header> headers);

    // Sends the head of a streamed answer (chunked coding; for HTTP/1.0 the end of the connection
    // ends it). `trailer_names` announces what finish() will send. After a failure write() and
    // finish() fail too.
    Task<Status> start_stream(ResponseHead head, std::vector<std::string> trailer_names = {});
    // Sends one chunk; an empty one is skipped. Returns once the kernel has taken all of it, so
    // that a slow reader slows the handler. Fails with cancelled when the client went away and with
    // deadline_exceeded when it stopped reading.
    Task<Status> write(std::string chunk);
    Task<Status> finish(std::vector<Header> trailers = {});

    // An answer was set or a stream was started.
    bool answered() const;
    // The client has closed its side or the connection broke. One system call.
    bool client_gone() const;
    // `token` is cancelled when the client goes away while the handler runs (noticed within one
    // tick of the server, see HttpServerOptions::tick) and when the server's stop deadline passes.
    void cancel_when_gone(CancelToken token);

    // For the access log: bytes of body received (as sent) and of answer body handed over so far.
    uint64_t bytes_received() const;
    uint64_t bytes_sent() const;
    // The status of the answer; 0 while there is none.
    int status() const;

  private:
    Connection& connection_;
};

}  // namespace insula::net
