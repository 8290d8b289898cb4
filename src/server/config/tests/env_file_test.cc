#include "server/config/env_file.h"

#include <gtest/gtest.h>

namespace insula::config {
namespace {

std::string value_of(std::string_view line) {
    const EnvFile file = parse_env_file("config.env", line);
    if (!file.problems.empty()) return "problem " + file.problems[0];
    return file.lines.empty() ? "nothing" : file.lines[0].value;
}

TEST(EnvFile, ValueRunsToTheEndOfTheLine) {
    EXPECT_EQ(value_of("TENANT_NAME=Your Tenant Name"), "Your Tenant Name");
    EXPECT_EQ(value_of("A=b\r\n"), "b");
    EXPECT_EQ(value_of("  A =  b c  "), "b c");
    EXPECT_EQ(value_of("A="), "");
    EXPECT_EQ(value_of("A=b=c"), "b=c");
    EXPECT_EQ(value_of("export A=b"), "b");
    EXPECT_EQ(value_of("\xef\xbb\xbf"
                       "A=b"),
              "b");
    EXPECT_EQ(value_of("A=it's"), "it's");
}

TEST(EnvFile, CommentsAreSkipped) {
    EXPECT_EQ(value_of("# A=b"), "nothing");
    EXPECT_EQ(value_of("A=b # c"), "b");
    EXPECT_EQ(value_of("A=b#c"), "b#c");
    EXPECT_EQ(value_of("A= # c"), "");
    EXPECT_EQ(value_of("A='b' # c"), "b");
}

TEST(EnvFile, QuotesHoldAnything) {
    EXPECT_EQ(value_of(R"(A="b # \"c\" \\ \n")"), "b # \"c\" \\ \n");
    EXPECT_EQ(value_of(R"(A='b # $c "d" \n')"), R"(b # $c "d" \n)");
    EXPECT_EQ(value_of(R"(A="")"), "");
}

TEST(EnvFile, MistakesNameFileAndLine) {
    const EnvFile file = parse_env_file("config.env",
                                        "GOOD=1\n"
                                        "no equals sign\n"
                                        "1A=b\n"
                                        "B=\"open\n"
                                        "C='open\n"
                                        "D=\"a\" b\n"
                                        "E=\"\\q\"\n"
                                        "GOOD=2\n"
                                        "=b\n");
    ASSERT_EQ(file.problems.size(), 8u);
    EXPECT_EQ(file.problems[0], "config.env:2: a line is NAME=value; the = is missing");
    EXPECT_TRUE(file.problems[1].starts_with("config.env:3: what stands before = is no name"));
    EXPECT_EQ(file.problems[2], "config.env:4: B: the closing quote is missing");
    EXPECT_EQ(file.problems[3], "config.env:5: C: the closing quote is missing");
    EXPECT_EQ(file.problems[4], "config.env:6: D: something follows the closing quote");
    EXPECT_TRUE(file.problems[5].starts_with("config.env:7: E: only"));
    EXPECT_EQ(file.problems[6], "config.env:8: GOOD is set twice, first in line 1");
    EXPECT_TRUE(file.problems[7].starts_with("config.env:9: what stands before ="));
    ASSERT_EQ(file.lines.size(), 1u);
    EXPECT_EQ(file.lines[0].value, "1");
}

}  // namespace
}  // namespace insula::config
