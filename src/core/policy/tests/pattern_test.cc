#include "core/policy/pattern.h"

#include <gtest/gtest.h>

#include <chrono>

namespace insula::policy {
namespace {

struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
};

TEST(Pattern, MatchesWildcards) {
    const Case cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "a", true},
        {"a", "A", false},
        {"a", "ab", false},
        {"*", "", true},
        {"*", "abc", true},
        {"**", "abc", true},
        {"a*", "a", true},
        {"a*", "ba", false},
        {"*a", "ba", true},
        {"*a", "ab", false},
        {"a*a", "a", false},
        {"a*a", "aa", true},
        {"*ab*ab*", "abab", true},
        {"*ab*ab*", "aba", false},
        {"*aab", "aaab", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"?", "é", true},
        {"?", "日", true},
        {"??", "日", false},
        {"*??", "日", false},
        {"*??", "日本", true},
        {"*??", "a日本", true},
        {"*?本", "日本", true},
        {"*?本", "本", false},
        {"*?a?*", "xay", true},
        {"*?a?*", "xa", false},
        {"*a?c*d", "aac abcd", true},
        {"a?b*", "a\xffz", false},
        {"*?", "\x80", false},
        {"source/*/x", "source/a/b/x", true},
        {"s3:get*", "s3:getobject", true},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(parse_pattern(one.pattern).matches(one.text), one.matches)
            << one.pattern << " and " << one.text;
    }
}

TEST(Pattern, AddedTextHasNoWildcards) {
    Pattern pattern;
    pattern.add_text("a*");
    pattern.add_any();
    pattern.add_text("?");
    EXPECT_TRUE(pattern.matches("a*b?"));
    EXPECT_FALSE(pattern.matches("aab?"));
    EXPECT_FALSE(pattern.matches("a*bc"));
}

// What takes a matcher that goes back exponential, and one that goes back by one quadratic, time.
TEST(Pattern, HostileInputsAreAnsweredAtOnce) {
    std::string many;
    for (int i = 0; i < 500; ++i) many += "a*";
    const std::string text(1'000'000, 'a');
    const std::string half(1000, 'a');
    const std::string searched = "*" + half + "b*";
    const std::string ones = "*" + std::string(31, 'a') + "?" + std::string(31, 'a') + "b*";
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(parse_pattern(many + "b").matches(text));
    EXPECT_TRUE(parse_pattern(many).matches(text));
    EXPECT_FALSE(parse_pattern(searched).matches(text));
    EXPECT_FALSE(parse_pattern(ones).matches(text));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    // Going back takes hours; this takes some tens of milliseconds, without sanitizers.
    EXPECT_LT(took.count(), 20.0);
}

TEST(Pattern, KnowsItsLongestSearchedPiece) {
    EXPECT_EQ(parse_pattern("abc?").longest_searched_run(), 0u);
    EXPECT_EQ(parse_pattern("*abc?").longest_searched_run(), 0u);
    EXPECT_EQ(parse_pattern("*abc*").longest_searched_run(), 0u);
    EXPECT_EQ(parse_pattern("*a?*abc?*").longest_searched_run(), 4u);
}

}  // namespace
}  // namespace insula::policy
