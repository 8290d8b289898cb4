#include "platform/net/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "platform/net/hop.h"
#include "platform/net/tests/test_certificates.h"
#include "platform/net/tests/test_server.h"
#include "platform/net/tls_client.h"

namespace insula::net::testing {
namespace {

using std::chrono::milliseconds;

// Who asks, and how: "secure CN=loader,O=Acme".
Task<void> origin(Exchange& exchange) {
    const RequestHead& request = exchange.request();
    exchange.respond({200, "text/plain", {}},
                     (request.secure ? "secure " : "plain ") + std::string(request.client_subject));
    co_return;
}

class TlsTest : public ::testing::Test {
  protected:
    TlsServerOptions tls_options() {
        return {.cert_file = files.certificate, .key_file = files.key, .client_ca_file = {}};
    }
    void open(TlsServerOptions options) {
        auto opened = TlsServer::open(std::move(options));
        ASSERT_TRUE(opened) << opened.error().describe();
        tls = *std::move(opened);
    }
    HttpServerOptions server_options() {
        if (!tls) open(tls_options());
        HttpServerOptions options = test_options();
        options.tls = tls.get();
        return options;
    }
    HttpClientOptions client_options(const TestServer& server) {
        HttpClientOptions options;
        options.port = server.port();
        options.io_timeout = kPatience;
        options.tls =
            TlsClientOptions{.ca_file = authority.file(), .cert_file = {}, .key_file = {}};
        return options;
    }
    HttpClient client(const TestServer& server) { return HttpClient(client_options(server)); }
    void secure(RawClient& client) {
        const auto context = make_client_context({authority.file(), {}, {}});
        ASSERT_TRUE(context) << context.error().describe();
        const Status secured = client.socket().secure(*context, "127.0.0.1", kPatience);
        ASSERT_TRUE(secured) << secured.error().describe();
    }
    std::string reason(HttpClientOptions options) {
        const auto answer = HttpClient(std::move(options)).get("/");
        return answer ? "answered" : std::string(answer.error().reason());
    }

    TestAuthority authority;
    CertificateFiles files = authority.issue({.subject = "server"});
    std::unique_ptr<TlsServer> tls;
};

TEST_F(TlsTest, OnePortSpeaksTlsAndPlainHttp) {
    TestServer server(origin, server_options());
    EXPECT_EQ(client(server).get("/")->body, "secure ");
    EXPECT_EQ(server.client().get("/")->body, "plain ");
    EXPECT_EQ(server->stats().tls_handshakes, 1u);
    EXPECT_EQ(server->stats().tls_failures, 0u);
}

TEST_F(TlsTest, ConnectionsAreKept) {
    TestServer server(echo, server_options());
    HttpClient kept = client(server);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(kept.get("/a")->body, "GET /a\n");
    EXPECT_EQ(server->stats().connections_accepted, 1u);
    EXPECT_EQ(server->stats().tls_handshakes, 1u);
}

TEST_F(TlsTest, BytesOfTheHandshakeMayComeOneByOne) {
    TestServer server(echo, server_options());
    RawClient raw(server.port());
    secure(raw);
    for (const char c : std::string_view("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")) {
        raw.send(std::string_view(&c, 1));
    }
    EXPECT_EQ(raw.answer()->body, "GET /slow\n");
    raw.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(raw.answer()->body, "GET /1\n");
    EXPECT_EQ(raw.answer()->body, "GET /2\n");
}

// Each byte tells its place, so that none can be lost or come twice.
std::string large_body(size_t bytes) {
    std::string body(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) body[i] = static_cast<char>('a' + (i / 7 + i % 11) % 26);
    return body;
}

TEST_F(TlsTest, LargeBodiesPassBothWays) {
    TestServer server(
        [](Exchange& exchange) -> Task<void> {
            auto body = co_await exchange.read_body(64 * kMiB);
            exchange.respond({body ? 200 : 400, "text/plain", {}},
                             body ? *std::move(body) : std::string());
        },
        server_options());
    HttpClient kept = client(server);
    for (const size_t bytes : {0ul, 1ul, 16'383ul, 16'384ul, 16'385ul, 100'000ul, 12'345'678ul}) {
        const std::string body = large_body(bytes);
        const auto answer = kept.post("/", body);
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_TRUE(answer->body == body) << bytes;
        size_t sent = 0;
        ClientRequest chunked{
            Method::post, "/", {}, {}, [&] -> Result<std::optional<std::string_view>> {
                if (sent == body.size()) return std::nullopt;
                const auto piece = std::string_view(body).substr(sent, 70'001);
                sent += piece.size();
                return piece;
            }};
        const auto again = kept.send(chunked);
        ASSERT_TRUE(again) << again.error().describe();
        EXPECT_TRUE(again->body == body) << bytes;
    }
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

TEST_F(TlsTest, StreamsArrivePieceByPiece) {
    const std::string body = large_body(3'000'000);
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            if (!co_await exchange.start_stream({200, "text/plain", {}}, {"X-End"})) co_return;
            for (size_t at = 0, bytes = 1; at < body.size(); at += bytes, bytes = bytes * 3 + 1) {
                if (!co_await exchange.write(body.substr(at, bytes))) co_return;
            }
            std::vector<Header> trailers{{"X-End", "yes"}};
            (void)co_await exchange.finish(std::move(trailers));
        },
        server_options());
    HttpClient kept = client(server);
    for (int i = 0; i < 3; ++i) {
        const auto answer = kept.get("/");
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_TRUE(answer->body == body);
        EXPECT_EQ(answer->trailer("x-end"), "yes");
    }
}

TEST_F(TlsTest, AStreamThatIsCutOffDoesNotLookEnded) {
    TestServer server(
        [](Exchange& exchange) -> Task<void> {
            if (!co_await exchange.start_stream({200, "text/plain", {}})) co_return;
            if (!co_await exchange.write("piece")) co_return;
            if (exchange.request().path == "/whole") (void)co_await exchange.finish();
        },
        server_options());
    // Of HTTP/1.0: nothing but the end of the connection says where the answer ends.
    for (const bool whole : {true, false}) {
        RawClient raw(server.port());
        secure(raw);
        raw.send(whole ? "GET /whole HTTP/1.0\r\n\r\n" : "GET /cut HTTP/1.0\r\n\r\n");
        std::string received;
        char room[4096];
        Result<size_t> got = size_t{0};
        while ((got = raw.socket().receive(room, sizeof room, kPatience)) && *got > 0) {
            received.append(room, *got);
        }
        EXPECT_TRUE(received.ends_with("piece"));
        EXPECT_EQ(got.has_value(), whole) << "close_notify, or none";
    }
}

TEST_F(TlsTest, AClientThatLeavesCancelsWhatRuns) {
    ThreadPool pool({"test", 1, 10});
    std::promise<void> running;
    std::promise<bool> seen;
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            CancelToken token;
            exchange.cancel_when_gone(token);
            const auto cancelled = co_await on_pool(pool, [&] {
                running.set_value();
                const Deadline deadline = Deadline::after(kPatience);
                while (!token.cancelled() && !deadline.passed()) std::this_thread::yield();
                return token.cancelled();
            });
            seen.set_value(*cancelled && exchange.client_gone());
            exchange.respond({200, "", {}}, "");
        },
        server_options());
    RawClient raw(server.port());
    secure(raw);
    raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    running.get_future().wait();
    raw.close();  // with close_notify, which nobody reads while the request runs
    EXPECT_TRUE(seen.get_future().get());
}

TEST_F(TlsTest, AClientThatDoesNotReadIsAStall) {
    HttpServerOptions options = server_options();
    options.limits.write_stall_timeout = milliseconds(50);
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
    RawClient raw(server.port());
    secure(raw);
    raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    auto error = reported.get_future();
    ASSERT_EQ(error.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(error.get().reason(), "client_stalled");
}

TEST_F(TlsTest, LargeAnswersWaitForSlowReaders) {
    const std::string large = large_body(24 * kMiB);
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            exchange.respond({200, "text/plain", {}}, large);
            co_return;
        },
        server_options());
    RawClient raw(server.port());
    secure(raw);
    raw.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string received = raw.until_closed();
    EXPECT_TRUE(received.ends_with(large));
}

TEST_F(TlsTest, AHandshakeThatStandsStillIsEnded) {
    HttpServerOptions options = server_options();
    options.limits.handshake_timeout = milliseconds(50);
    TestServer server(echo, options);
    RawClient raw(server.port());
    raw.send("\x16\x03\x01");
    EXPECT_EQ(raw.until_closed(), "");
    EXPECT_EQ(server->stats().timeouts, 1u);
    EXPECT_EQ(server->stats().tls_failures, 1u);
    EXPECT_EQ(client(server).get("/")->status, 200);
}

TEST_F(TlsTest, HandshakesUnderWayAreBounded) {
    HttpServerOptions options = server_options();
    options.limits.handshakes_max = 2;
    TestServer server(echo, options);
    const Deadline deadline = Deadline::after(kPatience);
    std::vector<std::unique_ptr<RawClient>> half;
    std::string said;
    // One that comes while another client's handshake is under way is itself one too many.
    while (said != "connection_lost" && said != "tls_failed" && !deadline.passed()) {
        half.push_back(std::make_unique<RawClient>(server.port()));
        half.back()->send("\x16\x03\x01");
        said = reason(client_options(server));
    }
    EXPECT_FALSE(deadline.passed()) << said;
    EXPECT_EQ(server.client().get("/")->status, 200) << "plain connections are not concerned";
    half.clear();
    while (reason(client_options(server)) != "answered" && !deadline.passed()) {
    }
    EXPECT_FALSE(deadline.passed()) << "one that has ended makes room";
}

TEST_F(TlsTest, WhatIsNoTlsEndsTheConnectionAlone) {
    TestServer server(echo, server_options());
    for (const std::string_view bytes : {std::string_view("\x16\x03\x01\x00\x05hello", 10),
                                         std::string_view("\x16garbage\0\0", 10),
                                         std::string_view("\x16\xff\xff\xff\xff\xff\xff", 7)}) {
        RawClient raw(server.port());
        raw.send(bytes);
        const std::string said = raw.until_closed();
        EXPECT_LT(said.size(), 20u) << "an alert of TLS, or nothing";
    }
    EXPECT_EQ(server->stats().tls_failures, 3u);
    EXPECT_EQ(client(server).get("/")->status, 200);
}

TEST_F(TlsTest, OldVersionsAreTakenOnlyWhereThatWasAskedFor) {
    for (const TlsVersion oldest : {TlsVersion::v1_2, TlsVersion::v1_3}) {
        TlsServerOptions options = tls_options();
        options.oldest = oldest;
        open(options);
        TestServer server(origin, server_options());
        for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
            const auto context = make_client_context({authority.file(), {}, {}});
            ASSERT_TRUE(context);
            SSL_CTX_set_min_proto_version(context->get(), version);
            SSL_CTX_set_max_proto_version(context->get(), version);
            const bool taken = version == TLS1_3_VERSION ||
                               (version == TLS1_2_VERSION && oldest == TlsVersion::v1_2);
            RawClient raw(server.port());
            const Status secured = raw.socket().secure(*context, "127.0.0.1", kPatience);
            EXPECT_EQ(secured.has_value(), taken) << version;
            if (!secured) continue;
            raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            EXPECT_EQ(raw.answer()->body, "secure ");
        }
    }
}

TEST_F(TlsTest, HttpTwoAloneIsRefused) {
    TestServer server(origin, server_options());
    const auto secured = [&](std::string_view protocols) {
        const auto context = make_client_context({authority.file(), {}, {}});
        SSL_CTX_set_alpn_protos(context->get(),
                                reinterpret_cast<const unsigned char*>(protocols.data()),
                                static_cast<unsigned>(protocols.size()));
        return RawClient(server.port())
            .socket()
            .secure(*context, "127.0.0.1", kPatience)
            .has_value();
    };
    EXPECT_TRUE(secured("\x02h2\x08http/1.1"));
    EXPECT_FALSE(secured("\x02h2"));
}

TEST_F(TlsTest, ClientsShowCertificatesWhereTheyAreAskedFor) {
    TestAuthority foreign;
    const CertificateFiles known = authority.issue({.subject = "loader"});
    const CertificateFiles expired = authority.issue({.subject = "expired", .days = -1});
    const CertificateFiles stranger = foreign.issue({.subject = "stranger"});
    for (const auto mode :
         {ClientCertificates::none, ClientCertificates::request, ClientCertificates::require}) {
        TlsServerOptions options = tls_options();
        options.client_certificates = mode;
        options.client_ca_file = authority.file();
        open(options);
        TestServer server(origin, server_options());
        const auto body_or_reason = [&](const CertificateFiles& shown) {
            HttpClientOptions to = client_options(server);
            to.tls->cert_file = shown.certificate;
            to.tls->key_file = shown.key;
            const auto answer = HttpClient(to).get("/");
            return answer ? answer->body : std::string(answer.error().reason());
        };
        const bool asked = mode != ClientCertificates::none;
        const bool demanded = mode == ClientCertificates::require;
        EXPECT_EQ(body_or_reason({}), demanded ? "client_certificate_refused" : "secure ");
        EXPECT_EQ(body_or_reason(known), asked ? "secure CN=loader,O=Acme" : "secure ");
        EXPECT_EQ(body_or_reason(stranger), asked ? "client_certificate_refused" : "secure ");
        EXPECT_EQ(body_or_reason(expired), asked ? "client_certificate_refused" : "secure ");
        const auto plain = server.client().get("/");
        ASSERT_TRUE(plain);
        EXPECT_EQ(plain->status, demanded ? 400 : 200);
        EXPECT_EQ(plain->body.find("tls_required") != std::string::npos, demanded);
    }
}

TEST_F(TlsTest, ClientsTrustNobodyWhomTheyCannotVerify) {
    TestServer server(origin, server_options());
    EXPECT_EQ(reason(client_options(server)), "answered");
    HttpClientOptions unknown = client_options(server);
    unknown.tls->ca_file = TestAuthority().file();  // gone by now
    EXPECT_EQ(reason(unknown), "invalid_configuration");
    TestAuthority foreign;
    unknown.tls->ca_file = foreign.file();
    EXPECT_EQ(reason(unknown), "certificate_not_trusted");
    unknown.tls->ca_file.clear();
    EXPECT_EQ(reason(unknown), "certificate_not_trusted") << "nor does this machine";
    HttpClientOptions by_name = client_options(server);
    by_name.host = "localhost";
    EXPECT_EQ(reason(by_name), "answered");
    for (const auto& [subject, host, days] :
         {std::tuple("elsewhere", "DNS:data.example,IP:127.0.0.2", 1),
          std::tuple("expired", "IP:127.0.0.1", -1)}) {
        const CertificateFiles other =
            authority.issue({.subject = subject, .host = host, .days = days});
        const auto opened = TlsServer::open(
            {.cert_file = other.certificate, .key_file = other.key, .client_ca_file = {}});
        ASSERT_TRUE(opened);
        HttpServerOptions options = test_options();
        options.tls = opened->get();
        TestServer another(origin, options);
        EXPECT_EQ(reason(client_options(another)), "certificate_not_trusted") << subject;
    }
}

TEST_F(TlsTest, AServerWithoutTlsIsSaidToBeOne) {
    TestServer plain;
    const auto answer = HttpClient(client_options(plain)).get("/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason(), "tls_failed");
    EXPECT_NE(answer.error().message().find("does not speak TLS"), std::string::npos);
}

TEST_F(TlsTest, FilesThatCannotBeUsedAreSaidToBeSo) {
    const CertificateFiles other = authority.issue({.subject = "other"});
    const std::string broken = authority.directory() + "/broken";
    std::ofstream(broken) << "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
    const auto said = [](const std::string& certificate, const std::string& key) {
        const auto opened =
            TlsServer::open({.cert_file = certificate, .key_file = key, .client_ca_file = {}});
        return opened ? std::string() : std::string(opened.error().message());
    };
    const auto contains = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };
    EXPECT_EQ(said(files.certificate, files.key), "");
    EXPECT_TRUE(contains(said("/nowhere.pem", files.key), "/nowhere.pem cannot be read: No such"));
    EXPECT_TRUE(contains(said(files.certificate, "/nowhere.key"), "/nowhere.key cannot be read"));
    EXPECT_TRUE(contains(said(files.certificate, authority.directory()), "is not a file"));
    EXPECT_TRUE(contains(said(files.certificate, other.key),
                         "is not the key of the first certificate in " + files.certificate));
    EXPECT_TRUE(contains(said(files.key, files.key), "holds no certificate"));
    EXPECT_TRUE(contains(said(files.certificate, files.certificate), "holds no private key"));
    EXPECT_TRUE(contains(said(broken, files.key), "certificate"));
    std::ofstream(files.certificate + ".cut")
        << std::ifstream(files.certificate).rdbuf() << std::ifstream(broken).rdbuf();
    EXPECT_TRUE(contains(said(files.certificate + ".cut", files.key), "damaged"));
}

TEST_F(TlsTest, ANewCertificateIsForNewConnections) {
    TestServer server(origin, server_options());
    HttpClient before = client(server);
    ASSERT_TRUE(before.get("/"));
    EXPECT_EQ(tls->certificate().subject, "CN=server,O=Acme");
    EXPECT_GT(tls->certificate().valid_to, tls->certificate().valid_from + 86'000);
    EXPECT_FALSE(tls->certificate().key_exposed);
    authority.issue_to({.subject = "renewed", .host = "DNS:localhost", .days = 2}, files);
    EXPECT_EQ(*tls->reload_if_changed(), TlsServer::Change::none) << "it may still be changing";
    EXPECT_EQ(*tls->reload_if_changed(), TlsServer::Change::reloaded);
    EXPECT_EQ(*tls->reload_if_changed(), TlsServer::Change::none);
    EXPECT_EQ(tls->certificate().subject, "CN=renewed,O=Acme");
    EXPECT_EQ(before.get("/")->body, "secure ");
    EXPECT_EQ(server->stats().connections_accepted, 1u);
    EXPECT_EQ(reason(client_options(server)), "certificate_not_trusted")
        << "127.0.0.1 is not in it";
    HttpClientOptions by_name = client_options(server);
    by_name.host = "localhost";
    EXPECT_EQ(reason(by_name), "answered");
}

TEST_F(TlsTest, ABrokenNewCertificateKeepsTheOld) {
    TestServer server(origin, server_options());
    const auto look = [&] {
        (void)tls->reload_if_changed();
        const auto changed = tls->reload_if_changed();
        return changed ? std::string() : std::string(changed.error().message());
    };
    EXPECT_EQ(look(), "");
    const std::string key_before = authority.directory() + "/key.before";
    std::filesystem::copy(files.key, key_before);
    // A certificate whose key does not come.
    const CertificateFiles other = authority.issue({.subject = "other"});
    std::filesystem::rename(other.certificate, files.certificate);
    EXPECT_NE(look().find("is not the key of"), std::string::npos);
    EXPECT_EQ(look(), "") << "said once";
    EXPECT_EQ(reason(client_options(server)), "answered");
    std::filesystem::remove(files.certificate);
    EXPECT_NE(look().find("cannot be read"), std::string::npos);
    EXPECT_EQ(reason(client_options(server)), "answered");
    authority.issue_to({.subject = "late", .days = -1}, files);
    EXPECT_NE(look().find("has expired; the one before is kept"), std::string::npos);
    EXPECT_EQ(reason(client_options(server)), "answered");
    authority.issue_to({.subject = "good"}, files);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(tls->certificate().subject, "CN=good,O=Acme");
    EXPECT_EQ(reason(client_options(server)), "answered");
}

TEST_F(TlsTest, AKeyThatOthersMayReadIsNoticed) {
    std::filesystem::permissions(
        files.key, std::filesystem::perms::owner_read | std::filesystem::perms::group_read);
    open(tls_options());
    EXPECT_TRUE(tls->certificate().key_exposed);
}

TEST_F(TlsTest, AStopEndsHandshakesAndIdleConnections) {
    TestServer server(echo, server_options());
    RawClient half(server.port());
    half.send("\x16\x03\x01");
    RawClient idle(server.port());
    secure(idle);
    idle.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(idle.answer()->status, 200);
    EXPECT_EQ(server->stop(Deadline::after(kPatience)), 0u);
    EXPECT_EQ(half.until_closed(), "");
    EXPECT_EQ(idle.until_closed(), "");
}

}  // namespace
}  // namespace insula::net::testing
