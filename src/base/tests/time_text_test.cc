#include "base/time_text.h"

#include <gtest/gtest.h>

#include <random>

namespace insula {
namespace {

std::string printed(int64_t nanos) {
    std::string text;
    append_timestamp(text, nanos);
    return text;
}

TEST(TimeText, ReadsWhatRfc3339Allows) {
    EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(parse_timestamp("2024-01-15T10:30:00.25Z"), 1'705'314'600'250'000'000);
    EXPECT_EQ(parse_timestamp("2024-01-15 12:30:00.25+02:00"), 1'705'314'600'250'000'000);
    EXPECT_EQ(parse_timestamp("2024-01-15"), 1'705'276'800'000'000'000);
    EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999999999Z"), -1);
    EXPECT_EQ(parse_date("2000-02-29"), 11'016);
}

TEST(TimeText, RefusesWhatIsNoTime) {
    for (const char* bad :
         {"", "2024", "2024-13-01", "2023-02-29", "2024-01-15T", "2024-01-15T25:00:00Z",
          "2024-01-15T10:30:00.Z", "2024-01-15T10:30:00.1234567890Z", "2024-01-15T10:30:00Zx",
          "0000-01-01", "1500-01-01T00:00:00Z", "2024-1-5", "2024-01-15T10:60:00Z"}) {
        EXPECT_FALSE(parse_timestamp(bad)) << bad;
    }
    EXPECT_FALSE(parse_date("2024-01-15T00:00:00Z"));
}

TEST(TimeText, PrintsWithAsFewDigitsAsNeeded) {
    EXPECT_EQ(printed(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(printed(-1), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(printed(1'705'314'600'250'000'000), "2024-01-15T10:30:00.25Z");
    EXPECT_EQ(printed(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
}

TEST(TimeText, EveryTimestampComesBack) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 100'000; ++i) {
        const auto nanos = static_cast<int64_t>(random());
        ASSERT_EQ(parse_timestamp(printed(nanos)), nanos) << printed(nanos);
    }
}

}  // namespace
}  // namespace insula
