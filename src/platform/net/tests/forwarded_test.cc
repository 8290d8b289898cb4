#include "platform/net/forwarded.h"

#include <gtest/gtest.h>

#include "platform/net/tests/test_server.h"

namespace insula::net::testing {
namespace {

std::vector<Network> networks(std::initializer_list<std::string_view> texts) {
    std::vector<Network> all;
    for (const std::string_view text : texts) all.push_back(*parse_network(text));
    return all;
}

TEST(Network, ContainsWhatSharesItsPrefix) {
    for (const auto& [network, address, inside] : {std::tuple("10.0.0.0/8", "10.255.0.1", true),
                                                   {"10.0.0.0/8", "11.0.0.0", false},
                                                   {"10.1.2.0/23", "10.1.3.255", true},
                                                   {"10.1.2.0/23", "10.1.4.0", false},
                                                   {"192.0.2.7", "192.0.2.7", true},
                                                   {"192.0.2.7", "192.0.2.6", false},
                                                   {"10.0.0.0/8", "::ffff:10.0.0.1", true},
                                                   {"::ffff:10.0.0.0/104", "10.9.9.9", true},
                                                   {"2001:db8::/33", "2001:db8:7fff::1", true},
                                                   {"2001:db8::/33", "2001:db8:8000::1", false},
                                                   {"::1", "::1", true},
                                                   {"::1", "127.0.0.1", false},
                                                   {"::/0", "10.0.0.1", true}}) {
        EXPECT_EQ(parse_network(network)->contains(*parse_address(address)), inside)
            << network << " " << address;
    }
}

TEST(Network, IsWrittenInOneWay) {
    for (const char* text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0/8",
          "::/129", "fe80::1%eth0", "10.0.0.0/8/8", "localhost", "10.0.0.0/08x", "010.0.0.1"}) {
        const auto network = parse_network(text);
        ASSERT_FALSE(network) << text;
        EXPECT_EQ(network.error().reason(), "invalid_network");
    }
}

TEST(Address, IsShownInItsShortestForm) {
    EXPECT_EQ(to_text(*parse_address("2001:0DB8:0:0::7")), "2001:db8::7");
    EXPECT_EQ(to_text(*parse_address("::ffff:192.0.2.1")), "192.0.2.1");
    EXPECT_TRUE(parse_address("127.8.9.1")->is_loopback());
    EXPECT_TRUE(parse_address("::1")->is_loopback());
    EXPECT_FALSE(parse_address("::2")->is_loopback());
    EXPECT_FALSE(parse_address("128.0.0.1")->is_loopback());
    EXPECT_FALSE(parse_address("::7f00:1")->is_loopback());
}

// "address", "none" where the header is missing, "refused".
std::string client(ForwardedHeader which, const std::vector<HeaderView>& headers) {
    static const std::vector<Network> kTrusted = networks({"10.0.0.0/8", "2001:db8:1::/48"});
    RequestHead request;
    request.headers = headers;
    const auto address = forwarded_address(request, which, kTrusted);
    if (!address) {
        EXPECT_EQ(address.error().reason(), "malformed_forwarded");
        return "refused";
    }
    return *address ? to_text(**address) : "none";
}

std::string by_list(std::string_view value) {
    return client(ForwardedHeader::x_forwarded_for, {{"X-Forwarded-For", value}});
}

std::string by_standard(std::string_view value) {
    return client(ForwardedHeader::forwarded, {{"Forwarded", value}});
}

TEST(ForwardedFor, TheRightmostAddressThatIsNoProxyCounts) {
    EXPECT_EQ(by_list("203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(by_list("198.51.100.1, 203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(by_list("198.51.100.1, 203.0.113.7, 10.0.0.1"), "203.0.113.7");
    EXPECT_EQ(by_list("203.0.113.7, 10.0.0.1, 10.0.0.2"), "203.0.113.7");
    EXPECT_EQ(by_list("10.9.9.9, 10.0.0.1"), "10.9.9.9") << "all are proxies: the first asks";
    EXPECT_EQ(by_list("10.0.0.1, 203.0.113.7"), "203.0.113.7") << "a client that says it is one";
}

TEST(ForwardedFor, WhatTheClientMadeUpIsNotLookedAt) {
    EXPECT_EQ(by_list("garbage, <script>, 203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(by_list("\", 203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(by_list("127.0.0.1, ::1, 203.0.113.7, 10.0.0.1"), "203.0.113.7");
}

TEST(ForwardedFor, LinesAreReadInTheirOrder) {
    EXPECT_EQ(client(ForwardedHeader::x_forwarded_for, {{"X-Forwarded-For", "198.51.100.1"},
                                                        {"Host", "h"},
                                                        {"x-forwarded-FOR", "203.0.113.7"}}),
              "203.0.113.7");
    EXPECT_EQ(
        client(ForwardedHeader::x_forwarded_for,
               {{"X-Forwarded-For", "198.51.100.1, 203.0.113.7"}, {"X-Forwarded-For", "10.0.0.1"}}),
        "203.0.113.7");
}

TEST(ForwardedFor, AddressesComeWithPortsBlanksAndBrackets) {
    EXPECT_EQ(by_list(" \t203.0.113.7:4711 ,10.0.0.1:80\t"), "203.0.113.7");
    EXPECT_EQ(by_list("[2001:db8::7]:4711"), "2001:db8::7");
    EXPECT_EQ(by_list("[2001:db8::7]"), "2001:db8::7");
    EXPECT_EQ(by_list("2001:db8::7"), "2001:db8::7");
    EXPECT_EQ(by_list("2001:DB8:0::7, [2001:db8:1::1]:443"), "2001:db8::7");
    EXPECT_EQ(by_list("203.0.113.7, ::ffff:10.0.0.1"), "203.0.113.7") << "the proxy, mapped";
    EXPECT_EQ(by_list(",, 203.0.113.7 ,,"), "203.0.113.7") << "empty elements do not count";
}

TEST(ForwardedFor, WhatAProxySaidAndNobodyCanReadIsRefused) {
    for (const char* value :
         {"unknown", "203.0.113.7, unknown", "203.0.113.7, unknown, 10.0.0.1", "203.0.113.300",
          "203.0.113.7:", "203.0.113.7:70000", "203.0.113.7:4x", "[203.0.113.7]", "[2001:db8::7",
          "[2001:db8::7]4711", "[2001:db8::7]:", "fe80::1%eth0", "example.org", "\"203.0.113.7\"",
          "203.0.113.7 198.51.100.1", "203.0.113.7;10.0.0.1"}) {
        EXPECT_EQ(by_list(value), "refused") << value;
    }
}

TEST(ForwardedFor, OneHeaderIsReadAndTheOtherIsNot) {
    const std::vector<HeaderView> both{{"Forwarded", "for=198.51.100.1"},
                                       {"X-Forwarded-For", "203.0.113.7"}};
    EXPECT_EQ(client(ForwardedHeader::x_forwarded_for, both), "203.0.113.7");
    EXPECT_EQ(client(ForwardedHeader::forwarded, both), "198.51.100.1");
    EXPECT_EQ(client(ForwardedHeader::x_forwarded_for, {{"Forwarded", "for=1.2.3.4"}}), "none");
    EXPECT_EQ(client(ForwardedHeader::forwarded, {{"X-Forwarded-For", "1.2.3.4"}}), "none");
    EXPECT_EQ(client(ForwardedHeader::x_forwarded_for, {{"X-Forwarded-For2", "1.2.3.4"}}), "none");
}

TEST(Forwarded, IsReadAsItsStandardSays) {
    EXPECT_EQ(by_standard("for=203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(by_standard("For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
    EXPECT_EQ(by_standard("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
    EXPECT_EQ(by_standard("proto=https ; FOR=\"203.0.113.7:80\" ; host=\"a,b;c\""), "203.0.113.7");
    EXPECT_EQ(by_standard("for=198.51.100.1, for=203.0.113.7, for=10.0.0.1"), "203.0.113.7");
}

TEST(Forwarded, AQuotationMarkHidesNothing) {
    for (const char* value :
         {"for=\"198.51.100.1, for=203.0.113.7", "for=\"x, for=\"[2001:db8::1]\"",
          "for=198.51.100.1;x=\", for=\"[2001:db8::1]\"", "for=\"203.0.113.7\\\"",
          "x=\"\\, for=10.0.0.1"}) {
        EXPECT_NE(by_standard(value), "198.51.100.1") << value;
    }
    EXPECT_EQ(by_standard("for=\"198.51.100.1, for=203.0.113.7"), "refused");
}

TEST(Forwarded, WhatNobodyCanReadIsRefused) {
    for (const char* value : {"for=unknown", "for=_hidden", "for=", "proto=https", "203.0.113.7",
                              "for=203.0.113.7;for=198.51.100.1", "for=\"203.0.113.7", "for=a\"b\"",
                              "for=203.0.113.7;bare"}) {
        EXPECT_EQ(by_standard(value), "refused") << value;
    }
}

std::string address_seen(const HttpServerOptions& options, std::vector<Header> headers) {
    TestServer server(
        [](Exchange& exchange) -> Task<void> {
            exchange.respond({200, "", {}}, std::string(exchange.request().remote_address));
            co_return;
        },
        options);
    ClientRequest request;
    request.headers = std::move(headers);
    const auto answer = server.client().send(request);
    return answer->status == 200 ? answer->body : std::to_string(answer->status) + answer->body;
}

TEST(TrustedProxies, AStrangersHeaderIsNotLookedAt) {
    HttpServerOptions options = test_options();
    const std::vector<Header> headers{{"X-Forwarded-For", "203.0.113.7"}};
    EXPECT_EQ(address_seen(options, headers), "127.0.0.1");
    options.trusted_proxies = networks({"10.0.0.0/8", "127.0.0.2"});
    EXPECT_EQ(address_seen(options, headers), "127.0.0.1");
    EXPECT_EQ(address_seen(options, {{"X-Forwarded-For", "nonsense"}}), "127.0.0.1");
    options.trusted_proxies = networks({"127.0.0.0/8"});
    EXPECT_EQ(address_seen(options, headers), "203.0.113.7");
    EXPECT_EQ(address_seen(options, {}), "127.0.0.1") << "the proxy itself";
    const std::string refused = address_seen(options, {{"X-Forwarded-For", "nonsense"}});
    EXPECT_EQ(refused.substr(0, 3), "400");
    EXPECT_NE(refused.find("malformed_forwarded"), std::string::npos);
}

TEST(TrustedProxies, OneRequestsClientIsNotThatOfTheNext) {
    HttpServerOptions options = test_options();
    options.trusted_proxies = networks({"127.0.0.1"});
    TestServer server(
        [](Exchange& exchange) -> Task<void> {
            exchange.respond({200, "", {}}, std::string(exchange.request().remote_address));
            co_return;
        },
        options);
    HttpClient kept = server.client();
    ClientRequest request;
    request.headers = {{"X-Forwarded-For", "203.0.113.7"}};
    EXPECT_EQ(kept.send(request)->body, "203.0.113.7");
    EXPECT_EQ(kept.get("/")->body, "127.0.0.1");
    request.headers = {{"X-Forwarded-For", "198.51.100.9"}};
    EXPECT_EQ(kept.send(request)->body, "198.51.100.9");
    EXPECT_EQ(server->stats().connections_accepted, 1u);
}

}  // namespace
}  // namespace insula::net::testing
