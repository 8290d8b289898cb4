#include "cli/query_arguments.h"

#include <gtest/gtest.h>

namespace insula::cli {
namespace {

std::string json_of(const Result<json::JsonValue>& value) {
    return value ? value->text() : "error: " + std::string(value.error().message());
}

TEST(QueryArguments, ColumnsAreNamesBetweenCommas) {
    EXPECT_EQ(json_of(parse_columns("a,b.c")), R"(["a","b.c"])");
    EXPECT_EQ(json_of(parse_columns(R"(a\,b,c\\d)")), R"(["a,b","c\\d"])");
    EXPECT_EQ(json_of(parse_columns("a,,b")), "error: --columns \"a,,b\" holds an empty name.");
}

TEST(QueryArguments, AMinusOrdersDescending) {
    EXPECT_EQ(json_of(parse_order_by("a,-b")), R"(["a",{"column":"b","descending":true}])");
    EXPECT_EQ(json_of(parse_order_by(R"(\-a)")), R"(["-a"])");
    EXPECT_EQ(json_of(parse_order_by("-")), "error: --order-by \"-\" holds an empty name.");
}

TEST(QueryArguments, AnAggregationIsTypeColumnAlias) {
    EXPECT_EQ(json_of(parse_aggregation("count")), R"({"type":"count"})");
    EXPECT_EQ(json_of(parse_aggregation("sum:amount")), R"({"type":"sum","column":"amount"})");
    EXPECT_EQ(json_of(parse_aggregation("sum:amount:total")),
              R"({"type":"sum","column":"amount","alias":"total"})");
    EXPECT_EQ(json_of(parse_aggregation("count::orders")), R"({"type":"count","alias":"orders"})");
    EXPECT_EQ(json_of(parse_aggregation(R"(sum:a\:b)")), R"({"type":"sum","column":"a:b"})");
    EXPECT_EQ(json_of(parse_aggregation("sum:a:b:c")),
              "error: --agg \"sum:a:b:c\" is not TYPE[:COLUMN[:ALIAS]].");
}

TEST(QueryArguments, AGroupIsColumnBucketAlias) {
    EXPECT_EQ(json_of(parse_group_by("country,ts:1h,ts:1d:day,c::land")),
              R"(["country",{"column":"ts","bucket":"1h"},)"
              R"({"column":"ts","bucket":"1d","alias":"day"},{"column":"c","alias":"land"}])");
    EXPECT_EQ(json_of(parse_group_by(R"(a\,b\:c)")), R"(["a,b:c"])");
    EXPECT_TRUE(json_of(parse_group_by(":1h")).starts_with("error: "));
}

TEST(QueryArguments, AColumnsTypeStandsBehindTheLastColon) {
    const auto column = parse_column_type("a:b:datetime64[ns]");
    ASSERT_TRUE(column);
    EXPECT_EQ(column->name, "a:b");
    EXPECT_EQ(column->value.string(), "datetime64[ns]");
    EXPECT_FALSE(parse_column_type("a"));
    EXPECT_FALSE(parse_column_type("a:"));
    EXPECT_FALSE(parse_column_type(":int64"));
}

}  // namespace
}  // namespace insula::cli
