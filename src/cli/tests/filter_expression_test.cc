#include "cli/filter_expression.h"

#include <gtest/gtest.h>

namespace insula::cli {
namespace {

std::string json_of(std::string_view expression) {
    const auto filter = parse_filter_expression(expression);
    return filter ? filter->text() : "error: " + std::string(filter.error().message());
}

TEST(FilterExpression, EachSymbolIsAnOperator) {
    EXPECT_EQ(json_of("amount>=100"), R"({"amount":{"gte":100}})");
    EXPECT_EQ(json_of("amount <= 1.5"), R"({"amount":{"lte":1.5}})");
    EXPECT_EQ(json_of("a=1"), R"({"a":{"eq":1}})");
    EXPECT_EQ(json_of("a==-1"), R"({"a":{"eq":-1}})");
    EXPECT_EQ(json_of("a!=x"), R"({"a":{"ne":"x"}})");
    EXPECT_EQ(json_of("a<>x"), R"({"a":{"ne":"x"}})");
    EXPECT_EQ(json_of("a<1"), R"({"a":{"lt":1}})");
    EXPECT_EQ(json_of("customer.age>30"), R"({"customer.age":{"gt":30}})");
}

TEST(FilterExpression, WordsAreOperatorsInAnyCase) {
    EXPECT_EQ(json_of("c in (DE, 'FR',3)"), R"({"c":{"in":["DE","FR",3]}})");
    EXPECT_EQ(json_of("c NOT IN(DE)"), R"({"c":{"not_in":["DE"]}})");
    EXPECT_EQ(json_of("a between 1 AND 2"), R"({"a":{"between":[1,2]}})");
    EXPECT_EQ(json_of("n like '%x_'"), R"({"n":{"like":"%x_"}})");
    EXPECT_EQ(json_of("n not ilike a%"), R"({"not":{"n":{"ilike":"a%"}}})");
    EXPECT_EQ(json_of("n prefix 12"), R"({"n":{"prefix":"12"}})");
    EXPECT_EQ(json_of("n contains ''"), R"({"n":{"contains":""}})");
    EXPECT_EQ(json_of("n is null"), R"({"n":{"is_null":true}})");
    EXPECT_EQ(json_of("n Is Not Null"), R"({"n":{"not_null":true}})");
}

TEST(FilterExpression, AndBindsTighterThanOrAndBracketsTighterThanBoth) {
    EXPECT_EQ(json_of("a=1 or b=2 and c=3"),
              R"({"or":[{"a":{"eq":1}},{"and":[{"b":{"eq":2}},{"c":{"eq":3}}]}]})");
    EXPECT_EQ(json_of("(a=1 or b=2) and not c=3"),
              R"({"and":[{"or":[{"a":{"eq":1}},{"b":{"eq":2}}]},{"not":{"c":{"eq":3}}}]})");
    EXPECT_EQ(json_of("a between 1 and 2 and b=3"),
              R"({"and":[{"a":{"between":[1,2]}},{"b":{"eq":3}}]})");
}

TEST(FilterExpression, OnlyJsonNumbersAndBooleansAreNoText) {
    EXPECT_EQ(json_of("a=true"), R"({"a":{"eq":true}})");
    EXPECT_EQ(json_of("zip=00501"), R"({"zip":{"eq":"00501"}})");
    EXPECT_EQ(json_of("zip='10115'"), R"({"zip":{"eq":"10115"}})");
    EXPECT_EQ(json_of("zip=\"10115\""), R"({"zip":{"eq":"10115"}})");
    EXPECT_EQ(json_of("t>=2024-01-15T10:00:00Z"), R"({"t":{"gte":"2024-01-15T10:00:00Z"}})");
    EXPECT_EQ(json_of("a=9223372036854775808"), R"({"a":{"eq":9223372036854775808}})");
    EXPECT_EQ(json_of("a=True"), R"({"a":{"eq":"True"}})");
    EXPECT_EQ(json_of("a=b=c"), R"({"a":{"eq":"b=c"}})");
}

TEST(FilterExpression, QuotesHoldAnyTextAndBackslashesEscapeThem) {
    EXPECT_EQ(json_of(R"(name='it\'s')"), R"({"name":{"eq":"it's"}})");
    EXPECT_EQ(json_of(R"(name='a\\b')"), R"({"name":{"eq":"a\\b"}})");
    EXPECT_EQ(json_of(R"(n like '10\%')"), R"({"n":{"like":"10\\%"}})");
    EXPECT_EQ(json_of(R"('a column'="x (y), z")"), R"({"a column":{"eq":"x (y), z"}})");
    EXPECT_EQ(json_of("straße='Ω'"), R"({"straße":{"eq":"Ω"}})");
}

TEST(FilterExpression, ColumnsMayBeNamedLikeWords) {
    EXPECT_EQ(json_of("not=1"), R"({"\\not":{"eq":1}})");
    EXPECT_EQ(json_of("'and'=1 and or=2"), R"({"and":[{"\\and":{"eq":1}},{"\\or":{"eq":2}}]})");
    EXPECT_EQ(json_of("note=1"), R"({"note":{"eq":1}})");
    EXPECT_EQ(json_of("in in (1)"), R"({"in":{"in":[1]}})");
    EXPECT_EQ(json_of("is is null"), R"({"is":{"is_null":true}})");
}

TEST(FilterExpression, WhatCannotBeReadIsShown) {
    EXPECT_EQ(json_of("amount>>5"), R"({"amount":{"gt":">5"}})") << "text may hold anything";
    EXPECT_EQ(json_of(""),
              "error: The filter cannot be read at its end: expected a column's name.");
    EXPECT_EQ(json_of("a"), "error: The filter cannot be read at its end: expected an operator.");
    EXPECT_EQ(json_of("a="), "error: The filter cannot be read at its end: expected a value.");
    EXPECT_EQ(
        json_of("name=Ann Lee"),
        "error: The filter cannot be read before \"Lee\": expected \"and\", \"or\" or the end.");
    EXPECT_EQ(json_of("(a=1"), "error: The filter cannot be read at its end: expected \")\".");
    EXPECT_EQ(
        json_of("a in 1"),
        "error: The filter cannot be read before \"1\": expected \"(\" and a list of values.");
    EXPECT_EQ(json_of("a='x"),
              "error: The filter cannot be read before \"'x\": this quote is not closed.");
    EXPECT_EQ(json_of("a=null"),
              "error: The filter cannot be read before \"null\": nothing compares with null.");
    EXPECT_EQ(json_of("a between 1"),
              "error: The filter cannot be read at its end: expected \"and\" and the upper bound.");
    EXPECT_EQ(json_of("=1"),
              "error: The filter cannot be read before \"=1\": expected a column's name.");
}

TEST(FilterExpression, DepthIsBounded) {
    const std::string deep = std::string(100'000, '(') + "a=1";
    EXPECT_TRUE(json_of(deep).starts_with("error: ")) << "and the stack has held";
    std::string nots;
    for (int i = 0; i < 100'000; ++i) nots += "not ";
    EXPECT_TRUE(json_of(nots + "a=1").starts_with("error: "));
    EXPECT_EQ(json_of("((((a=1))))"), R"({"a":{"eq":1}})");
}

TEST(FilterExpression, SeveralFiltersMustAllHold) {
    EXPECT_EQ(all_of({}).text(), "{}");
    std::vector<json::JsonValue> filters;
    filters.push_back(*parse_filter_expression("a=1"));
    EXPECT_EQ(all_of(filters).text(), R"({"a":{"eq":1}})");
    filters.push_back(*parse_filter_expression("a=2"));
    EXPECT_EQ(all_of(filters).text(), R"({"and":[{"a":{"eq":1}},{"a":{"eq":2}}]})");
}

}  // namespace
}  // namespace insula::cli
