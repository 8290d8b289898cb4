#include "platform/net/http.h"

#include <gtest/gtest.h>

#include "platform/net/response_writer.h"
#include "platform/net/target.h"

namespace insula::net {
namespace {

struct Parsed {
    RequestHead head;
    std::string storage;
    Status status;
};

Parsed parse(std::string_view target, Method method = Method::get) {
    Parsed parsed;
    parsed.head.method = method;
    parsed.status = parse_target(target, 4, parsed.head, parsed.storage);
    return parsed;
}

TEST(Target, PathAndQueryAreDecoded) {
    const Parsed parsed = parse("/caf%C3%A9/a+b?x=1&name=J%20D+K&flag&x=%26");
    ASSERT_TRUE(parsed.status);
    EXPECT_EQ(parsed.head.path, "/caf\xC3\xA9/a+b");
    ASSERT_EQ(parsed.head.query.size(), 4u);
    EXPECT_EQ(parsed.head.parameter("x"), "1");
    EXPECT_EQ(parsed.head.parameter("name"), "J D K");
    EXPECT_EQ(parsed.head.parameter("flag"), "");
    EXPECT_EQ(parsed.head.query[3].value, "&");
    EXPECT_EQ(parsed.head.parameter("missing"), std::nullopt);
}

TEST(Target, AbsoluteFormLosesItsAuthority) {
    const Parsed parsed = parse("http://example.com:80/a?b=c");
    ASSERT_TRUE(parsed.status);
    EXPECT_EQ(parsed.head.path, "/a");
    EXPECT_EQ(parse("http://example.com").head.path, "/");
    EXPECT_TRUE(parse("*", Method::options).status);
}

TEST(Target, TricksAreRefused) {
    for (const std::string_view target :
         {"/a%", "/a%2", "/a%zz", "/a%00b", "/..", "/a/../b", "/a/%2e%2e/b", "/a/.", "/%2E",
          "/a%2F..%2Fb", "relative", "/a b", "/a\\b", "/a#b", "*", "http://host?x", "/?a=%0",
          "/?a&b&c&d&e", ""}) {
        const Parsed parsed = parse(target);
        ASSERT_FALSE(parsed.status) << target;
        EXPECT_EQ(parsed.status.error().code(), Code::invalid_argument) << target;
    }
}

TEST(Target, DotsInsideNamesAreFine) {
    for (const std::string_view target : {"/a..b", "/...", "/.well-known/x", "/a.", "/a?x=/../"}) {
        EXPECT_TRUE(parse(target).status) << target;
    }
}

TEST(PathSegments, KeepEncodedSlashes) {
    const Parsed parsed = parse("/sources/a%2Fb//c%20d/?x");
    ASSERT_TRUE(parsed.status);
    EXPECT_EQ(path_segments(parsed.head), (std::vector<std::string>{"sources", "a/b", "", "c d"}));
    EXPECT_TRUE(path_segments(parse("/").head).empty());
}

TEST(PercentEncode, IsUndoneByDecode) {
    std::string all;
    for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
    EXPECT_EQ(percent_decode(percent_encode(all)), all);
    EXPECT_EQ(percent_encode("a/b c", true), "a/b%20c");
    EXPECT_EQ(percent_decode("a+b", true), "a b");
}

TEST(HttpDate, IsImfFixdate) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(AnswerHead, ControlCharactersCannotBeginAHeader) {
    std::string out;
    append_head(out, {200, "text/plain", {{"X-Name", "a\r\nX-Evil: 1"}}}, {});
    EXPECT_EQ(out.find("\r\nX-Evil"), std::string::npos);
    EXPECT_NE(out.find("X-Name: a  X-Evil: 1\r\n"), std::string::npos);
}

TEST(DefaultErrorBody, EscapesWhatItShows) {
    EXPECT_EQ(default_error_body(invalid_argument("bad", "a \"b\"\n").with_hint("c\\d")),
              R"({"error":{"code":"bad","message":"a \"b\"\u000a","hint":"c\\d"}})");
}

}  // namespace
}  // namespace insula::net
