#include <gtest/gtest.h>
#include <sys/resource.h>

#include <set>

#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

TEST(HttpServer, AnswersAndKeepsTheConnection) {
    TestServer server;
    RawClient client(server.port());
    for (int i = 0; i < 3; ++i) {
        client.send("GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
        const auto answer = client.answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "GET /a b?x=1\n");
        EXPECT_FALSE(answer->close);
        EXPECT_NE(answer->head.find("\r\nDate: "), std::string::npos);
        EXPECT_NE(answer->head.find("\r\nContent-Type: text/plain\r\n"), std::string::npos);
    }
    EXPECT_EQ(server->stats().requests, 3u);
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
    TestServer server;
    RawClient client(server.port());
    std::string all;
    for (int i = 0; i < 50; ++i) {
        const std::string body = "body " + std::to_string(i);
        if (i % 3 == 0) {
            all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
        } else if (i % 3 == 1) {
            all += "POST /" + std::to_string(i) +
                   " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n\r\n" + body;
        } else {
            all += "POST /" + std::to_string(i) +
                   " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n" +
                   "A;x=y\r\n 123456789\r\n0\r\nT: v\r\n\r\n";
        }
    }
    client.send(all);
    for (int i = 0; i < 50; ++i) {
        const auto answer = client.answer();
        ASSERT_TRUE(answer) << i;
        const std::string path = "/" + std::to_string(i) + "\n";
        EXPECT_EQ(answer->body, i % 3 == 0   ? "GET " + path
                                : i % 3 == 1 ? "POST " + path + "body " + std::to_string(i)
                                             : "POST " + path + "body 123456789");
    }
}

TEST(HttpServer, RequestsMayArriveByteByByte) {
    TestServer server;
    RawClient client(server.port());
    const std::string_view request =
        "\r\nPOST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n\r\n"
        "POST /empty HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for (const char c : request) client.send(std::string_view(&c, 1));
    EXPECT_EQ(client.answer()->body, "POST /x\nabc");
    EXPECT_EQ(client.answer()->body, "POST /empty\n");
}

TEST(HttpServer, HeadHasLengthAndNoBody) {
    TestServer server;
    RawClient client(server.port());
    client.send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto head = client.answer(true);
    ASSERT_TRUE(head);
    EXPECT_NE(head->head.find("Content-Length: 10\r\n"), std::string::npos);
    EXPECT_EQ(client.answer()->body, "GET /next\n");
}

TEST(HttpServer, ConnectionHeaderIsObeyed) {
    TestServer server;
    RawClient one(server.port());
    one.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(one.answer()->close);
    EXPECT_EQ(one.until_closed(), "");
    RawClient old(server.port());
    old.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.answer()->close);
    EXPECT_EQ(old.until_closed(), "");
    RawClient kept(server.port());
    kept.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(kept.answer()->head.find("Connection: keep-alive"), std::string::npos);
    kept.send("GET /2 HTTP/1.0\r\n\r\n");
    EXPECT_EQ(kept.answer()->body, "GET /2\n");
}

TEST(HttpServer, NoContentHasNoLength) {
    TestServer server([](Exchange& exchange) -> Task<void> {
        exchange.respond({204, "", {{"X-A", "b"}}}, "ignored");
        co_return;
    });
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto answer = client.answer();
    EXPECT_EQ(answer->head.find("Content-Length"), std::string::npos);
    EXPECT_NE(answer->head.find("X-A: b\r\n"), std::string::npos);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.answer()->status, 204);
}

TEST(HttpServer, FailedHandlersAreAnsweredWith500) {
    HttpServerOptions options = test_options();
    options.answer_error = [](const FailedRequest& failed) {
        return ErrorAnswer{"rendered " + std::string(failed.error.reason()) + ": " +
                               std::string(failed.error.detail()),
                           {{"X-Status", std::to_string(failed.status)}}};
    };
    TestServer server(
        [](Exchange& exchange) -> Task<void> {
            if (exchange.request().path == "/throw") throw std::runtime_error("thrown");
            if (exchange.request().path == "/late") {
                exchange.respond({200, "", {}}, "fine");
                throw std::runtime_error("late");
            }
            co_return;
        },
        options);
    HttpClient client = server.client();
    for (const auto& [path, detail] : {std::pair("/throw", "thrown"),
                                       {"/late", "late"},
                                       {"/silent", "the handler gave no answer"}}) {
        const auto answer = client.get(path);
        ASSERT_TRUE(answer) << path;
        EXPECT_EQ(answer->status, 500);
        EXPECT_EQ(answer->body, std::string("rendered internal: ") + detail);
    }
    EXPECT_EQ(server->stats().handler_failures, 3u);
    EXPECT_EQ(server->stats().connections_accepted, 1u) << "a failed handler keeps the connection";
}

TEST(HttpServer, SeveralPortsShareTheHandler) {
    HttpServerOptions options = test_options();
    options.listen = {{"127.0.0.1", 0}, {"127.0.0.1", 0}, {"::1", 0}};
    TestServer server(echo, options);
    ASSERT_EQ(server->ports().size(), 3u);
    EXPECT_EQ(std::set<uint16_t>(server->ports().begin(), server->ports().end()).size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        HttpClientOptions to;
        to.host = i == 2 ? "::1" : "127.0.0.1";
        to.port = server->ports()[i];
        EXPECT_EQ(HttpClient(to).get("/x")->body, "GET /x\n");
    }
}

TEST(HttpServer, RefusesAPortThatIsTaken) {
    TestServer first;
    HttpServerOptions options = test_options();
    options.listen = {{"127.0.0.1", first.port()}};
    HttpServer second(options);
    const Status started = second.start(echo);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().reason(), "port_in_use");
    options.listen = {{"not an address", 0}};
    HttpServer third(options);
    EXPECT_EQ(third.start(echo).error().reason(), "bad_listen_address");
}

TEST(HttpServer, WithoutDescriptorsItSaysSoAndDoesNotStart) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    bool started = false;
    uint64_t refused = 0;
    // One more each time, so that every descriptor that it opens is once the one too many.
    for (rlim_t descriptors = 0; descriptors < 64 && !started; ++descriptors) {
        HttpServerOptions options = test_options();
        options.io_threads = 2;
        HttpServer server(options);
        rlimit few = before;
        few.rlim_cur = descriptors;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const Status status = server.start(echo);
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        started = status.has_value();
        if (started) break;
        ++refused;
        EXPECT_EQ(status.error().reason(), "too_many_open_files") << status.error().describe();
    }
    EXPECT_TRUE(started);
    EXPECT_GT(refused, 3u);
}

TEST(HttpServer, GivesTheHandlerTheClientsAddress) {
    TestServer server([](Exchange& exchange) -> Task<void> {
        exchange.respond({200, "", {}},
                         std::string(exchange.request().remote_address) + " " +
                             std::string(exchange.request().header("x-one").value_or("-")));
        co_return;
    });
    ClientRequest request;
    request.headers = {{"X-ONE", "first"}, {"x-one", "second"}};
    HttpClient client = server.client();
    EXPECT_EQ(client.send(request)->body, "127.0.0.1 first");
}

}  // namespace
}  // namespace insula::net::testing
