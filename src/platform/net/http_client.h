// HttpClient: a small blocking HTTP/1.1 client for the command line, tests and the demo. One
// connection, kept alive and reused; not thread-safe. With TLS it talks to nobody whose certificate
// it cannot verify.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "platform/net/http.h"
#include "platform/net/tls.h"

namespace insula::net {

struct HttpClientOptions {
    std::string host = "127.0.0.1";  // name or address
    uint16_t port = 0;
    std::optional<TlsClientOptions> tls;  // none: plain HTTP
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds io_timeout{60'000};  // for each wait on the socket
    size_t head_bytes_max = 64 * kKiB;
    uint64_t body_bytes_max = kGiB;  // of answers that are kept in memory
};

struct ClientRequest {
    Method method = Method::get;
    std::string target = "/";  // encoded path and query
    std::vector<Header> headers;
    std::string_view body;  // sent with Content-Length; must outlive the call
    // Gives the next piece of a body that is sent chunked; nullopt ends it; an error ends the call.
    // Used instead of `body` when set. The view must stay valid until the next call.
    std::function<Result<std::optional<std::string_view>>()> body_producer;
};

struct ClientResponse {
    int status = 0;
    std::vector<Header> headers;
    std::vector<Header> trailers;
    std::string body;  // empty where it went to a callback

    std::optional<std::string_view> header(std::string_view name) const;
    std::optional<std::string_view> trailer(std::string_view name) const;
};

class HttpClient {
  public:
    explicit HttpClient(HttpClientOptions options);
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;

    // Errors: unavailable("connection_refused", "host_not_found", "connection_lost",
    // "certificate_not_trusted", "client_certificate_refused", "tls_failed"), invalid_configuration
    // of files for TLS,
    // deadline_exceeded, payload_too_large("response_too_large"), data_loss("malformed_response").
    // A status of 4xx or 5xx is an answer, not an error. A kept connection that the server closed
    // meanwhile is replaced before sending.
    Result<ClientResponse> send(const ClientRequest& request);
    // The same, but pieces of the body go to `on_body` as they arrive; an error from it ends the
    // call and closes the connection.
    Result<ClientResponse> stream(const ClientRequest& request,
                                  std::function<Status(std::string_view)> on_body);
    // The same for callers who treat the body by the answer's head: `head` has status and headers.
    using OnPiece = std::function<Status(const ClientResponse& head, std::string_view piece)>;
    Result<ClientResponse> stream(const ClientRequest& request, OnPiece on_piece);

    // Shorthands.
    Result<ClientResponse> get(std::string target);
    Result<ClientResponse> post(std::string target, std::string_view body,
                                std::string content_type = "application/json");

    void close();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace insula::net
