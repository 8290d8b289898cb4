#include "platform/net/connection_count.h"

#include <gtest/gtest.h>

#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

Address address(std::string_view text) { return *parse_address(text); }

TEST(ConnectionCount, EachAddressHasItsOwn) {
    ConnectionCount count(2);
    EXPECT_TRUE(count.enter(address("192.0.2.1")));
    EXPECT_TRUE(count.enter(address("192.0.2.1")));
    EXPECT_FALSE(count.enter(address("192.0.2.1")));
    EXPECT_TRUE(count.enter(address("192.0.2.2")));
    count.leave(address("192.0.2.1"));
    EXPECT_TRUE(count.enter(address("::ffff:192.0.2.1"))) << "the same one";
    EXPECT_FALSE(count.enter(address("192.0.2.1")));
}

TEST(ConnectionCount, ANetworkOf64BitsIsOneClient) {
    ConnectionCount count(1);
    EXPECT_TRUE(count.enter(address("2001:db8:0:1::7")));
    EXPECT_FALSE(count.enter(address("2001:db8:0:1:ffff::8")));
    EXPECT_TRUE(count.enter(address("2001:db8:0:2::7")));
}

TEST(ConnectionLimit, OneAddressGetsItsShareAlone) {
    HttpServerOptions options = test_options();
    options.listen = {{"127.0.0.1", 0}, {"::1", 0}};
    options.limits.connections_per_address_max = 3;
    TestServer server(echo, options);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        ASSERT_EQ(clients.back()->answer()->status, 200);
    }
    RawClient extra(server.port());
    const auto told = extra.answer();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->status, 503);
    EXPECT_NE(told->body.find("This address has as many connections"), std::string::npos);
    EXPECT_EQ(server->stats().connections_refused, 1u);
    HttpClientOptions other;
    other.host = "::1";
    other.port = server->ports()[1];
    EXPECT_EQ(HttpClient(other).get("/")->status, 200) << "another address";
    clients.pop_back();
    const Deadline deadline = Deadline::after(kPatience);
    int status = 0;
    while (status != 200 && !deadline.passed()) {
        RawClient next(server.port());
        next.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        status = next.answer()->status;
    }
    EXPECT_EQ(status, 200) << "one that has ended makes room";
}

TEST(ConnectionLimit, ProxiesAreNotCounted) {
    HttpServerOptions options = test_options();
    options.limits.connections_per_address_max = 1;
    options.trusted_proxies = {*parse_network("127.0.0.1")};
    TestServer server(echo, options);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(clients.back()->answer()->status, 200);
    }
}

}  // namespace
}  // namespace insula::net::testing
