// ServerConnection: the way from a command to a running server. Where it is, whose key is shown,
// and how an answer becomes a value or an error. One connection, used by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/net/http_client.h"

namespace insula::cli {

inline constexpr std::string_view kDefaultServer = "http://127.0.0.1:8000";

struct ConnectionOptions {
    std::string server{kDefaultServer};
    std::string tenant;  // X-Tenant-Id; empty: the credential's own
    std::string key;     // empty: none, as servers in development mode allow
    // For https://: who may vouch for the server (empty: whom this machine trusts), and what is
    // shown where it asks for a certificate.
    net::TlsClientOptions tls{};
    // For each wait on the socket; longer than the server lets a request or a stream run.
    std::chrono::milliseconds io_timeout{660'000};
};

struct ServerAddress {
    std::string host;
    uint16_t port = 0;
    bool tls = false;
};

// "http://host:port", "https://host:port", "host:port", "http://[::1]:8000"; without a port that of
// the scheme where one is given, else 8000. A usage error for anything else.
Result<ServerAddress> parse_server_address(std::string_view text);

// The error that an answer of 400 and above holds: code, message and hint as the server gave them,
// the request's id as detail.
Error answer_error(const net::ClientResponse& response);

class ServerConnection {
  public:
    // Takes the address apart; connects with the first request.
    static Result<ServerConnection> open(ConnectionOptions options);

    // Any answer, whatever its status. Adds key and tenant to the headers.
    Result<net::ClientResponse> exchange(net::ClientRequest request);
    // The body of an answer of 2xx; others become errors.
    Result<std::string> send(net::Method method, std::string target, std::string_view json = {});
    Result<std::string> get(std::string target) {
        return send(net::Method::get, std::move(target));
    }
    // Pieces of a 2xx answer's body as they come.
    Status stream(net::ClientRequest request,
                  const std::function<Status(std::string_view)>& on_piece);

  private:
    ServerConnection(ConnectionOptions options, const ServerAddress& address);
    void add_headers(net::ClientRequest& request) const;
    // What to do about it, for failures that a user meets first.
    Error explain(Error error) const;

    ConnectionOptions options_;
    net::HttpClient client_;
};

}  // namespace insula::cli
