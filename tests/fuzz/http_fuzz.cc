// Bytes that a client sends to the HTTP server: answered in HTTP, and the next client is served.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "fuzz_target.h"
#include "platform/net/http_server.h"

namespace insula::net {
namespace {

constexpr size_t kBodyBytesMax = 64 * kKiB;

Task<void> echo(Exchange& exchange) {
    const auto body = co_await exchange.read_body(kBodyBytesMax);
    if (!body) {
        exchange.respond({.status = 400}, "refused\n");
        co_return;
    }
    exchange.respond({.status = 200, .content_type = "text/plain"},
                     std::string(exchange.request().path) + "\n" + *body);
}

HttpServer& server() {
    // Lives as long as the process: libFuzzer ends it by exit().
    static HttpServer& running = *[] {
        HttpServerOptions options;
        options.listen = {{"127.0.0.1", 0}};
        options.tick = std::chrono::milliseconds(20);
        options.limits.header_timeout = std::chrono::milliseconds(500);
        options.limits.body_stall_timeout = std::chrono::milliseconds(500);
        options.limits.linger_timeout = std::chrono::milliseconds(50);
        auto* made = new HttpServer(std::move(options));
        INSULA_FUZZ_EXPECT(made->start(echo).has_value(), "the server starts");
        return made;
    }();
    return running;
}

// Everything that the server answers to `bytes` before it closes the connection.
std::string exchange(std::string_view bytes) {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    INSULA_FUZZ_EXPECT(client >= 0, "a socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server().ports().at(0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    INSULA_FUZZ_EXPECT(
        connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
        "the server takes connections");
    while (!bytes.empty()) {
        const ssize_t sent = send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;  // the server has answered and closed already
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
    shutdown(client, SHUT_WR);
    std::string answer;
    std::array<char, 16384> buffer{};
    for (;;) {
        const ssize_t count = recv(client, buffer.data(), buffer.size(), 0);
        if (count <= 0) break;
        answer.append(buffer.data(), static_cast<size_t>(count));
    }
    close(client);
    return answer;
}

}  // namespace

INSULA_FUZZ_TARGET(http, input) {
    const std::string answer = exchange(as_text(input));
    INSULA_FUZZ_EXPECT(
        answer.empty() || answer.starts_with("HTTP/1.1 ") || answer.starts_with("HTTP/1.0 "),
        answer);
    INSULA_FUZZ_EXPECT(answer.find(" 500 ") != 8, answer);
    const std::string next = exchange("GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    INSULA_FUZZ_EXPECT(next.starts_with("HTTP/1.1 200 ") && next.ends_with("/next\n"), next);
}

}  // namespace insula::net
