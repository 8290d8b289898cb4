#include "frontends/rest/routes.h"

#include <gtest/gtest.h>

#include <array>

#include "frontends/rest/error_response.h"
#include "frontends/rest/public_codes.h"
#include "platform/json/json_value.h"

namespace insula::rest {
namespace {

net::RequestHead request(net::Method method, std::string_view path) {
    net::RequestHead head;
    head.method = method;
    head.target = path;
    head.path = path;
    return head;
}

TEST(Routes, EveryRouteDeclaresItsActionAndResource) { EXPECT_EQ(find_route_fault(routes()), ""); }

TEST(Routes, ARouteWithoutADeclarationIsFound) {
    const std::array undeclared{
        Route{net::Method::get, "/x", "", "", Access::authorised, "", nullptr}};
    EXPECT_EQ(find_route_fault(undeclared), "GET /x declares no action or resource");
    const std::array without_resource{
        Route{net::Method::get, "/x", "tables:Read", "", Access::authorised, "", nullptr}};
    EXPECT_NE(find_route_fault(without_resource), "");
    const std::array twice{
        Route{net::Method::get, "/x", "a:B", "c", Access::authorised, "", nullptr},
        Route{net::Method::get, "/x", "a:B", "c", Access::authorised, "", nullptr}};
    EXPECT_EQ(find_route_fault(twice), "GET /x stands twice");
}

TEST(Routes, ArgumentsAreTakenFromThePathAndFillTheResource) {
    const auto match = match_route(request(net::Method::get, "/sources/a%2Fb/stats"));
    ASSERT_NE(match.route, nullptr);
    EXPECT_EQ(match.arguments, std::vector<std::string>{"a/b"});
    EXPECT_EQ(fill_resource(*match.route, match.arguments), "source/a/b");
}

TEST(Routes, AnotherMethodOfAKnownPathNamesTheAllowedOnes) {
    const auto match = match_route(request(net::Method::put, "/sources/a"));
    EXPECT_EQ(match.route, nullptr);
    EXPECT_EQ(match.allowed, std::vector<net::Method>{net::Method::delete_});
    EXPECT_TRUE(match_route(request(net::Method::get, "/nothing")).allowed.empty());
}

TEST(Routes, HeadIsAnsweredWhereGetIs) {
    EXPECT_NE(match_route(request(net::Method::head, "/sources")).route, nullptr);
}

TEST(ErrorBody, HasTheOneShapeWithAHintForEveryCode) {
    for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
        const Error error(static_cast<Code>(code), "some_reason", "What went wrong.");
        const auto body = json::JsonValue::parse(error_body(error, "42"));
        ASSERT_TRUE(body);
        const json::JsonValue* shown = body->find("error");
        ASSERT_NE(shown, nullptr);
        EXPECT_EQ(shown->find("code")->string(), "some_reason");
        EXPECT_EQ(shown->find("message")->string(), "What went wrong.");
        EXPECT_NE(shown->find("hint")->string(), "") << code;
        EXPECT_EQ(shown->find("request_id")->string(), "42");
        EXPECT_GE(http_status(error.code()), 400);
    }
}

TEST(HttpStatus, AStalledClientIsNotTheServersFault) {
    EXPECT_EQ(http_status(Error(Code::deadline_exceeded, "client_stalled", "m")), 408);
    EXPECT_EQ(http_status(Error(Code::deadline_exceeded, "deadline_exceeded", "m")), 504);
}

TEST(ErrorBody, IsJsonWhateverItQuotes) {
    const auto body = json::JsonValue::parse(
        error_body(invalid_argument("r", "\xcf|\xc3\xa9").with_hint("\xe2\x82"), "1"));
    ASSERT_TRUE(body);
    EXPECT_EQ(body->find("error")->find("message")->string(), "\uFFFD|\u00e9");
    EXPECT_EQ(body->find("error")->find("hint")->string(), "\uFFFD\uFFFD");
}

TEST(ErrorBody, NeverShowsTheDetail) {
    const std::string body = error_body(internal_error("/secret/path"), "1");
    EXPECT_EQ(body.find("secret"), std::string::npos);
}

TEST(PublicError, WhatNoAnswerMaySayBecomesInternal) {
    const Error error =
        public_error(Error(Code::already_exists, "file_exists", "A stored file exists already."));
    EXPECT_EQ(error.code(), Code::internal);
    EXPECT_EQ(error.reason(), "internal");
    EXPECT_NE(error.detail().find("file_exists"), std::string_view::npos);
    EXPECT_EQ(error_body(error, "1").find("file"), std::string::npos);
}

TEST(PublicError, APublicCodeStaysWhatItIs) {
    for (const std::string_view code : public_codes()) {
        EXPECT_EQ(public_error(invalid_argument(code, "m")).describe(),
                  invalid_argument(code, "m").describe());
    }
}

}  // namespace
}  // namespace insula::rest
