#include "platform/net/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

// Listens, takes one connection, reads a head, sends `answer` and closes; with an empty answer it
// says nothing until the client has gone.
class OneAnswer {
  public:
    explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 1), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~OneAnswer() {
        thread_.join();
        ::close(listener_);
    }
    uint16_t port() const { return port_; }

  private:
    void serve() {
        const int connection = ::accept(listener_, nullptr, nullptr);
        std::string input;
        char room[4096];
        ssize_t got = 1;
        while (got > 0 && (answer_.empty() || input.find("\r\n\r\n") == std::string::npos)) {
            got = ::recv(connection, room, sizeof room, 0);
            if (got > 0) input.append(room, static_cast<size_t>(got));
        }
        if (!answer_.empty()) {
            EXPECT_EQ(::send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL),
                      static_cast<ssize_t>(answer_.size()));
        }
        ::close(connection);
    }

    std::string answer_;
    int listener_ = -1;
    uint16_t port_ = 0;
    std::thread thread_;
};

Result<ClientResponse> get_from(uint16_t port, HttpClientOptions options = {}) {
    options.port = port;
    return HttpClient(options).get("/");
}

TEST(HttpClient, SaysThatNothingListens) {
    uint16_t port;
    {
        port = TestServer().port();
    }
    const auto answer = get_from(port);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason(), "connection_refused");
    EXPECT_EQ(answer.error().message(),
              "Nothing listens on 127.0.0.1:" + std::to_string(port) + ".");
    HttpClientOptions options;
    options.host = "no-such-host.invalid";
    EXPECT_EQ(get_from(1, options).error().reason(), "host_not_found");
}

TEST(HttpClient, UnderstandsEveryEndOfABody) {
    OneAnswer sized("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc");
    const auto answer = get_from(sized.port());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "abc");
    EXPECT_EQ(answer->header("x-a"), "b");
    OneAnswer chunked(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n");
    EXPECT_EQ(get_from(chunked.port())->trailer("t"), "v");
    OneAnswer endless("HTTP/1.1 200 OK\r\n\r\nabc");
    EXPECT_EQ(get_from(endless.port())->body, "abc");
    OneAnswer twice(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(get_from(twice.port())->status, 201);
}

TEST(HttpClient, NoticesBrokenAnswers) {
    OneAnswer cut("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc");
    EXPECT_EQ(get_from(cut.port()).error().reason(), "connection_lost");
    OneAnswer cut_chunks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_EQ(get_from(cut_chunks.port()).error().reason(), "connection_lost");
    OneAnswer nonsense("SSH-2.0-OpenSSH\r\n\r\n");
    EXPECT_EQ(get_from(nonsense.port()).error().reason(), "malformed_response");
    OneAnswer large("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
    HttpClientOptions small;
    small.body_bytes_max = 4;
    EXPECT_EQ(get_from(large.port(), small).error().reason(), "response_too_large");
    OneAnswer silent("");
    HttpClientOptions hasty;
    hasty.io_timeout = std::chrono::milliseconds(30);
    EXPECT_EQ(get_from(silent.port(), hasty).error().reason(), "server_timeout");
}

TEST(HttpClient, ReplacesAConnectionThatTheServerClosed) {
    HttpServerOptions options = test_options();
    options.limits.idle_timeout = std::chrono::milliseconds(20);
    TestServer server(echo, options);
    HttpClient client = server.client();
    ASSERT_TRUE(client.get("/1"));
    const Deadline deadline = Deadline::after(kPatience);
    while (server->stats().connections_open > 0 && !deadline.passed()) std::this_thread::yield();
    EXPECT_EQ(client.get("/2")->body, "GET /2\n");
    EXPECT_EQ(server->stats().connections_accepted, 2u);
}

TEST(HttpClient, StreamsToACallbackThatMayStopIt) {
    const std::string large(4 * kMiB, 'x');
    TestServer server([&](Exchange& exchange) -> Task<void> {
        exchange.respond({200, "", {}}, large);
        co_return;
    });
    HttpClient client = server.client();
    size_t bytes = 0;
    const auto whole = client.stream({}, [&](std::string_view piece) -> Status {
        bytes += piece.size();
        return {};
    });
    ASSERT_TRUE(whole);
    EXPECT_EQ(bytes, large.size());
    EXPECT_EQ(whole->body, "");
    const auto stopped = client.stream(
        {}, [](std::string_view) -> Status { return fail(not_found("enough", "Enough.")); });
    EXPECT_EQ(stopped.error().reason(), "enough");
    EXPECT_EQ(client.get("/")->body.size(), large.size()) << "a new connection";
}

TEST(HttpClient, GivesTheHeadWithEachPieceOfABody) {
    TestServer server([](Exchange& exchange) -> Task<void> {
        exchange.respond({404, "text/plain", {{"X-Kind", "answer"}}}, "nothing here");
        co_return;
    });
    HttpClient client = server.client();
    std::string seen;
    const auto answer =
        client.stream({}, [&](const ClientResponse& head, std::string_view piece) -> Status {
            seen.append(std::to_string(head.status)).append(*head.header("x-kind")).append(piece);
            return {};
        });
    ASSERT_TRUE(answer);
    EXPECT_EQ(seen, "404answernothing here");
}

TEST(HttpClient, RefusesToSplitARequest) {
    HttpClient client(HttpClientOptions{});
    EXPECT_EQ(client.get("/a b").error().reason(), "malformed_target");
    EXPECT_EQ(client.get("x").error().reason(), "malformed_target");
    ClientRequest request;
    request.headers = {{"X", "a\r\nY: b"}};
    EXPECT_EQ(client.send(request).error().reason(), "malformed_header");
}

}  // namespace
}  // namespace insula::net::testing
