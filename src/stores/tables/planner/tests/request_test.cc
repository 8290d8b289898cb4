#include "stores/tables/planner/request.h"

#include <gtest/gtest.h>

namespace insula::tables {
namespace {

using json::JsonValue;

Result<SearchRequest> search(std::string_view text, SearchMode mode = SearchMode::page) {
    return parse_search(*JsonValue::parse(text), mode);
}
Result<AggregateRequest> aggregate(std::string_view text) {
    return parse_aggregate(*JsonValue::parse(text));
}

template <class T>
std::string refusal(const Result<T>& result) {
    if (result) return "accepted";
    EXPECT_EQ(result.error().code(), Code::invalid_argument);
    return std::string(result.error().reason()) + ": " + std::string(result.error().message());
}

TEST(SearchRequest, HasDefaults) {
    const auto request = search("{}");
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->sources.empty());
    EXPECT_EQ(request->limit, 100u);
    EXPECT_EQ(request->offset, 0u);
    EXPECT_FALSE(request->columns);
    EXPECT_FALSE(request->include_document);
    EXPECT_TRUE(request->filter.children.empty());
    EXPECT_FALSE(search("{}", SearchMode::stream)->limit);
}

TEST(SearchRequest, ReadsEveryKey) {
    const auto request = search(R"({"sources":["a","b","a"],"filters":{"x":{"eq":1}},
        "columns":["x","y.z"],"order_by":["x",{"column":"y.z","descending":true}],
        "limit":5,"offset":7,"include":["document"]})");
    ASSERT_TRUE(request) << request.error().describe();
    EXPECT_EQ(request->sources, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(*request->columns, (std::vector<std::string>{"x", "y.z"}));
    EXPECT_EQ(request->order_by[1].column, "y.z");
    EXPECT_TRUE(request->order_by[1].descending);
    EXPECT_FALSE(request->order_by[0].descending);
    EXPECT_TRUE(request->include_document);
    EXPECT_EQ(request->filter.column, "x");
    EXPECT_EQ(request->filter.path, "filters.x.eq");
}

TEST(SearchRequest, UnknownKeysNameTheNearest) {
    const auto request = search(R"({"fliters":{}})");
    EXPECT_EQ(refusal(request), "unknown_key: The request has no key \"fliters\".");
    EXPECT_NE(request.error().hint().find("Did you mean \"filters\"?"), std::string_view::npos);
    EXPECT_EQ(refusal(search(R"({"order_by":[{"column":"a","desc":true}]})")),
              "unknown_key: order_by[0] has no key \"desc\".");
}

TEST(SearchRequest, WrongKindsNameThePlace) {
    EXPECT_EQ(refusal(search("[]")),
              "invalid_request: The request must be an object; it is an array.");
    EXPECT_EQ(refusal(search(R"({"limit":"5"})")),
              "invalid_request: limit must be a whole number between 0 and 10000; it is a string.");
    EXPECT_EQ(refusal(search(R"({"limit":10001})")),
              "invalid_request: limit must be a whole number between 0 and 10000; it is 10001.");
    EXPECT_EQ(refusal(search(R"({"columns":["a",1]})")),
              "invalid_request: columns[1] must be a string; it is an integer.");
    EXPECT_EQ(refusal(search(R"({"columns":[""]})")), "invalid_request: columns[0] is empty.");
    EXPECT_EQ(refusal(search(R"({"include":["files"]})")),
              "invalid_request: include knows no \"files\".");
    EXPECT_EQ(refusal(search(R"({"order_by":[{}]})")),
              "invalid_request: order_by[0] names no column.");
}

TEST(SearchRequest, DeepPagesAreRefusedWithTheWayOut) {
    EXPECT_EQ(refusal(search(R"({"limit":100,"offset":99900})")), "accepted");
    const auto request = search(R"({"limit":100,"offset":99901})");
    EXPECT_EQ(refusal(request),
              "page_too_deep: offset and limit together are 100001; at most 100000 are allowed.");
    EXPECT_NE(request.error().hint().find("Page by key"), std::string_view::npos);
}

TEST(SearchRequest, ListsAreBounded) {
    std::string sources = R"({"sources":[)";
    for (size_t i = 0; i < kRequestSourcesMax + 1; ++i) {
        sources += (i > 0 ? ",\"s" : "\"s") + std::to_string(i) + '"';
    }
    EXPECT_EQ(refusal(search(sources + "]}")),
              "invalid_request: sources has 513 items; at most 512 are allowed.");
}

TEST(FilterRequest, UnknownOperatorsListTheKnownOnes) {
    const auto request = search(R"({"filters":{"a":{"equals":1}}})");
    EXPECT_EQ(refusal(request), "unknown_operator: filters.a.equals is no operator.");
    EXPECT_NE(
        request.error().hint().find("eq, ne, gt, gte, lt, lte, between, in, not_in, like, ilike, "
                                    "prefix, contains, is_null, not_null"),
        std::string_view::npos);
}

TEST(FilterRequest, ShapesAreChecked) {
    EXPECT_EQ(refusal(search(R"({"filters":{"a":1}})")),
              "invalid_request: filters.a must be an object of operators; it is an integer.");
    EXPECT_EQ(refusal(search(R"({"filters":{"a":{}}})")),
              "invalid_request: filters.a holds no operator.");
    EXPECT_EQ(refusal(search(R"({"filters":{"a":{"eq":null}}})")),
              "invalid_request: filters.a.eq is null.");
    EXPECT_EQ(
        refusal(search(R"({"filters":{"a":{"eq":[1]}}})")),
        "invalid_request: filters.a.eq must be a string, a number, true or false; it is an array.");
    EXPECT_EQ(refusal(search(R"({"filters":{"a":{"between":[1]}}})")),
              "invalid_request: filters.a.between must be an array of two values: [low, high].");
    EXPECT_EQ(refusal(search(R"({"filters":{"and":{"eq":1}}})")),
              "invalid_request: filters.and must be an array of filters; it is an object.");
    EXPECT_EQ(refusal(search(R"({"filters":{"not":[]}})")),
              "invalid_request: filters.not must be an object; it is an array.");
    EXPECT_EQ(refusal(search(R"({"filters":{"a":{"is_null":1}}})")),
              "invalid_request: filters.a.is_null must be true or false; it is an integer.");
    EXPECT_EQ(refusal(search(R"({"filters":{"or":[{"a":{"in":{}}}]}})")),
              "invalid_request: filters.or[0].a.in must be an array of values; it is an object.");
}

TEST(FilterRequest, KeysAndOperatorsAreAnded) {
    const auto request = search(R"({"filters":{"a":{"gt":1,"lt":5},"b":{"is_null":false}}})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->filter.kind, Filter::Kind::all);
    ASSERT_EQ(request->filter.children.size(), 3u);
    EXPECT_EQ(request->filter.children[1].op, Operator::lt);
    EXPECT_EQ(request->filter.children[2].op, Operator::not_null);
}

TEST(FilterRequest, ColumnsNamedLikeAWordOfOursAreEscaped) {
    const auto request = search(R"({"filters":{"\\not":{"eq":1},"\\\\x":{"eq":2}}})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->filter.children[0].column, "not");
    EXPECT_EQ(request->filter.children[1].column, "\\x");
}

TEST(FilterRequest, SizeAndDepthAreBounded) {
    std::string deep;
    for (int i = 0; i < 32; ++i) deep += R"({"not":)";
    EXPECT_EQ(search(R"({"filters":)" + deep + "{}" + std::string(32, '}') + "}").error().reason(),
              "too_many_filters");
    std::string wide = R"({"a":{"in":[0)";
    for (int i = 0; i < 10'000; ++i) wide += ",1";
    EXPECT_EQ(search(R"({"filters":)" + wide + "]}}}").error().reason(), "too_many_filters");
    std::string many = R"({"or":[)";
    for (int i = 0; i < 1000; ++i) many += R"({"a":{"eq":1}},)";
    EXPECT_EQ(search(R"({"filters":)" + many + "{}]}}").error().reason(), "invalid_request");
}

TEST(AggregateRequest, ReadsEveryKey) {
    const auto request =
        aggregate(R"({"sources":["a"],"filters":{},"aggregations":[{"type":"count"},
        {"type":"sum","column":"x.y"},{"type":"max","column":"z","alias":"top"}],
        "group_by":["c",{"column":"ts","bucket":"1h","alias":"hour"}],"having":{"top":{"gt":1}},
        "order_by":"hour","limit":3})");
    ASSERT_TRUE(request) << request.error().describe();
    EXPECT_EQ(request->aggregations[0].alias, "count");
    EXPECT_EQ(request->aggregations[1].alias, "sum_x.y");
    EXPECT_EQ(request->aggregations[2].alias, "top");
    EXPECT_EQ(request->group_by[0].alias, "c");
    EXPECT_EQ(request->group_by[1].bucket->nanos, 3'600'000'000'000);
    EXPECT_EQ(request->having->column, "top");
    EXPECT_EQ(request->order_by[0].column, "hour");
    EXPECT_EQ(request->limit, 3u);
    EXPECT_EQ(aggregate(R"({"group_by":["c"]})")->limit, 10'000u);
}

TEST(AggregateRequest, MistakesAreNamed) {
    EXPECT_EQ(refusal(aggregate("{}")), "invalid_request: The request aggregates nothing.");
    EXPECT_EQ(refusal(aggregate(R"({"aggregations":[{"type":"mean","column":"a"}]})")),
              "unknown_aggregation: aggregations[0].type \"mean\" is no aggregation.");
    EXPECT_EQ(refusal(aggregate(R"({"aggregations":[{"type":"sum"}]})")),
              "invalid_request: aggregations[0] names no column; only count can do without one.");
    EXPECT_EQ(refusal(aggregate(R"({"aggregations":[{"column":"a"}]})")),
              "invalid_request: aggregations[0] has no type.");
    EXPECT_EQ(refusal(aggregate(R"({"aggregations":[{"type":"count"},{"type":"count"}]})")),
              "duplicate_alias: Two results would be named \"count\".");
    EXPECT_EQ(
        refusal(aggregate(R"({"aggregations":[{"type":"count","alias":"c"}],"group_by":["c"]})")),
        "duplicate_alias: Two results would be named \"c\".");
    EXPECT_EQ(refusal(aggregate(R"({"group_by":[{"column":"t","bucket":"5 moons"}]})")),
              "invalid_bucket: \"5 moons\" is no bucket of time.");
}

TEST(Bucket, UnitsAndNamesAreRead) {
    EXPECT_EQ(parse_bucket("15m")->nanos, 900'000'000'000);
    EXPECT_EQ(parse_bucket("minute")->nanos, 60'000'000'000);
    EXPECT_EQ(parse_bucket("2 hours")->nanos, 7'200'000'000'000);
    EXPECT_EQ(parse_bucket("250ms")->nanos, 250'000'000);
    EXPECT_EQ(parse_bucket("week")->nanos, 604'800'000'000'000);
    EXPECT_EQ(parse_bucket("3mo")->months, 3);
    EXPECT_EQ(parse_bucket("quarter")->months, 3);
    EXPECT_EQ(parse_bucket("10y")->months, 120);
    for (const char* bad : {"", "0h", "5", "h1", "-1h", "1.5h", "5mo", "7q", "1 fortnight", "2000y",
                            "99999999999999999999h", "1000000000d"}) {
        const auto bucket = parse_bucket(bad);
        ASSERT_FALSE(bucket) << bad;
        EXPECT_EQ(bucket.error().reason(), "invalid_bucket");
    }
}

}  // namespace
}  // namespace insula::tables
