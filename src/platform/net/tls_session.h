// TlsSession: the TLS of one connection over a socket that does not block. OpenSSL reads and writes
// the socket itself, so that bytes are copied once: from the record to where they are wanted, or
// from where they stand into the record. Private to this folder; used by one thread at a time.
//
// The socket is passed to each call: its owner may have closed it between two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

// NOLINTBEGIN(readability-identifier-naming): OpenSSL's own names for SSL, SSL_CTX and BIO
struct ssl_st;
struct ssl_ctx_st;
// NOLINTEND(readability-identifier-naming)

namespace insula::net {

// What write() makes one record of.
inline constexpr size_t kTlsRecordBytes = 16 * 1024;

class TlsSession {
  public:
    enum class Side : uint8_t { server, client };
    enum class State : uint8_t {
        done,
        wants_read,   // when the socket can be read, the call is to be made again
        wants_write,  // the same; write() with the same bytes
        ended,        // the other side has said that nothing more comes
        failed,       // or has gone, or what it sent is no TLS
    };
    struct Outcome {
        State state = State::done;
        size_t bytes = 0;  // more than 0 where `done`, but for handshake()
    };

    // `received`: what was read of the socket already. Null where there is no memory.
    static std::unique_ptr<TlsSession> create(const std::shared_ptr<ssl_ctx_st>& context, Side side,
                                              std::string_view received);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    Outcome handshake(int socket);
    Outcome read(int socket, char* out, size_t room);
    // At most kTlsRecordBytes.
    Outcome write(int socket, std::string_view bytes);
    // Whether there is something to read: `done` if so. Reads nothing of it.
    Outcome peek(int socket);
    // Tells the other side that nothing more comes, if the socket takes it now.
    void close_notify(int socket);

    // Of the other side's certificate, where it showed one and that was verified; else empty.
    std::string peer_subject() const;
    // Why the last call failed, in OpenSSL's words.
    const std::string& failure() const { return failure_; }
    ssl_st* raw() { return session_; }

  private:
    struct Transport;
    TlsSession(ssl_st* session, std::unique_ptr<Transport> transport);
    Outcome outcome(int returned);

    ssl_st* session_;
    std::unique_ptr<Transport> transport_;
    std::string failure_;
};

}  // namespace insula::net
