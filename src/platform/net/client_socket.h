// ClientSocket: a blocking TCP connection, with TLS where it is asked for, and a timeout on every
// wait. Private to this folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/net/tls_session.h"

namespace insula::net {

class ClientSocket {
  public:
    ClientSocket() = default;
    ~ClientSocket() { close(); }
    ClientSocket(const ClientSocket&) = delete;
    ClientSocket& operator=(const ClientSocket&) = delete;

    // Tries the addresses of the name one after the other.
    Status connect(const std::string& host, uint16_t port, std::chrono::milliseconds timeout);
    // From here on all that is sent and received goes through TLS.
    Status secure(const std::shared_ptr<ssl_ctx_st>& context, const std::string& host,
                  std::chrono::milliseconds timeout);
    // Sends everything. `early_answer` is set where the server has something to say before it has
    // taken all; the rest is then not sent.
    Status send(std::string_view first, std::string_view second, std::chrono::milliseconds timeout,
                bool& early_answer);
    // At least one byte; 0 at the end of the connection.
    Result<size_t> receive(char* out, size_t room, std::chrono::milliseconds timeout);
    // The other side has closed, or sent what nobody asked for: not fit for another request.
    bool stale() const;
    bool open() const { return descriptor_ >= 0; }
    void close();

  private:
    Status wait(short events, std::chrono::milliseconds timeout, short& ready) const;
    Status wait_for(TlsSession::State state, std::chrono::milliseconds timeout) const;
    Status send_plain(std::string_view first, std::string_view second,
                      std::chrono::milliseconds timeout, bool& early_answer);
    Status send_secured(std::string_view bytes, std::chrono::milliseconds timeout,
                        bool& early_answer);
    Result<size_t> receive_secured(char* out, size_t room, std::chrono::milliseconds timeout);

    int descriptor_ = -1;
    std::string host_;
    std::unique_ptr<TlsSession> tls_;
};

}  // namespace insula::net
