#include <gtest/gtest.h>

#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

struct Case {
    std::string_view name;
    std::string request;
    int status;
};

std::vector<Case> malformed_requests() {
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
    return {
        {"binary", std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8), 400},
        {"bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", 400},
        {"no version", "GET /\r\n\r\n", 400},
        {"bad version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400},
        {"no method", " / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"bad escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"encoded NUL", "GET /a%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"dots", "GET /a/../../etc HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"encoded dots", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"both lengths", head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"both lengths, swapped",
         head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
        {"length twice", head + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
        {"two lengths", head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
        {"list of lengths", head + "Content-Length: 3, 4\r\n\r\nabcd", 400},
        {"negative length", head + "Content-Length: -3\r\n\r\nabc", 400},
        {"signed length", head + "Content-Length: +3\r\n\r\nabc", 400},
        {"huge length", head + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        {"length of words", head + "Content-Length: three\r\n\r\nabc", 400},
        {"chunked twice", head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501},
        {"unknown coding", head + "Transfer-Encoding: gzip\r\n\r\n", 501},
        {"hidden coding", head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
        {"two codings", head + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"chunked HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"folded header", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
        {"space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n", 400},
        {"header without a colon", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", 400},
        {"control character", "GET / HTTP/1.1\r\nHost: h\r\nX: a\001b\r\n\r\n", 400},
        {"carriage return in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
        {"unknown expectation", head + "Expect: wonders\r\nContent-Length: 1\r\n\r\n", 417},
        {"many headers",
         [] {
             std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
             for (int i = 0; i < 200; ++i) text += "X: y\r\n";
             return text + "\r\n";
         }(),
         431},
        {"large headers",
         "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
        {"endless headers", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'x'), 431},
        {"long target", "GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
        {"many parameters",
         [] {
             std::string text = "GET /?";
             for (int i = 0; i < 300; ++i) text += "a&";
             return text + " HTTP/1.1\r\nHost: h\r\n\r\n";
         }(),
         400},
    };
}

TEST(MalformedRequest, IsAnsweredAndTheConnectionEnds) {
    TestServer server;
    for (const Case& each : malformed_requests()) {
        SCOPED_TRACE(each.name);
        RawClient client(server.port());
        client.send(each.request);
        const auto answer = client.answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, each.status) << answer->body;
        EXPECT_TRUE(answer->close);
        EXPECT_TRUE(answer->body.starts_with(R"({"error":{"code":")")) << answer->body;
        EXPECT_NE(answer->body.find(R"("message":")"), std::string::npos);
        EXPECT_EQ(client.until_closed(), "") << "nothing may follow";
    }
    EXPECT_EQ(server->stats().requests, 0u) << "none of them reached the handler";
    EXPECT_EQ(server->stats().requests_malformed, malformed_requests().size());
}

TEST(MalformedRequest, DoesNotHurtTheOnesBefore) {
    TestServer server;
    RawClient client(server.port());
    client.send("GET /good HTTP/1.1\r\nHost: h\r\n\r\nGET bad HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.answer()->body, "GET /good\n");
    EXPECT_EQ(client.answer()->status, 400);
}

TEST(MalformedChunks, GiveAnErrorAndEndTheConnection) {
    TestServer server;
    for (const std::string_view chunks :
         {"z\r\nabc\r\n", "3\r\nabcd\r\n", "-3\r\nabc\r\n", "3\nabc\n", "fffffffffffffffff\r\n",
          "3;\001\r\nabc\r\n"}) {
        SCOPED_TRACE(chunks);
        RawClient client(server.port());
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(chunks).send("0\r\n\r\n");
        const auto answer = client.answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 400);
        EXPECT_EQ(answer->body, "malformed_body");
        EXPECT_TRUE(answer->close);
        EXPECT_EQ(client.until_closed(), "");
    }
}

TEST(MalformedChunks, EndlessExtensionsAreRefused) {
    TestServer server;
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;" +
                std::string(200'000, 'x'));
    EXPECT_EQ(client.answer()->body, "malformed_body");
}

}  // namespace
}  // namespace insula::net::testing
