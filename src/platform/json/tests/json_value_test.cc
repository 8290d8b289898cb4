#include "platform/json/json_value.h"

#include <gtest/gtest.h>

namespace insula::json {
namespace {

using Kind = JsonValue::Kind;

TEST(JsonValue, KindsAndOrderAreKept) {
    const auto parsed =
        JsonValue::parse(R"({"z":1,"a":-9223372036854775808,"u":18446744073709551615,)"
                         R"("big":18446744073709551616,)"
                         R"("neg":-9223372036854775809,"f":1.0,"e":1e3,"s":"\u00e9\n",)"
                         R"("t":true,"n":null,"l":[1,[2]]})");
    ASSERT_TRUE(parsed) << parsed.error().describe();
    EXPECT_EQ(parsed->object()[0].name, "z");
    EXPECT_EQ(parsed->find("z")->int64(), 1);
    EXPECT_EQ(parsed->find("a")->int64(), INT64_MIN);
    EXPECT_EQ(parsed->find("u")->uint64(), UINT64_MAX);
    EXPECT_EQ(parsed->find("big")->big_number(), "18446744073709551616");
    EXPECT_EQ(parsed->find("neg")->big_number(), "-9223372036854775809");
    EXPECT_EQ(parsed->find("f")->kind(), Kind::float64);
    EXPECT_EQ(parsed->find("e")->float64(), 1000.0);
    EXPECT_EQ(parsed->find("s")->string(), "é\n");
    EXPECT_TRUE(parsed->find("t")->boolean());
    EXPECT_TRUE(parsed->find("n")->is_null());
    EXPECT_EQ(parsed->find("l")->array()[1].array()[0].int64(), 2);
    EXPECT_EQ(parsed->find("missing"), nullptr);
}

TEST(JsonValue, ScalarsAreDocumentsToo) {
    EXPECT_EQ(JsonValue::parse(" 42 ")->int64(), 42);
    EXPECT_EQ(JsonValue::parse("\"x\"")->string(), "x");
    EXPECT_EQ(JsonValue::parse("-1.5")->float64(), -1.5);
    EXPECT_TRUE(JsonValue::parse("null\n")->is_null());
    EXPECT_TRUE(JsonValue::parse("true")->boolean());
    EXPECT_EQ(JsonValue::parse("99999999999999999999 ")->big_number(), "99999999999999999999");
}

TEST(JsonValue, WhiteSpaceBehindAScalarIsNoPartOfIt) {
    for (const size_t blanks : {1, 2, 5, 100, 2000}) {
        const std::string space(blanks, ' ');
        for (const std::string scalar : {"true", "false", "null", "\"x\"", "7", "-1.5", "1e999"}) {
            const auto bare = JsonValue::parse(scalar);
            const auto spaced = JsonValue::parse(scalar + space);
            ASSERT_TRUE(spaced) << scalar << " and " << blanks << ": " << spaced.error().describe();
            EXPECT_EQ(*spaced, *bare) << scalar << " and " << blanks;
        }
        const auto cut = JsonValue::parse("[1," + space);
        ASSERT_FALSE(cut);
        EXPECT_EQ(cut.error().reason(), "malformed_json");
        const auto empty = JsonValue::parse(space);
        ASSERT_FALSE(empty);
        EXPECT_EQ(empty.error().reason(), "malformed_json");
    }
}

TEST(JsonValue, TextReadsBackEqual) {
    const std::string text =
        R"({"a":[1,2.5,"x\"\\\u0001",null,true,{}],"b":{"c":18446744073709551616,"d":[]},"é":"€"})";
    const auto parsed = JsonValue::parse(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->text(), text);
    EXPECT_EQ(*JsonValue::parse(parsed->text()), *parsed);
    EXPECT_FALSE(*JsonValue::parse("[1]") == *JsonValue::parse("[1.0]"));
}

TEST(JsonValue, DuplicateKeysAreRefusedAtTheSecond) {
    const auto parsed = JsonValue::parse(R"({"a":1,"b":{"x":1,"y":2,"\u0078":3}})");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().reason(), "duplicate_key");
    EXPECT_EQ(parsed.error().message(),
              "The request body has the key \"x\" twice in one object, at byte 24.");
}

TEST(JsonValue, BodiesAboveTheLimitAreRefused) {
    const auto parsed = JsonValue::parse("[1,2,3]", {.bytes_max = 6});
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code(), Code::payload_too_large);
}

TEST(JsonCursor, ErrorsNameThePlaceAndWhatIsThere) {
    const auto parsed =
        JsonValue::parse(R"({"filters":{"amount":{"between":[1,"x"]}},"limit":-1})");
    ASSERT_TRUE(parsed);
    const JsonCursor root(*parsed);
    const JsonCursor filters = root.member(parsed->object()[0]);
    const JsonCursor amount = filters.member(filters.value().object()[0]);
    const JsonCursor between = amount.member(amount.value().object()[0]);
    const JsonCursor item = between.item(1);
    EXPECT_EQ(item.path(), "filters.amount.between[1]");
    EXPECT_EQ(item.boolean().error().message(),
              "filters.amount.between[1] must be true or false; it is a string.");
    EXPECT_EQ(root.array(1).error().message(), "The request must be an array; it is an object.");
    EXPECT_EQ(between.array(1).error().message(),
              "filters.amount.between has 2 items; at most 1 are allowed.");
    const JsonCursor limit = root.member(parsed->object()[1]);
    EXPECT_EQ(limit.whole_number(0, 10).error().message(),
              "limit must be a whole number between 0 and 10; it is -1.");
}

TEST(JsonValue, ANumberBeyondADoubleIsKeptAsItWasWritten) {
    for (const char* text : {"1e999", "-12.5E+400", "1e999 "}) {
        const auto parsed = JsonValue::parse(text);
        ASSERT_TRUE(parsed) << text << ": " << parsed.error().describe();
        EXPECT_EQ(parsed->kind(), JsonValue::Kind::big_number) << text;
        EXPECT_TRUE(std::string_view(text).starts_with(parsed->text())) << parsed->text();
    }
    const std::string_view document = R"({"a":[1e999,{"b":-1e400}],"c":1})";
    const auto parsed = JsonValue::parse(document);
    ASSERT_TRUE(parsed) << parsed.error().describe();
    EXPECT_EQ(parsed->text(), document);
    for (const char* text : {"1e", "01e999", "1e999x", "[1e999", "1e999 2"}) {
        EXPECT_FALSE(JsonValue::parse(text)) << text;
    }
}

}  // namespace
}  // namespace insula::json
