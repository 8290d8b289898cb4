#include "stores/tables/planner/bound_filter.h"

#include <gtest/gtest.h>

#include "platform/json/json_value.h"
#include "platform/json/time_text.h"
#include "stores/tables/planner/bucket.h"
#include "stores/tables/planner/pattern.h"
#include "stores/tables/planner/sql.h"
#include "stores/tables/planner/tests/filter_oracle.h"
#include "stores/tables/planner/tests/sample_tables.h"

namespace insula::tables::test {
namespace {

Result<BoundFilter> bind(const std::string& text) {
    static const std::vector<catalog::Column> columns = every_type();
    std::vector<FilterColumn> names;
    for (const auto& column : columns) names.push_back({column.name, column.id, column.type});
    return bind_filter(parsed_filter(text), names);
}

std::string value_text(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
    if (const auto* number = std::get_if<double>(&value)) return json::JsonValue(*number).text();
    if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
    if (const auto* date = std::get_if<DateValue>(&value)) return json::date_text(date->days);
    return json::timestamp_text(std::get<TimestampValue>(value).nanos);
}

// The filter's SQL with its parameters beside it: "(c1 > $1) [1]".
std::string sql(const std::string& text) {
    const auto filter = bind(text);
    if (!filter) return std::string(filter.error().reason());
    SqlBuilder builder;
    builder.filter(*filter, [](uint32_t index) { return "c" + std::to_string(index); });
    std::string out = builder.take_sql();
    for (const Value& value : builder.take_parameters()) out += " [" + value_text(value) + "]";
    return out;
}

TEST(BoundFilter, IntegerColumnsMeetFractionsAndHugeNumbersExactly) {
    EXPECT_EQ(sql(R"({"i":{"eq":5}})"), "(c1 = $1) [5]");
    EXPECT_EQ(sql(R"({"i":{"eq":5.0}})"), "(c1 = $1) [5]");
    EXPECT_EQ(sql(R"({"i":{"eq":1.5}})"), "false");
    EXPECT_EQ(sql(R"({"i":{"ne":1.5}})"), "(c1 IS NOT NULL)");
    EXPECT_EQ(sql(R"({"i":{"gt":1.5}})"), "(c1 > $1) [1]");
    EXPECT_EQ(sql(R"({"i":{"gte":1.5}})"), "(c1 > $1) [1]");
    EXPECT_EQ(sql(R"({"i":{"lt":-1.5}})"), "(c1 <= $1) [-2]");
    EXPECT_EQ(sql(R"({"i":{"gt":1e19}})"), "(c1 > $1) [9223372036854775807]");
    EXPECT_EQ(sql(R"({"i":{"lt":-1e19}})"), "false");
    EXPECT_EQ(sql(R"({"i":{"gt":-99999999999999999999}})"), "(c1 IS NOT NULL)");
    EXPECT_EQ(sql(R"({"i":{"in":[1,1.5,18446744073709551615]}})"), "(c1 IN ($1)) [1]");
    EXPECT_EQ(sql(R"({"i":{"in":[]}})"), "false");
    EXPECT_EQ(sql(R"({"i":{"not_in":[1.5]}})"), "(c1 IS NOT NULL)");
}

TEST(BoundFilter, FloatColumnsMeetIntegersBeyondTheirPrecisionExactly) {
    EXPECT_EQ(sql(R"({"n.f":{"eq":9007199254740993}})"), "false");
    EXPECT_EQ(sql(R"({"n.f":{"gt":9007199254740993}})"), "(c2 > $1) [9.007199254740992e+15]");
    EXPECT_EQ(sql(R"({"n.f":{"gte":9007199254740993}})"), "(c2 > $1) [9.007199254740992e+15]");
    EXPECT_EQ(sql(R"({"n.f":{"lt":9007199254740993}})"), "(c2 <= $1) [9.007199254740992e+15]");
    EXPECT_EQ(sql(R"({"n.f":{"eq":18446744073709551616}})"), "(c2 = $1) [1.8446744073709552e+19]");
    EXPECT_EQ(sql(R"({"n.f":{"eq":18446744073709551617}})"), "false");
    EXPECT_EQ(sql(R"({"n.f":{"lt":18446744073709551615}})"), "(c2 <= $1) [1.844674407370955e+19]");
    EXPECT_EQ(sql(R"({"n.f":{"gt":)" + ("-1" + std::string(400, '0')) + "}}"), "(c2 IS NOT NULL)");
    EXPECT_EQ(sql(R"({"n.f":{"eq":1}})"), "(c2 = $1) [1.0]");
}

TEST(BoundFilter, TimesAreReadAndPlaced) {
    EXPECT_EQ(sql(R"({"t":{"gte":"2024-01-15"}})"), "(c5 >= $1) [2024-01-15T00:00:00Z]");
    EXPECT_EQ(sql(R"({"t":{"lt":"2024-01-15T02:00:00.5+02:00"}})"),
              "(c5 < $1) [2024-01-15T00:00:00.5Z]");
    EXPECT_EQ(sql(R"({"n.d":{"gt":"2024-01-15T12:00:00Z"}})"), "(c4 > $1) [2024-01-15]");
    EXPECT_EQ(sql(R"({"n.d":{"eq":"2024-01-15T12:00:00Z"}})"), "false");
    EXPECT_EQ(sql(R"({"n.d":{"eq":"2024-01-15"}})"), "(c4 = $1) [2024-01-15]");
    EXPECT_EQ(sql(R"({"t":{"lt":"9999-12-31"}})"), "(c5 <= $1) [2262-04-11T23:47:16.854775807Z]");
    EXPECT_EQ(sql(R"({"t":{"gt":"0001-01-01"}})"), "(c5 IS NOT NULL)");
    const auto bad = bind(R"({"t":{"gt":"tomorrow"}})");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().reason(), "kind_mismatch");
    EXPECT_EQ(bad.error().message(),
              "t.gt: the column \"t\" is of type timestamp; \"tomorrow\" is no time. Write it as "
              "\"2024-01-15T10:20:30Z\".");
}

TEST(BoundFilter, KindsThatDoNotFitNameColumnTypeAndKind) {
    const auto bad = bind(R"({"i":{"in":[1,"2"]}})");
    ASSERT_FALSE(bad);
    EXPECT_EQ(
        bad.error().message(),
        "i.in: the column \"i\" is of type int64; it is compared with numbers, not with a string.");
    for (const char* text : {R"({"s":{"eq":1}})", R"({"b":{"eq":1}})", R"({"b":{"gt":true}})",
                             R"({"i":{"like":"1%"}})", R"({"i":{"eq":true}})", R"({"t":{"eq":1}})",
                             R"({"j":{"eq":"x"}})", R"({"j":{"in":[]}})", R"({"s":{"contains":1}})",
                             R"({"t":{"prefix":"2024"}})", R"({"b":{"between":[true,true]}})"}) {
        EXPECT_EQ(sql(text), "kind_mismatch") << text;
    }
    EXPECT_EQ(sql(R"({"s":{"like":"abc\\"}})"), "invalid_pattern");
    EXPECT_EQ(sql(R"({"s":{"like":")" + std::string(1001, 'a') + "\"}}"), "invalid_pattern");
}

TEST(BoundFilter, ConstantsFoldAndNegationsKeepNulls) {
    EXPECT_EQ(sql("{}"), "true");
    EXPECT_EQ(sql(R"({"or":[]})"), "false");
    EXPECT_EQ(sql(R"({"or":[{}, {"i":{"eq":1}}]})"), "true");
    EXPECT_EQ(sql(R"({"missing":{"ne":1}})"), "false");
    EXPECT_EQ(sql(R"({"missing":{"is_null":true}})"), "true");
    EXPECT_EQ(sql(R"({"not":{"missing":{"eq":1}}})"), "true");
    EXPECT_EQ(sql(R"({"not":{"i":{"eq":1}}})"), "(NOT coalesce((c1 = $1), false)) [1]");
    EXPECT_EQ(sql(R"({"not":{"not":{"i":{"eq":1}}}})"), "(c1 = $1) [1]");
    EXPECT_EQ(sql(R"({"not":{"i":{"is_null":true}}})"), "(c1 IS NOT NULL)");
    EXPECT_EQ(sql(R"({"i":{"gte":1,"lt":9},"or":[{"b":{"eq":true}},{"s":{"eq":"'; DROP"}}]})"),
              "((c1 >= $1) AND (c1 < $2) AND ((c0 = $3) OR (c3 = $4))) [1] [9] [true] [''; DROP']");
}

TEST(BoundFilter, PatternsBecomePlainSearchesWhereTheyCan) {
    EXPECT_EQ(sql(R"({"s":{"like":"abc"}})"), "(c3 = $1) ['abc']");
    EXPECT_EQ(sql(R"({"s":{"like":"abc%"}})"), "prefix(c3, $1) ['abc']");
    EXPECT_EQ(sql(R"({"s":{"like":"%abc"}})"), "suffix(c3, $1) ['abc']");
    EXPECT_EQ(sql(R"({"s":{"like":"%abc%%"}})"), "contains(c3, $1) ['abc']");
    EXPECT_EQ(sql(R"({"s":{"like":"%"}})"), "(c3 IS NOT NULL)");
    EXPECT_EQ(sql(R"({"s":{"like":"50\\%"}})"), "(c3 = $1) ['50%']");
    EXPECT_EQ(sql(R"({"s":{"like":"a.b%c_"}})"), "regexp_full_match(c3, $1, 's') ['a\\.b.*c.']");
    EXPECT_EQ(sql(R"({"s":{"ilike":"aBc%"}})"), "prefix(lower(c3), lower($1)) ['aBc']");
    EXPECT_EQ(sql(R"({"s":{"ilike":"aBc"}})"), "(lower(c3) = lower($1)) ['aBc']");
    EXPECT_EQ(sql(R"({"j":{"contains":"x"}})"), "contains(CAST(c6 AS VARCHAR), $1) ['x']");
    EXPECT_EQ(parse_pattern("ab%cd")->literal_prefix, "ab");
    EXPECT_EQ(parse_pattern("%cd")->literal_prefix, "");
}

TEST(BoundFilter, SumsBeyondSixtyFourBitsAreNotComparedRounded) {
    const std::vector<FilterColumn> columns{
        {.name = "total", .type = ColumnType::int64, .wide = true}};
    EXPECT_TRUE(bind_filter(parsed_filter(R"({"total":{"gt":1.5}})"), columns));
    for (const char* literal : {"1e30", "-1e30", "18446744073709551615"}) {
        const auto bad =
            bind_filter(parsed_filter(R"({"total":{"gt":)" + std::string(literal) + "}}"), columns);
        ASSERT_FALSE(bad);
        EXPECT_EQ(bad.error().reason(), "number_out_of_range");
    }
}

TEST(BucketSql, DatesOnlyKnowWholeDays) {
    EXPECT_EQ(bucket_sql(*parse_bucket("1h"), ColumnType::date, "x").error().reason(),
              "invalid_bucket");
    EXPECT_TRUE(bucket_sql(*parse_bucket("1w"), ColumnType::date, "x"));
}

}  // namespace
}  // namespace insula::tables::test
