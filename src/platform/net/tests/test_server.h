// A server on free loopback ports and a client that sends raw bytes, for the tests of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/net/client_socket.h"
#include "platform/net/http_client.h"
#include "platform/net/http_server.h"

namespace insula::net::testing {

// How long a test waits for what must happen; only failing tests wait that long.
inline constexpr std::chrono::milliseconds kPatience{10'000};

// Short limits and a fast tick. Listens on one port.
HttpServerOptions test_options();

// Answers with what the request was: "GET /path?name=value;…\n" and the body behind it.
Task<void> echo(Exchange& exchange);

class TestServer {
  public:
    explicit TestServer(HttpServer::Handler handler = echo,
                        HttpServerOptions options = test_options());
    HttpServer& operator*() { return server_; }
    HttpServer* operator->() { return &server_; }
    uint16_t port() const { return server_.ports().at(0); }
    HttpClient client() const;

  private:
    HttpServer server_;
};

// Sends bytes as they are. Failures of the socket fail the test.
class RawClient {
  public:
    explicit RawClient(uint16_t port);
    RawClient& send(std::string_view bytes);
    // The next answer with its head and body, by Content-Length or chunked; nullopt at the end.
    struct Answer {
        int status = 0;
        std::string head;
        std::string body;
        bool close = false;
    };
    std::optional<Answer> answer(bool to_head_request = false);
    // Everything until the server closes.
    std::string until_closed();
    // At least one byte.
    std::string some();
    void close() { socket_.close(); }
    ClientSocket& socket() { return socket_; }

  private:
    bool receive_more();

    ClientSocket socket_;
    std::string input_;
};

std::string gzip(std::string_view text);
std::string zstd(std::string_view text);

}  // namespace insula::net::testing
