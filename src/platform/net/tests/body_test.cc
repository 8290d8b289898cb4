#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <tuple>

#include "platform/net/body_decoder.h"
#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

std::string varied_text(size_t bytes) {
    std::mt19937 random(7);
    std::string text;
    while (text.size() < bytes) text += std::to_string(random()) + ",";
    text.resize(bytes);
    return text;
}

// Gives the body back, up to 8 MiB; errors as "code reason".
Task<void> give_back(Exchange& exchange) {
    auto body = co_await exchange.read_body(8 * kMiB);
    if (!body) {
        exchange.respond({400, "", {}}, std::string(code_name(body.error().code())) + " " +
                                            std::string(body.error().reason()));
        co_return;
    }
    const bool padded = body->capacity() >= body->size() + kBodyPadding;
    const std::string zeros(kBodyPadding, '\0');
    const bool zeroed = std::memcmp(body->data() + body->size(), zeros.data(), kBodyPadding) == 0;
    if (!padded || !zeroed) {
        exchange.respond({500, "", {}}, "no padding");
        co_return;
    }
    exchange.respond({200, "", {}}, *std::move(body));
}

ClientRequest post(std::string_view body, std::vector<Header> headers = {}) {
    ClientRequest request;
    request.method = Method::post;
    request.headers = std::move(headers);
    request.body = body;
    return request;
}

TEST(Body, ComesBackWhateverItsSize) {
    TestServer server(give_back);
    HttpClient client = server.client();
    for (const size_t bytes :
         {size_t(0), size_t(1), size_t(4000), size_t(200'000), size_t(8 * kMiB)}) {
        const std::string text = varied_text(bytes);
        const auto answer = client.send(post(text));
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(answer->status, 200);
        EXPECT_TRUE(answer->body == text) << bytes;
    }
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

TEST(Body, ChunkedIsJoined) {
    TestServer server(give_back);
    HttpClient client = server.client();
    const std::string text = varied_text(3'000'000);
    for (const size_t piece_bytes : {size_t(7), size_t(1000), size_t(70'000), size_t(3'000'000)}) {
        // Small pieces of a short text, large pieces of all of it.
        const std::string_view whole =
            std::string_view(text).substr(0, piece_bytes < 100 ? 10'000 : text.size());
        std::string_view rest = whole;
        ClientRequest request = post({});
        request.body_producer = [&]() -> Result<std::optional<std::string_view>> {
            if (rest.empty()) return std::nullopt;
            const std::string_view piece = rest.substr(0, piece_bytes);
            rest.remove_prefix(piece.size());
            return piece;
        };
        const auto answer = client.send(request);
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_TRUE(answer->body == whole) << piece_bytes;
    }
}

// A body however it is sent: as it is, in chunks, or packed.
std::array<ClientRequest, 3> three_ways(const std::string& text, const std::string& packed,
                                        std::string_view& rest) {
    std::array<ClientRequest, 3> requests{post(text), post({}),
                                          post(packed, {{"Content-Encoding", "gzip"}})};
    rest = text;
    requests[1].body_producer = [&rest]() -> Result<std::optional<std::string_view>> {
        if (rest.empty()) return std::nullopt;
        const std::string_view piece = rest.substr(0, 50'000);
        rest.remove_prefix(piece.size());
        return piece;
    };
    return requests;
}

TEST(Body, IsCountedAsWhatItBecomesHoweverItIsSent) {
    constexpr uint64_t kBudget = 2 * kMiB;
    MemoryBudget budget("bodies", kBudget);
    uint64_t held = 0;
    TestServer server([&](Exchange& exchange) -> Task<void> {
        MemoryGrant memory = *budget.try_reserve(0);
        const auto body = co_await exchange.read_body(8 * kMiB, &memory);
        held = budget.usage();
        exchange.respond({body ? 200 : 400, "", {}},
                         body ? "" : std::string(body.error().reason()));
    });
    const std::string small = varied_text(60'000);
    const std::string fits = varied_text(1'500'000);
    const std::string large(4 * kMiB, 'x');  // 4 KiB when packed
    std::string_view rest;
    for (const auto& [text, status, held_min, held_max] :
         {std::tuple(&small, 200, uint64_t(0), 2 * kUncountedBodyBytes),
          {&fits, 200, uint64_t(fits.size()), kBudget},
          {&large, 400, uint64_t(0), kBudget}}) {
        const std::string packed = gzip(*text);
        for (const ClientRequest& request : three_ways(*text, packed, rest)) {
            HttpClient client = server.client();
            const auto answer = client.send(request);
            ASSERT_TRUE(answer) << answer.error().describe();
            EXPECT_EQ(answer->status, status) << text->size();
            if (status == 400) {
                EXPECT_TRUE(answer->body == "exceeds_memory" || answer->body == "memory_exhausted")
                    << answer->body;
            }
            EXPECT_GE(held, held_min) << text->size();
            EXPECT_LE(held, held_max) << text->size();
        }
    }
    EXPECT_EQ(budget.usage(), 0u);
    EXPECT_LE(budget.high_water(), kBudget);
}

TEST(Body, EncodingsAreUndone) {
    TestServer server(give_back);
    HttpClient client = server.client();
    const std::string text = varied_text(1'000'000);
    const std::string twice = gzip(text) + gzip("tail");
    const auto check = [&](std::string_view encoding, std::string_view sent,
                           const std::string& expected) {
        const auto answer = client.send(post(sent, {{"Content-Encoding", std::string(encoding)}}));
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(answer->status, 200) << encoding << " " << answer->body.substr(0, 100);
        EXPECT_TRUE(answer->body == expected) << encoding;
    };
    check("gzip", gzip(text), text);
    check("x-gzip", gzip(text), text);
    check("GZIP", gzip(""), "");
    check("gzip", twice, text + "tail");
    check("zstd", zstd(text), text);
    check("zstd", zstd(text) + zstd("tail"), text + "tail");
    check("identity", text, text);

    ClientRequest chunked = post({}, {{"Content-Encoding", "gzip"}});
    const std::string packed = gzip(text);
    std::string_view rest = packed;
    chunked.body_producer = [&]() -> Result<std::optional<std::string_view>> {
        if (rest.empty()) return std::nullopt;
        const std::string_view piece = rest.substr(0, 999);
        rest.remove_prefix(piece.size());
        return piece;
    };
    const auto answer = client.send(chunked);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->body == text);
}

TEST(Body, BombsAreDefused) {
    TestServer server(give_back);
    const std::string large(64 * kMiB, 'x');
    for (const auto& [encoding, bomb] : {std::pair("gzip", gzip(large)), {"zstd", zstd(large)}}) {
        ASSERT_LT(bomb.size(), 100'000u);
        const auto answer = server.client().send(post(bomb, {{"Content-Encoding", encoding}}));
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(answer->body, "payload_too_large body_too_large") << encoding;
    }
}

TEST(Body, ExactlyTheLimitIsAllowed) {
    TestServer server(give_back);
    HttpClient client = server.client();
    const std::string fits(8 * kMiB, 'x');
    const std::string over = fits + "x";
    EXPECT_EQ(client.send(post(gzip(fits), {{"Content-Encoding", "gzip"}}))->status, 200);
    EXPECT_EQ(client.send(post(zstd(fits), {{"Content-Encoding", "zstd"}}))->status, 200);
    EXPECT_EQ(client.send(post(gzip(over), {{"Content-Encoding", "gzip"}}))->body,
              "payload_too_large body_too_large");
    EXPECT_EQ(client.send(post(zstd(over), {{"Content-Encoding", "zstd"}}))->body,
              "payload_too_large body_too_large");
}

TEST(Body, DamagedAndUnknownEncodingsAreRefused) {
    TestServer server(give_back);
    HttpClient client = server.client();
    const std::string packed = gzip(varied_text(10'000));
    const std::string frames = zstd(varied_text(10'000));
    const auto ask = [&](std::string encoding, std::string_view sent) {
        return client.send(post(sent, {{"Content-Encoding", std::move(encoding)}}))->body;
    };
    EXPECT_EQ(ask("gzip", "not gzip"), "invalid_argument malformed_body");
    EXPECT_EQ(ask("gzip", packed.substr(0, packed.size() / 2)), "invalid_argument malformed_body");
    EXPECT_EQ(ask("gzip", packed + "garbage"), "invalid_argument malformed_body");
    EXPECT_EQ(ask("zstd", frames.substr(0, frames.size() - 1)), "invalid_argument malformed_body");
    EXPECT_EQ(ask("zstd", frames + "garbage"), "invalid_argument malformed_body");
    EXPECT_EQ(ask("br", "x"), "unsupported_media unsupported_encoding");
    EXPECT_EQ(ask("gzip, zstd", "x"), "unsupported_media unsupported_encoding");
}

TEST(Body, TooLargeIsRefusedBeforeItIsSent) {
    TestServer server(give_back);
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n");
    const auto answer = client.answer();
    EXPECT_EQ(answer->body, "payload_too_large body_too_large");
    EXPECT_TRUE(answer->close);
    // The client library reports the answer although its body cannot be sent.
    const std::string large(30 * kMiB, 'x');
    const auto early = server.client().send(post(large));
    ASSERT_TRUE(early) << early.error().describe();
    EXPECT_EQ(early->body, "payload_too_large body_too_large");
}

TEST(Body, ChunkedOverTheLimitIsCutOff) {
    TestServer server(give_back);
    const std::string piece(100'000, 'x');
    size_t sent = 0;
    ClientRequest request = post({});
    request.body_producer = [&]() -> Result<std::optional<std::string_view>> {
        sent += piece.size();
        if (sent > 12 * kMiB) return std::nullopt;
        return piece;
    };
    HttpClient client = server.client();
    const auto answer = client.send(request);
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->body, "payload_too_large body_too_large");
}

TEST(Body, ContinueIsSentWhenAskedFor) {
    TestServer server(give_back);
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(client.answer()->status, 100);
    client.send("abc");
    const auto answer = client.answer();
    EXPECT_EQ(answer->body, "abc");
    EXPECT_FALSE(answer->close);
}

Task<void> ignore_body(Exchange& exchange) {
    exchange.respond({403, "", {}}, "no");
    co_return;
}

TEST(UnreadBody, SmallOnesAreDrainedAndTheConnectionKept) {
    TestServer server(ignore_body);
    HttpClient client = server.client();
    const std::string body(200 * kKiB, 'x');
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.send(post(body))->status, 403);
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

TEST(UnreadBody, LargeOrUnwantedOnesEndTheConnection) {
    TestServer server(ignore_body);
    const std::string body(kMiB, 'x');
    HttpClient client = server.client();
    EXPECT_EQ(client.send(post(body))->header("connection"), "close");
    EXPECT_EQ(client.send(post(body))->status, 403);
    RawClient expecting(server.port());
    expecting.send(
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    const auto answer = expecting.answer();
    EXPECT_EQ(answer->status, 403) << "nobody asked the client to continue";
    EXPECT_TRUE(answer->close);
    RawClient chunked(server.port());
    chunked.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_TRUE(chunked.answer()->close);
}

TEST(BodyDecoder, TakesPiecesOfAnySize) {
    const std::string text = varied_text(50'000);
    for (const auto& [encoding, packed] :
         {std::pair("gzip", gzip(text)), {"zstd", zstd(text)}, {"", text}}) {
        for (const size_t bytes : {1u, 17u, 4096u}) {
            auto decoder = *BodyDecoder::open(encoding, kMiB);
            std::string_view rest = packed;
            while (!rest.empty()) {
                ASSERT_TRUE(decoder->push(rest.substr(0, bytes)));
                rest.remove_prefix(std::min(bytes, rest.size()));
            }
            const auto decoded = decoder->finish();
            ASSERT_TRUE(decoded) << encoding;
            EXPECT_TRUE(*decoded == text) << encoding << " " << bytes;
            EXPECT_GE(decoded->capacity(), decoded->size() + kBodyPadding);
        }
    }
}

}  // namespace
}  // namespace insula::net::testing
