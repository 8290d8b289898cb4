#include "stores/tables/attached/address.h"

#include <gtest/gtest.h>

#include <string>

namespace insula::tables {
namespace {

// The parts of an address, or why there is none.
std::string parsed(std::string_view text) {
    const auto address = AttachedAddress::parse(text);
    if (!address) {
        EXPECT_EQ(address.error().code(), Code::unprocessable);
        EXPECT_FALSE(address.error().hint().empty());
        return std::string(address.error().reason());
    }
    std::string shown = address->absolute ? "/" : "";
    for (const std::string& name : address->directories) shown += name + "|";
    return shown + (address->last.is_plain() ? address->last.text() : "pattern");
}

TEST(AttachedAddress, IsAPathBehindFile) {
    EXPECT_EQ(parsed("file://sales"), "sales");
    EXPECT_EQ(parsed("file://sales/2024/a.csv"), "sales|2024|a.csv");
    EXPECT_EQ(parsed("file:///data/shared/sales/"), "/data|shared|sales");
    EXPECT_EQ(parsed("file://a//b"), "a|b");
    EXPECT_EQ(parsed("file://sales/*.parquet"), "sales|pattern");
    EXPECT_EQ(parsed("file://a%20b/c%2A.csv"), "a b|c*.csv");
    EXPECT_EQ(parsed("file://100%25.csv"), "100%.csv");
    EXPECT_EQ(parsed("file://gr\xC3\xB6\xC3\x9F"), "gr\xC3\xB6\xC3\x9F");
}

TEST(AttachedAddress, OtherSchemesAreNotYet) {
    for (const char* text : {"s3://bucket/key", "http://localhost/a.csv", "FILE://a", "file:/a",
                             "sales", "/data/a.csv", "file:", "postgres://u:p@h/d", "://"}) {
        EXPECT_EQ(parsed(text), "connection_not_available") << text;
    }
    // The message names the scheme and nothing behind it.
    const auto refused = AttachedAddress::parse("postgres://user:password@host/db");
    EXPECT_NE(refused.error().message().find("\"postgres\""), std::string_view::npos);
    EXPECT_EQ(refused.error().message().find("password"), std::string_view::npos);
}

TEST(AttachedAddress, NamesThatLeadElsewhereAreNone) {
    using std::string_literals::operator""s;
    for (const std::string& text : {"file://"s,
                                    "file:///"s,
                                    "file://.."s,
                                    "file://../a.csv"s,
                                    "file://a/../../b.csv"s,
                                    "file://a/./b.csv"s,
                                    "file://%2e%2e/a.csv"s,
                                    "file://a/%2E%2e/b.csv"s,
                                    "file://.%2e/a"s,
                                    "file://a%2Fb.csv"s,
                                    "file://..%2f..%2fetc%2fpasswd"s,
                                    "file://a%00.csv"s,
                                    "file://a\0.csv"s,
                                    "file://a%"s,
                                    "file://a%2"s,
                                    "file://a%zz.csv"s,
                                    "file://*/a.csv"s,
                                    "file://a?/b.csv"s,
                                    "file://%FF.csv"s,
                                    "file://a\xC3/b.csv"s}) {
        EXPECT_EQ(parsed(text), "attachment_not_found") << text;
    }
}

TEST(AttachedAddress, AnswersDoNotTellWhatIsThere) {
    const auto climbs = AttachedAddress::parse("file://../a.csv");
    const Error absent = attachment_not_found("something for the log: /data/x");
    EXPECT_EQ(climbs.error().message(), absent.message());
    EXPECT_EQ(climbs.error().hint(), absent.hint());
    EXPECT_EQ(absent.message().find('/'), std::string_view::npos);
}

TEST(NamePattern, StarsAndQuestionMarksFit) {
    const auto fits = [](const char* pattern, std::string_view name) {
        return NamePattern::parse(pattern)->matches(name);
    };
    EXPECT_TRUE(fits("*.csv", "a.csv"));
    EXPECT_TRUE(fits("*.csv", ".csv"));
    EXPECT_FALSE(fits("*.csv", "a.csv.bak"));
    EXPECT_FALSE(fits("*.csv", "a.CSV"));
    EXPECT_TRUE(fits("a?c", "abc"));
    EXPECT_FALSE(fits("a?c", "ac"));
    EXPECT_TRUE(fits("*a*b*", "xxaxxbxx"));
    EXPECT_FALSE(fits("*a*b*", "xxbxxaxx"));
    EXPECT_TRUE(fits("*", ""));
    EXPECT_TRUE(fits("", ""));
    EXPECT_FALSE(fits("", "a"));
    EXPECT_TRUE(fits("%2A", "*"));
    EXPECT_FALSE(fits("%2A", "a"));
    EXPECT_FALSE(fits("[ab]", "a"));
}

TEST(NamePattern, ManyStarsTakeNoTime) {
    std::string pattern;
    for (int i = 0; i < 100; ++i) pattern += "a*";
    const std::string name(255, 'a');
    // Exponential in a naive matcher: this would not return.
    EXPECT_FALSE(NamePattern::parse(pattern + "b")->matches(name));
    EXPECT_TRUE(NamePattern::parse(pattern)->matches(name));
}

TEST(AttachedFormat, IsTheEndingOfTheName) {
    EXPECT_EQ(attached_format("a.parquet"), AttachedFormat::parquet);
    EXPECT_EQ(attached_format("a.JSON"), AttachedFormat::json);
    EXPECT_EQ(attached_format("a.ndjson"), AttachedFormat::json);
    EXPECT_EQ(attached_format("a.b.jsonl"), AttachedFormat::json);
    EXPECT_EQ(attached_format("a.Csv"), AttachedFormat::csv);
    EXPECT_EQ(attached_format("a.tsv"), AttachedFormat::tsv);
    for (const char* name : {"a", "csv", ".csv", "a.csv.gz", "a.yaml", "control.db", ""}) {
        EXPECT_EQ(attached_format(name), std::nullopt) << name;
    }
}

}  // namespace
}  // namespace insula::tables
