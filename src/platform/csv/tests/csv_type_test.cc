#include "platform/csv/csv_type.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace insula::csv {
namespace {

TypeGuess guess(const std::vector<std::string>& values) {
    TypeGuess made;
    for (const std::string& value : values) made.add(value);
    return made;
}

TEST(CsvType, IsTheNarrowestThatAllValuesHave) {
    EXPECT_EQ(guess({"1", "-2"}).type(), CsvType::integer);
    EXPECT_EQ(guess({"1", "2.5"}).type(), CsvType::number);
    EXPECT_EQ(guess({"true", "false"}).type(), CsvType::boolean);
    EXPECT_EQ(guess({"true", "1"}).type(), CsvType::text);
    EXPECT_EQ(guess({"00501", "10001"}).type(), CsvType::text);
    EXPECT_EQ(guess({"", "1"}).type(), CsvType::text) << "a quoted empty field is text";
    for (const char* text : {"+1", "1.", ".5", "0x10", "inf", "nan", "1e", "01", "1 ", "TRUE"}) {
        EXPECT_EQ(guess({text}).type(), CsvType::text) << text;
    }
}

TEST(CsvType, DependsOnAllWherePartOfTheValuesWouldMakeAnother) {
    EXPECT_FALSE(guess({"1", "2"}).depends_on_all());
    EXPECT_FALSE(guess({"1", "2.5"}).depends_on_all()) << "integers become fractions by themselves";
    EXPECT_TRUE(guess({"9007199254740993", "2.5"}).depends_on_all()) << "these do not";
    EXPECT_FALSE(guess({"a", "b"}).depends_on_all());
    EXPECT_TRUE(guess({"10001", "00501"}).depends_on_all());
    EXPECT_TRUE(guess({"a", "b", "c", "1.5"}).depends_on_all());
    EXPECT_TRUE(guess({"true", "x"}).depends_on_all());
    EXPECT_TRUE(guess({"true", "1"}).depends_on_all());
}

// Where it does not depend on all, every part has the type of the whole, or one that becomes it.
TEST(CsvType, PartsAgreeUnlessItSaysOtherwise) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const std::vector<std::string> pool{"1",    "-7",    "2.5",  "1e3", "9007199254740993",
                                        "true", "false", "0501", "x",   ""};
    for (int run = 0; run < 5000; ++run) {
        std::vector<std::string> values(1 + random() % 5);
        const size_t kinds = 1 + random() % pool.size();
        const size_t first = random() % pool.size();
        for (auto& value : values) value = pool[(first + random() % kinds) % pool.size()];
        const TypeGuess whole = guess(values);
        if (whole.depends_on_all()) continue;
        for (const std::string& value : values) {
            const CsvType part = guess({value}).type();
            const bool becomes = part == CsvType::integer && whole.type() == CsvType::number;
            EXPECT_TRUE(part == whole.type() || becomes) << value;
        }
    }
}

}  // namespace
}  // namespace insula::csv
