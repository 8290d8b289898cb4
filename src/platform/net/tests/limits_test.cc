#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "platform/net/hop.h"
#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

using std::chrono::milliseconds;

TEST(Timeout, SlowHeadersAreAnsweredWith408) {
    HttpServerOptions options = test_options();
    options.limits.header_timeout = milliseconds(50);
    TestServer server(echo, options);
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    const auto answer = client.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 408);
    EXPECT_TRUE(answer->close);
    EXPECT_EQ(client.until_closed(), "");
    EXPECT_EQ(server->stats().timeouts, 1u);
}

TEST(Timeout, DribblingHeadersDoesNotExtendIt) {
    HttpServerOptions options = test_options();
    options.limits.header_timeout = milliseconds(50);
    TestServer server(echo, options);
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    bool early_answer = false;
    size_t sent = 0;
    // The client writes until the server has ended it.
    while (sent < 10'000 && !client.socket().stale()) {
        ASSERT_TRUE(client.socket().send("x", {}, kPatience, early_answer));
        ++sent;
        std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_LT(sent, 10'000u);
    EXPECT_EQ(client.answer()->status, 408);
}

TEST(Timeout, IdleConnectionsAreClosedInSilence) {
    HttpServerOptions options = test_options();
    options.limits.idle_timeout = milliseconds(50);
    TestServer server(echo, options);
    RawClient fresh(server.port());
    EXPECT_EQ(fresh.until_closed(), "");
    RawClient used(server.port());
    used.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(used.answer()->status, 200);
    EXPECT_EQ(used.until_closed(), "");
}

TEST(Timeout, AStalledBodyReachesTheHandlerAsAnError) {
    HttpServerOptions options = test_options();
    options.limits.body_stall_timeout = milliseconds(50);
    TestServer server(echo, options);
    for (const char* framing :
         {"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
          "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b"}) {
        RawClient client(server.port());
        client.send("POST / HTTP/1.1\r\nHost: h\r\n");
        client.send(framing);
        const auto answer = client.answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->body, "client_stalled");
        EXPECT_TRUE(answer->close);
    }
    EXPECT_EQ(server->stats().timeouts, 3u);
}

TEST(Timeout, ATrickleIsAStall) {
    HttpServerOptions options = test_options();
    options.limits.body_stall_timeout = milliseconds(60);
    options.limits.progress_bytes_min = 1'000'000;
    TestServer server(echo, options);
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    size_t sent = 0;
    bool early_answer = false;
    while (sent < 10'000 && !client.socket().stale()) {
        ASSERT_TRUE(client.socket().send("x", {}, kPatience, early_answer));
        ++sent;
        std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_LT(sent, 10'000u);
    EXPECT_EQ(client.answer()->body, "client_stalled");
}

TEST(Timeout, AHandlerMayTakeLonger) {
    HttpServerOptions options = test_options();
    options.limits.header_timeout = options.limits.idle_timeout =
        options.limits.body_stall_timeout = options.limits.write_stall_timeout = milliseconds(10);
    ThreadPool pool({"test", 1, 10});
    uint16_t port = 0;
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            // Until a connection that came later has ended by the same limit.
            (void)co_await on_pool(pool, [&] { EXPECT_EQ(RawClient(port).until_closed(), ""); });
            exchange.respond({200, "", {}}, "done");
        },
        options);
    port = server.port();
    EXPECT_EQ(server.client().get("/")->body, "done");
}

TEST(ConnectionLimit, OneMoreIsToldSo) {
    HttpServerOptions options = test_options();
    options.limits.connections_max = 8;
    TestServer server(echo, options);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        ASSERT_EQ(clients.back()->answer()->status, 200);
    }
    EXPECT_EQ(server->stats().connections_open, 8u);
    for (int i = 0; i < 20; ++i) {
        RawClient extra(server.port());
        extra.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        const auto answer = extra.answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 503);
        EXPECT_NE(answer->head.find("Retry-After: "), std::string::npos);
        EXPECT_NE(answer->body.find("too_many_connections"), std::string::npos);
    }
    EXPECT_EQ(server->stats().connections_refused, 20u);
    clients[0]->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(clients[0]->answer()->status, 200) << "those within the limit are not disturbed";
    // A closed connection makes room, as soon as the server has seen it.
    clients.pop_back();
    const Deadline deadline = Deadline::after(kPatience);
    int status = 0;
    while (status != 200 && !deadline.passed()) {
        RawClient next(server.port());
        next.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        status = next.answer()->status;
    }
    EXPECT_EQ(status, 200);
}

TEST(ConnectionLimit, AFloodOfSilentConnectionsIsSurvived) {
    HttpServerOptions options = test_options();
    options.limits.connections_max = 50;
    TestServer server(echo, options);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.clear();
    const Deadline deadline = Deadline::after(kPatience);
    int status = 0;
    while (status != 200 && !deadline.passed()) {
        RawClient next(server.port());
        next.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        const auto answer = next.answer();
        status = answer ? answer->status : 0;
    }
    EXPECT_EQ(status, 200);
}

TEST(Stop, RequestsInFlightEnd) {
    std::promise<std::move_only_function<void(Status)>> started;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        const Status done =
            co_await completion([&](std::move_only_function<void(Status)> callback) {
                started.set_value(std::move(callback));
            });
        exchange.respond({done ? 200 : 500, "", {}}, "finished");
    });
    RawClient idle(server.port());
    RawClient busy(server.port());
    busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    auto callback = started.get_future().get();
    auto stopped =
        std::async(std::launch::async, [&] { return server->stop(Deadline::after(kPatience)); });
    EXPECT_EQ(idle.until_closed(), "") << "idle connections end at once";
    EXPECT_EQ(stopped.wait_for(milliseconds(20)), std::future_status::timeout);
    callback({});
    const auto answer = busy.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "finished");
    EXPECT_TRUE(answer->close);
    EXPECT_EQ(stopped.get(), 0u);
    ClientSocket late;
    EXPECT_EQ(late.connect("127.0.0.1", server.port(), kPatience).error().reason(),
              "connection_refused");
}

TEST(Stop, TheDeadlineCutsOffAndCancels) {
    ThreadPool pool({"test", 1, 10});
    std::promise<void> running;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        CancelToken token;
        exchange.cancel_when_gone(token);
        (void)co_await on_pool(pool, [&] {
            running.set_value();
            const Deadline deadline = Deadline::after(kPatience);
            while (!token.cancelled() && !deadline.passed()) std::this_thread::yield();
        });
        exchange.respond({200, "", {}}, "");
    });
    RawClient busy(server.port());
    busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    running.get_future().wait();
    RawClient stalled(server.port());
    stalled.send("POST /half HTTP/1.1\r\n");
    EXPECT_EQ(server->stop(Deadline::after(milliseconds(20))), 1u);
    EXPECT_EQ(busy.until_closed(), "");
    EXPECT_EQ(stalled.until_closed(), "");
    EXPECT_EQ(server->stop(Deadline::never()), 0u) << "again is fine";
}

}  // namespace
}  // namespace insula::net::testing
