#include <gtest/gtest.h>

#include <future>

#include "platform/net/hop.h"
#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

// "/n" streams n pieces and a trailer; "/n/cut" leaves the stream unfinished; "/n/throw" throws in
// it.
Task<void> pieces(Exchange& exchange) {
    const std::vector<std::string> path = path_segments(exchange.request());
    const int count = std::stoi(path.at(0));
    if (!co_await exchange.start_stream({200, "application/x-ndjson", {}}, {"X-Cost"})) co_return;
    for (int i = 0; i < count; ++i) {
        if (!co_await exchange.write("piece " + std::to_string(i) + "\n")) co_return;
    }
    if (path.size() > 1 && path[1] == "throw") throw std::runtime_error("in a stream");
    if (path.size() > 1) co_return;
    std::vector<Header> trailers{{"X-Cost", std::to_string(count)}};
    (void)co_await exchange.finish(std::move(trailers));
}

TEST(Stream, ArrivesPieceByPieceWithTrailers) {
    TestServer server(pieces);
    HttpClient client = server.client();
    for (const int count : {0, 1, 1000}) {
        std::string expected;
        for (int i = 0; i < count; ++i) expected += "piece " + std::to_string(i) + "\n";
        const auto answer = client.get("/" + std::to_string(count));
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_TRUE(answer->body == expected);
        EXPECT_EQ(answer->header("trailer"), "X-Cost");
        EXPECT_EQ(answer->trailer("x-cost"), std::to_string(count));
    }
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

TEST(Stream, OldClientsGetItWithoutChunks) {
    TestServer server(pieces);
    RawClient client(server.port());
    client.send("GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto head = client.answer();
    EXPECT_TRUE(head->close);
    EXPECT_EQ(head->head.find("chunked"), std::string::npos);
    EXPECT_EQ(client.until_closed(), "piece 0\npiece 1\n");
}

TEST(Stream, HeadGetsNoPieces) {
    TestServer server(pieces);
    RawClient client(server.port());
    client.send("HEAD /2 HTTP/1.1\r\nHost: h\r\n\r\nHEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.answer(true)->status, 200);
    EXPECT_EQ(client.answer(true)->status, 200);
}

TEST(Stream, LeftUnfinishedIsCutOff) {
    TestServer server(pieces);
    for (const char* path : {"/3/cut", "/3/throw"}) {
        const auto answer = server.client().get(path);
        ASSERT_FALSE(answer) << path;
        EXPECT_EQ(answer.error().reason(), "connection_lost");
    }
    EXPECT_EQ(server->stats().handler_failures, 1u);
}

TEST(Stream, WriteReportsAClientThatWentAway) {
    std::promise<Error> reported;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        if (!co_await exchange.start_stream({200, "text/plain", {}})) co_return;
        for (;;) {
            if (Status sent = co_await exchange.write(std::string(64 * kKiB, 'x')); !sent) {
                EXPECT_FALSE(co_await exchange.write("more"));
                EXPECT_FALSE(co_await exchange.finish());
                reported.set_value(sent.error());
                co_return;
            }
        }
    });
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_FALSE(client.some().empty());
    client.close();
    auto error = reported.get_future();
    ASSERT_EQ(error.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(error.get().reason(), "client_gone");
}

TEST(Stream, WriteReportsAClientThatStoppedReading) {
    HttpServerOptions options = test_options();
    options.limits.write_stall_timeout = std::chrono::milliseconds(50);
    std::promise<Error> reported;
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            if (!co_await exchange.start_stream({200, "text/plain", {}})) co_return;
            for (;;) {
                if (Status sent = co_await exchange.write(std::string(64 * kKiB, 'x')); !sent) {
                    reported.set_value(sent.error());
                    co_return;
                }
            }
        },
        options);
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    auto error = reported.get_future();
    ASSERT_EQ(error.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(error.get().reason(), "client_stalled");
    EXPECT_EQ(server->stats().timeouts, 1u);
}

TEST(Stream, LargeAnswersWaitForSlowReaders) {
    const std::string large(32 * kMiB, 'x');
    TestServer server([&](Exchange& exchange) -> Task<void> {
        exchange.respond({200, "text/plain", {}}, large);
        co_return;
    });
    HttpClient client = server.client();
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(client.get("/")->body == large);
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

TEST(ClientGone, CancelsTheTokenOfWhatRuns) {
    ThreadPool pool({"test", 1, 10});
    std::promise<bool> seen_gone;
    std::promise<void> running;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        CancelToken token;
        exchange.cancel_when_gone(token);
        EXPECT_FALSE(exchange.client_gone());
        const auto cancelled = co_await on_pool(pool, [&] {
            running.set_value();
            const Deadline deadline = Deadline::after(kPatience);
            while (!token.cancelled() && !deadline.passed()) std::this_thread::yield();
            return token.cancelled();
        });
        seen_gone.set_value(*cancelled && exchange.client_gone());
        exchange.respond({200, "", {}}, "");
    });
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    running.get_future().wait();
    client.close();
    EXPECT_TRUE(seen_gone.get_future().get());
}

}  // namespace
}  // namespace insula::net::testing
