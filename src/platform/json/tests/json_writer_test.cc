#include "platform/json/json_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "platform/json/json_value.h"
#include "platform/json/time_text.h"

namespace insula::json {
namespace {

std::string double_text(double value) {
    char text[kNumberTextMax];
    return {text, format_double(text, value)};
}

std::string string_text(std::string_view value) {
    // Exactly the promised room, on the heap, so that a sanitizer sees a byte too many.
    std::vector<char> text(string_text_max(value.size()));
    return {text.data(), format_string(text.data(), value)};
}

TEST(JsonWriter, DoublesAreShortestAndStayFloats) {
    EXPECT_EQ(double_text(5), "5.0");
    EXPECT_EQ(double_text(0), "0.0");
    EXPECT_EQ(double_text(-0.0), "-0.0");
    EXPECT_EQ(double_text(-1.5), "-1.5");
    EXPECT_EQ(double_text(100.50), "100.5");
    EXPECT_EQ(double_text(0.1), "0.1");
    EXPECT_EQ(double_text(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(double_text(1.0001), "1.0001");
    EXPECT_EQ(double_text(0.00001), "0.00001");
    EXPECT_EQ(double_text(1e-7), "1e-07");
    EXPECT_EQ(double_text(100000), "100000.0");
    EXPECT_EQ(double_text(123456789012345.0), "123456789012345.0");
    EXPECT_EQ(double_text(1e300), "1e+300");
    EXPECT_EQ(double_text(5e-324), "5e-324");
    EXPECT_EQ(double_text(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
    EXPECT_EQ(double_text(std::nan("")), "null");
    EXPECT_EQ(double_text(-INFINITY), "null");
}

TEST(JsonWriter, EveryDoubleReadsBackAsItself) {
    const uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    for (int i = 0; i < 200'000; ++i) {
        double value = std::bit_cast<double>(random());
        if (i % 3 == 0)
            value = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 60)) / 100;
        if (i % 3 == 1)
            value = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 60));
        if (!std::isfinite(value)) continue;
        const std::string text = double_text(value);
        double back = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), back);
        ASSERT_EQ(parsed.ptr, text.data() + text.size()) << text;
        ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value))
            << "seed " << seed << ": " << text;
        ASSERT_NE(text.find_first_of(".e"), std::string::npos) << text;
        char shortest[40];
        const auto end =
            std::to_chars(shortest, shortest + 40, value, std::chars_format::scientific);
        const auto digits = [](std::string_view number) {
            std::string out;
            for (char c : number.substr(0, number.find('e'))) {
                if (c >= '0' && c <= '9') out += c;
            }
            out.erase(0, out.find_first_not_of('0'));
            while (out.ends_with('0')) out.pop_back();
            return out;
        };
        ASSERT_EQ(digits(text), digits({shortest, end.ptr})) << "seed " << seed << ": " << text;
    }
}

TEST(JsonWriter, StringsOfEveryLengthEscapeTheSame) {
    for (size_t size = 0; size < 70; ++size) {
        const std::string clean(size, 'x');
        EXPECT_EQ(string_text(clean), '"' + clean + '"');
        for (size_t at = 0; at < size; ++at) {
            for (const auto& [byte, escaped] :
                 std::vector<std::pair<char, std::string>>{{'"', "\\\""},
                                                           {'\\', "\\\\"},
                                                           {'\n', "\\n"},
                                                           {'\x01', "\\u0001"},
                                                           {'\0', "\\u0000"},
                                                           {'\x1f', "\\u001f"},
                                                           {'\x20', " "},
                                                           {'\x7f', "\x7f"},
                                                           {'\x80', "\x80"},
                                                           {'\xff', "\xff"}}) {
                std::string text = clean;
                text[at] = byte;
                ASSERT_EQ(string_text(text),
                          '"' + clean.substr(0, at) + escaped + clean.substr(at + 1) + '"');
            }
        }
        std::string all(size, '\x02');
        EXPECT_EQ(string_text(all).size(), 6 * size + 2);
    }
}

TEST(JsonWriter, IntegersPrintAllDigits) {
    std::string out;
    JsonWriter writer(out);
    writer.begin_array();
    writer.int64(INT64_MIN);
    writer.uint64(UINT64_MAX);
    writer.int128(static_cast<__int128>(INT64_MAX) * 1000 + 7);
    writer.int128(static_cast<__int128>(1) << 127);  // the smallest
    writer.int128(-5);
    writer.end_array();
    writer.finish();
    EXPECT_EQ(out,
              "[-9223372036854775808,18446744073709551615,9223372036854775807007,"
              "-170141183460469231731687303715884105728,-5]");
}

TEST(JsonWriter, AFinishedWriterLeavesTheStringAlone) {
    std::string out;
    {
        JsonWriter writer(out);
        writer.int64(1);
        writer.finish();
        out += "2";
    }
    EXPECT_EQ(out, "12");
}

TEST(JsonWriter, CommasAreSetBetweenMembersAndItems) {
    std::string out = "before ";
    JsonWriter writer(out);
    writer.begin_object();
    writer.key("a").begin_array();
    writer.null();
    writer.boolean(true);
    writer.begin_object().end_object();
    writer.end_array();
    writer.key("b").string("x");
    writer.key("t").timestamp(0);
    writer.key("d").date(-1);
    writer.end_object();
    writer.newline();
    writer.raw("1");
    writer.finish();
    out += " after";
    EXPECT_EQ(out,
              R"(before {"a":[null,true,{}],"b":"x","t":"1970-01-01T00:00:00Z","d":"1969-12-31"})"
              "\n1 after");
}

TEST(TimeText, FractionsAreAsShortAsTheyCanBe) {
    EXPECT_EQ(timestamp_text(1), "1970-01-01T00:00:00.000000001Z");
    EXPECT_EQ(timestamp_text(500'000'000), "1970-01-01T00:00:00.5Z");
    EXPECT_EQ(timestamp_text(-1), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(timestamp_text(1'705'314'030'120'000'000), "2024-01-15T10:20:30.12Z");
    EXPECT_EQ(timestamp_text(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
    EXPECT_EQ(timestamp_text(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
    EXPECT_EQ(date_text(0), "1970-01-01");
    EXPECT_EQ(date_text(19'737), "2024-01-15");
    EXPECT_EQ(date_text(-719'528), "0000-01-01");
    EXPECT_EQ(date_text(-719'529), "-0001-12-31");
    EXPECT_EQ(date_text(2'932'897), "+10000-01-01");
}

TEST(TimeText, EveryDayReadsBackAsItself) {
    for (int32_t days = *parse_date("0001-01-01"); days <= *parse_date("9999-12-31"); ++days) {
        ASSERT_EQ(parse_date(date_text(days)), days);
    }
    std::mt19937_64 random(7);
    for (int i = 0; i < 100'000; ++i) {
        const auto nanos = static_cast<int64_t>(random());
        ASSERT_EQ(parse_timestamp(timestamp_text(nanos)), nanos);
    }
}

TEST(TimeText, OffsetsAndLenientFormsAreRead) {
    const int64_t expected = 1'705'314'030'000'000'000;
    for (const char* text : {"2024-01-15T10:20:30Z", "2024-01-15t10:20:30z", "2024-01-15 10:20:30",
                             "2024-01-15T12:20:30+02:00", "2024-01-15T04:50:30-05:30",
                             "2024-01-15T10:20:30.0000000000000Z"}) {
        EXPECT_EQ(parse_timestamp(text), expected) << text;
    }
    EXPECT_EQ(parse_timestamp("2024-01-15"), 1'705'276'800'000'000'000);
    EXPECT_TRUE(parse_instant("9999-12-31T00:00:00Z"));
    EXPECT_FALSE(parse_timestamp("9999-12-31T00:00:00Z"));
}

TEST(TimeText, WhatIsNoTimeIsRefused) {
    for (const char* text : {"",
                             "2024",
                             "2024-1-5",
                             "2024-13-01",
                             "2024-02-30",
                             "2023-02-29",
                             "1900-02-29",
                             "0000-01-01",
                             "2024-01-15T",
                             "2024-01-15T24:00:00Z",
                             "2024-01-15T10:20Z",
                             "2024-01-15T10:20:60Z",
                             "2024-01-15T10:20:30.Z",
                             "2024-01-15T10:20:30.1234567891Z",
                             "2024-01-15T10:20:30+2",
                             "2024-01-15T10:20:30Zx",
                             "2024-01-15x",
                             "20240115",
                             "15.01.2024",
                             "2024-01-15T10:20:30+24:00"}) {
        EXPECT_FALSE(parse_instant(text)) << text;
    }
    EXPECT_FALSE(parse_date("2024-01-15T00:00:00Z"));
    EXPECT_TRUE(parse_date("2000-02-29"));
}

}  // namespace
}  // namespace insula::json
