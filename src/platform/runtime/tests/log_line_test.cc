#include "platform/runtime/log_line.h"

#include <gtest/gtest.h>

#include <limits>

namespace insula::log {
namespace {

std::string json(std::string_view text) {
    Line line;
    append_json_text(line, text);
    return {line.data(), line.size()};
}

std::string time_text(WallNanos time) {
    Line line;
    append_time(line, time);
    return {line.data(), line.size()};
}

TEST(LogLine, TextIsEscapedAsJson) {
    EXPECT_EQ(json(""), "\"\"");
    EXPECT_EQ(json("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
    EXPECT_EQ(json(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
    EXPECT_EQ(json("käse 🧀"), "\"käse 🧀\"");
}

TEST(LogLine, BytesThatAreNotUtf8AreReplacedOneByOne) {
    EXPECT_EQ(json("a\xff"
                   "b"),
              "\"a\\ufffdb\"");
    EXPECT_EQ(json("\xc3"), "\"\\ufffd\"");                                   // cut off
    EXPECT_EQ(json("\xc0\xaf"), "\"\\ufffd\\ufffd\"");                        // overlong
    EXPECT_EQ(json("\xe0\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\"");             // overlong
    EXPECT_EQ(json("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");             // a surrogate
    EXPECT_EQ(json("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");  // beyond U+10FFFF
    EXPECT_EQ(json("\xf0\x9f\xa7"
                   "x"),
              "\"\\ufffd\\ufffd\\ufffdx\"");
}

TEST(LogLine, LongTextIsCutBetweenCharacters) {
    const std::string at_limit(kTextBytesMax, 'a');
    EXPECT_EQ(json(at_limit), "\"" + at_limit + "\"");
    EXPECT_EQ(json(at_limit + "b"), "\"" + at_limit + "…\"");
    const std::string before(kTextBytesMax - 1, 'a');
    EXPECT_EQ(json(before + "ä"), "\"" + before + "…\"");
}

TEST(LogLine, TimesAreUtcWithMicroseconds) {
    EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(time_text(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123456Z");
    EXPECT_EQ(time_text(1'700'000'000'999'999'999), "2023-11-14T22:13:20.999999Z");
    EXPECT_EQ(time_text(1'700'000'001'000'000'000), "2023-11-14T22:13:21.000000Z");
    EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(LogLine, FieldsKeepTheirTypes) {
    Line line;
    append_line(line, 0, Level::warn, "tables", "flushed",
                {{"text", "a b"},
                 {"negative", -3},
                 {"large", std::numeric_limits<uint64_t>::max()},
                 {"ratio", 0.1},
                 {"yes", true},
                 {"not_a_number", std::numeric_limits<double>::quiet_NaN()},
                 {"endless", -std::numeric_limits<double>::infinity()}});
    EXPECT_EQ(std::string(line.data(), line.size()),
              R"({"time":"1970-01-01T00:00:00.000000Z","level":"warn","module":"tables",)"
              R"("message":"flushed","text":"a b","negative":-3,"large":18446744073709551615,)"
              R"("ratio":0.1,"yes":true,"not_a_number":"nan","endless":"-inf"})"
              "\n");
}

TEST(LogLine, AccessLineHasFixedFields) {
    Line line;
    append_access_line(line, 0, Level::info,
                       {.request_id = "r1",
                        .tenant = "default_tenant",
                        .method = "POST",
                        .route = "/data/write",
                        .status = 200,
                        .duration_us = 812,
                        .bytes_in = 4096,
                        .bytes_out = 120});
    EXPECT_EQ(std::string(line.data(), line.size()),
              R"({"time":"1970-01-01T00:00:00.000000Z","level":"info","module":"access",)"
              R"("message":"request","request_id":"r1","tenant":"default_tenant","method":"POST",)"
              R"("route":"/data/write","status":200,"duration_us":812,"bytes_in":4096,)"
              R"("bytes_out":120})"
              "\n");
}

}  // namespace
}  // namespace insula::log
