#include "platform/json/json_problem.h"

#include <gtest/gtest.h>

#include <random>

#include "platform/json/json_value.h"

namespace insula::json {
namespace {

struct Malformed {
    std::string_view text;
    size_t offset;
    std::string_view says;
    std::string_view reason = "malformed_json";
};

class MalformedJson : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedJson, IsFoundAtItsByteAndRefusedByTheParser) {
    const Malformed& given = GetParam();
    const auto problem = find_json_problem(given.text);
    ASSERT_TRUE(problem) << given.text;
    EXPECT_EQ(problem->offset, given.offset) << given.text << ": " << problem->message;
    EXPECT_EQ(problem->reason, given.reason) << given.text;
    EXPECT_NE(problem->message.find(given.says), std::string::npos) << problem->message;

    const auto parsed = JsonValue::parse(given.text);
    ASSERT_FALSE(parsed) << given.text;
    EXPECT_EQ(parsed.error().reason(), given.reason);
    EXPECT_NE(parsed.error().message().find(", at byte " + std::to_string(given.offset)),
              std::string_view::npos)
        << parsed.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Table, MalformedJson,
    testing::Values(
        Malformed{"", 0, "expected a JSON value, found the end"},
        Malformed{"  \n", 3, "found the end"}, Malformed{"\xef\xbb\xbf{}", 0, "byte order mark"},
        Malformed{"{", 1, "expected a key in quotes, found the end"},
        Malformed{"[", 1, "expected a value in the array, found the end"},
        Malformed{"{\"a\"", 4, "expected ':' after a key"},
        Malformed{"{\"a\":", 5, "expected a value after ':'"},
        Malformed{"{\"a\" 1}", 5, "expected ':' after a key, found '1'"},
        Malformed{"{\"a\":1 \"b\":2}", 7, "expected ',' or '}' after a member, found '\"'"},
        Malformed{"{\"a\":1,}", 7, "expected a key in quotes, found '}'"},
        Malformed{"{,}", 1, "expected a key"}, Malformed{"{a:1}", 1, "expected a key in quotes"},
        Malformed{"{'a':1}", 1, "expected a key in quotes, found '''"},
        Malformed{"{1:1}", 1, "expected a key"}, Malformed{"[1,]", 3, "expected a value"},
        Malformed{"[1 2]", 3, "expected ',' or ']'"}, Malformed{"[1", 2, "found the end"},
        Malformed{"[1}", 2, "expected ',' or ']' after an array's value, found '}'"},
        Malformed{"{\"a\":1]", 6, "expected ',' or '}'"}, Malformed{"[,1]", 1, "expected a value"},
        Malformed{"{} {}", 3, "expected the end after the JSON value, found '{'"},
        Malformed{"[] x", 3, "expected the end"}, Malformed{"1 2", 2, "expected the end"},
        Malformed{"nul", 3, "expected 'null'"}, Malformed{"nulL", 3, "expected 'null', found 'L'"},
        Malformed{"[truex]", 5, "expected the end of the value, found 'x'"},
        Malformed{"[falsy]", 5, "expected 'false', found 'y'"}, Malformed{"True", 0, "found 'T'"},
        Malformed{"[nullx]", 5, "expected the end of the value"}, Malformed{"NaN", 0, "found 'N'"},
        Malformed{"[Infinity]", 1, "found 'I'"},
        Malformed{"[-Infinity]", 2, "expected a digit, found 'I'"},
        Malformed{"[01]", 2, "may not begin with 0"}, Malformed{"[-01]", 3, "may not begin with 0"},
        Malformed{"[+1]", 1, "found '+'"}, Malformed{"[.5]", 1, "found '.'"},
        Malformed{"[1.]", 3, "after the decimal point"},
        Malformed{"[1.e3]", 3, "after the decimal point"}, Malformed{"[1e]", 3, "exponent"},
        Malformed{"[1e+]", 4, "exponent"}, Malformed{"[-]", 2, "expected a digit"},
        Malformed{"[1.2.3]", 4, "expected the end of the value"},
        Malformed{"[0x10]", 2, "expected the end of the value, found 'x'"},
        Malformed{"\"abc", 4, "begins at byte 0 has no end"},
        Malformed{"[\"a\nb\"]", 3, "control character (0x0a)"},
        Malformed{"[\"\\x\"]", 2, "unknown escape"},
        Malformed{"[\"\\u12g4\"]", 6, "four hexadecimal digits"},
        Malformed{"[\"\\ud800\"]", 2, "surrogate"},
        Malformed{"[\"\\ud800\\u0041\"]", 2, "surrogate"},
        Malformed{"[\"\\udc00\"]", 2, "surrogate"},
        Malformed{"[\"\xff\"]", 2, "not UTF-8", "invalid_utf8"},
        Malformed{"[\"ab\xc3\"]", 4, "not UTF-8", "invalid_utf8"},
        Malformed{"[\"\xed\xa0\x80\"]", 2, "not UTF-8", "invalid_utf8"},
        Malformed{"[\"\xc0\xaf\"]", 2, "not UTF-8", "invalid_utf8"},
        Malformed{"[\"\xf4\x90\x80\x80\"]", 2, "not UTF-8", "invalid_utf8"},
        Malformed{"[\x80]", 1, "not UTF-8", "invalid_utf8"},
        Malformed{"{\"a\":1}\x01", 7, "found byte 0x01"},
        Malformed{"{} // comment", 3, "found '/'"}));

TEST(JsonProblem, DepthIsRefusedWhereItIsExceeded) {
    const std::string fits = std::string(64, '[') + std::string(64, ']');
    EXPECT_FALSE(find_json_problem(fits));
    EXPECT_TRUE(JsonValue::parse(fits));
    const std::string deep = std::string(65, '[') + std::string(65, ']');
    EXPECT_EQ(find_json_problem(deep)->reason, "too_deep");
    EXPECT_EQ(find_json_problem(deep)->offset, 64u);
    EXPECT_EQ(JsonValue::parse(deep).error().reason(), "too_deep");
    // A bomb ends at the limit, whatever follows.
    EXPECT_EQ(JsonValue::parse(std::string(1'000'000, '[')).error().reason(), "too_deep");
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    EXPECT_EQ(JsonValue::parse(objects).error().reason(), "too_deep");
}

TEST(JsonProblem, OffsetOfAGoodTextIsItsLength) {
    EXPECT_EQ(json_error_offset("{\"a\":[1,2.5e-400,\"\\ud83d\\ude00\"]} "), 34u);
    EXPECT_EQ(json_error_offset("{\"a\":[1,2"), 9u);
    EXPECT_EQ(json_error_offset("{\"a\":[1;2"), 7u);
}

TEST(JsonProblem, ScannerAndParserAgreeOnDamagedText) {
    const std::string good =
        R"({"id":12345678901234567890,"a":[1,-2.5e-3,true,false,null,"x\n\u00e9é€😀"],)"
        R"("b":{"c":{},"d":[]},)"
        R"("n":99999999999999999999999})";
    ASSERT_FALSE(find_json_problem(good));
    const uint32_t seed = std::random_device{}();
    std::mt19937 random(seed);
    const std::string_view interesting = "{}[]\",:0123456789.eE+-\\tfn u\xff\xc3\x80\n \x01";
    size_t refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = good;
        for (uint32_t change = random() % 3 + 1; change > 0; --change) {
            const size_t at = random() % text.size();
            const char with = interesting[random() % interesting.size()];
            switch (random() % 3) {
                case 0:
                    text[at] = with;
                    break;
                case 1:
                    text.insert(at, 1, with);
                    break;
                default:
                    text.erase(at, 1);
            }
        }
        const auto problem = find_json_problem(text);
        const auto parsed = JsonValue::parse(text);
        if (problem) ++refused;
        // The scanner knows no keys; what stands behind the second one the parser has not read.
        if (!parsed && parsed.error().reason() == "duplicate_key") continue;
        ASSERT_EQ(parsed.has_value(), !problem.has_value())
            << "seed " << seed << ": " << text << "\n"
            << (problem ? problem->message : parsed.error().describe());
    }
    EXPECT_GT(refused, 10'000u);
}

}  // namespace
}  // namespace insula::json
