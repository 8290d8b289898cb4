#include "frontends/rest/cors.h"

#include <gtest/gtest.h>

namespace insula::rest {
namespace {

constexpr const char* kApp = "https://app.example.org";

std::string value(const std::vector<net::Header>& headers, std::string_view name) {
    std::string found = "none";
    for (const net::Header& header : headers) {
        if (header.name != name) continue;
        EXPECT_EQ(found, "none") << name << " stands twice";
        found = header.value;
    }
    return found;
}

std::string allowed(const Cors& cors, std::optional<std::string_view> origin) {
    return value(cors.answer_headers(origin), "Access-Control-Allow-Origin");
}

TEST(Cors, NamesTheOriginThatIsOnTheListAndNoOther) {
    const Cors cors(
        {.enabled = true, .origins = {kApp, "http://localhost:3000"}, .allow_headers = {}});
    EXPECT_EQ(allowed(cors, kApp), kApp);
    EXPECT_EQ(allowed(cors, "http://localhost:3000"), "http://localhost:3000");
    for (const char* foreign :
         {"https://app.example.org.evil.net", "https://app.example.or",
          "https://app.example.org:444", "http://app.example.org", "https://APP.example.org",
          "https://app.example.org/", "https://evil-app.example.org", "https://sub.app.example.org",
          "null", "*", ""}) {
        EXPECT_EQ(allowed(cors, foreign), "none") << foreign;
        EXPECT_FALSE(cors.allows(foreign)) << foreign;
    }
    EXPECT_EQ(allowed(cors, std::nullopt), "none");
}

TEST(Cors, EveryAnswerSaysThatItDependsOnTheOrigin) {
    const Cors cors({.enabled = true, .origins = {kApp}, .allow_headers = {}});
    for (const std::optional<std::string_view> origin :
         {std::optional<std::string_view>(), std::optional<std::string_view>(kApp),
          std::optional<std::string_view>("https://evil.example")}) {
        EXPECT_EQ(value(cors.answer_headers(origin), "Vary"), "Origin");
    }
}

TEST(Cors, AStarNeverComesWithCredentials) {
    const Cors cors({.enabled = true, .origins = {"*", kApp}, .allow_headers = {}});
    EXPECT_EQ(allowed(cors, "https://anybody.example"), "*");
    EXPECT_EQ(allowed(cors, kApp), kApp);
    EXPECT_FALSE(cors.names("https://anybody.example"));
    EXPECT_FALSE(cors.names("*"));
    for (const char* origin : {"https://anybody.example", kApp}) {
        EXPECT_EQ(value(cors.answer_headers(origin), "Access-Control-Allow-Credentials"), "none");
    }
}

net::RequestHead preflight(std::string_view headers) {
    net::RequestHead request;
    request.method = net::Method::options;
    request.headers = {{"Origin", kApp},
                       {"Access-Control-Request-Method", "POST"},
                       {"Access-Control-Request-Headers", headers}};
    return request;
}

TEST(Cors, APreflightIsToldMethodsAndHeaders) {
    const net::RequestHead request = preflight("x-other");
    ASSERT_TRUE(Cors::is_preflight(request));
    const Cors cors(
        {.enabled = true, .origins = {kApp}, .allow_headers = {"Authorization", "Content-Type"}});
    const auto headers = cors.preflight_headers(request, {net::Method::get, net::Method::delete_});
    EXPECT_EQ(value(headers, "Access-Control-Allow-Methods"), "GET, DELETE");
    EXPECT_EQ(value(headers, "Access-Control-Allow-Headers"), "Authorization, Content-Type");
    EXPECT_EQ(value(headers, "Access-Control-Max-Age"), "600");
}

TEST(Cors, AStarForHeadersNamesThoseThatWereAskedFor) {
    const Cors cors({.enabled = true, .origins = {kApp}, .allow_headers = {"*"}});
    const auto allowed_headers = [&](std::string_view asked) {
        return value(cors.preflight_headers(preflight(asked), {net::Method::get}),
                     "Access-Control-Allow-Headers");
    };
    EXPECT_EQ(allowed_headers("authorization,x-own"), "authorization,x-own");
    EXPECT_EQ(allowed_headers("a\r\nX-Injected: b"), "*");
}

TEST(Cors, OtherRequestsAreNoPreflights) {
    net::RequestHead request = preflight("");
    request.method = net::Method::get;
    EXPECT_FALSE(Cors::is_preflight(request));
    request = preflight("");
    request.headers.erase(request.headers.begin() + 1);
    EXPECT_FALSE(Cors::is_preflight(request));
    request = preflight("");
    request.headers.erase(request.headers.begin());
    EXPECT_FALSE(Cors::is_preflight(request));
}

}  // namespace
}  // namespace insula::rest
