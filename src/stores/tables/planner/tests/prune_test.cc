#include "stores/tables/planner/prune.h"

#include <gtest/gtest.h>

#include "stores/tables/planner/tests/filter_oracle.h"
#include "stores/tables/planner/tests/sample_tables.h"

namespace insula::tables::test {
namespace {

BoundFilter bound(const std::string& text, const std::vector<catalog::Column>& columns) {
    std::vector<FilterColumn> names;
    for (const auto& column : columns) names.push_back({column.name, column.id, column.type});
    const auto result = bind_filter(parsed_filter(text), names);
    EXPECT_TRUE(result) << text;
    return *result;
}

Matches matches(const std::string& text, const catalog::Zone& zone, uint64_t rows = 10) {
    const std::vector<catalog::Column> columns{make_column(zone.column.value, {"x"}, zone.type)};
    const BoundFilter filter = bound(text, columns);
    return Pruner(filter).matches(rows, std::span(&zone, 1));
}

const catalog::Zone kTenToTwenty{
    .column = ColumnId{1}, .type = ColumnType::int64, .has_bounds = true, .min = 10, .max = 20};

TEST(Prune, IntegersOutsideTheBoundsAreLeftOut) {
    EXPECT_EQ(matches(R"({"x":{"eq":9}})", kTenToTwenty), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"eq":10}})", kTenToTwenty), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"eq":21}})", kTenToTwenty), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"gt":20}})", kTenToTwenty), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"gt":19.5}})", kTenToTwenty), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"gte":10}})", kTenToTwenty), Matches::all);
    EXPECT_EQ(matches(R"({"x":{"lt":10}})", kTenToTwenty), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"between":[21,30]}})", kTenToTwenty), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"between":[1,30]}})", kTenToTwenty), Matches::all);
    EXPECT_EQ(matches(R"({"x":{"in":[1,2,30]}})", kTenToTwenty), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"in":[1,15]}})", kTenToTwenty), Matches::some);
    EXPECT_EQ(matches(R"({"not":{"x":{"gte":10}}})", kTenToTwenty), Matches::none);
}

TEST(Prune, NullsCountForNegationAndNullTests) {
    catalog::Zone zone = kTenToTwenty;
    zone.nulls = 3;
    EXPECT_EQ(matches(R"({"x":{"gte":10}})", zone), Matches::some);
    EXPECT_EQ(matches(R"({"not":{"x":{"gte":10}}})", zone), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"is_null":true}})", zone), Matches::some);
    zone.nulls = 10;
    zone.has_bounds = false;
    EXPECT_EQ(matches(R"({"x":{"is_null":true}})", zone), Matches::all);
    EXPECT_EQ(matches(R"({"x":{"ne":4}})", zone), Matches::none);
    EXPECT_EQ(matches(R"({"not":{"x":{"eq":4}}})", zone), Matches::all);
    EXPECT_EQ(matches(R"({"x":{"is_null":true}})", kTenToTwenty), Matches::none);
}

TEST(Prune, CutTextBoundsOnlyProveWhatTheyCan) {
    const catalog::Zone zone{.column = ColumnId{1},
                             .type = ColumnType::string,
                             .has_bounds = true,
                             .min_text = "be",
                             .max_text = "d"};
    EXPECT_EQ(matches(R"({"x":{"eq":"bd"}})", zone), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"eq":"be"}})", zone), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"prefix":"a"}})", zone), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"prefix":"b"}})", zone), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"prefix":"bd"}})", zone), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"prefix":"da"}})", zone), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"like":"e%x"}})", zone), Matches::none);
    EXPECT_EQ(matches(R"({"x":{"ilike":"E%x"}})", zone), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"contains":"zzz"}})", zone), Matches::some);
    EXPECT_EQ(matches(R"({"x":{"gte":"b"}})", zone), Matches::all);
    catalog::Zone open = zone;
    open.max_text.reset();
    EXPECT_EQ(matches(R"({"x":{"gt":"zzz"}})", open), Matches::some);
}

TEST(Prune, IntegerBoundsServeAColumnThatBecameFloat) {
    const std::vector<catalog::Column> columns{make_column(1, {"x"}, ColumnType::float64)};
    const BoundFilter above = bound(R"({"x":{"gt":20.5}})", columns);
    EXPECT_EQ(Pruner(above).matches(10, std::span(&kTenToTwenty, 1)), Matches::none);
    const BoundFilter within = bound(R"({"x":{"gt":19.5}})", columns);
    EXPECT_EQ(Pruner(within).matches(10, std::span(&kTenToTwenty, 1)), Matches::some);
}

TEST(Prune, WithoutZonesAnythingIsPossibleAndWithoutRowsNothing) {
    const std::vector<catalog::Column> columns{make_column(1, {"x"}, ColumnType::int64)};
    const BoundFilter filter = bound(R"({"x":{"eq":1}})", columns);
    EXPECT_TRUE(Pruner(filter).may_match(10, {}));
    EXPECT_FALSE(Pruner(filter).may_match(0, {}));
}

TEST(Prune, NeverLosesARowAndOftenSavesAFile) {
    const uint64_t seed = std::random_device{}();
    Samples samples(seed);
    size_t pruned = 0;
    size_t empty = 0;
    for (int round = 0; round < 4000; ++round) {
        const Table table = samples.table("t", every_type(), samples.below(4) + 1);
        const auto zones = zones_of(table, 0, table.rows.size());
        const std::string text = samples.filter(table.columns);
        const Filter filter = parsed_filter(text);
        const auto count = static_cast<size_t>(std::ranges::count_if(
            table.rows, [&](const Row& row) { return holds(filter, table, row); }));
        const BoundFilter leaf = bound(text, table.columns);
        const Matches told = Pruner(leaf).matches(table.rows.size(), zones);
        if (told == Matches::none) ASSERT_EQ(count, 0u) << "seed " << seed << ": " << text;
        if (told == Matches::all) {
            ASSERT_EQ(count, table.rows.size()) << "seed " << seed << ": " << text;
        }
        empty += count == 0 ? 1 : 0;
        pruned += told == Matches::none ? 1 : 0;
    }
    EXPECT_GT(pruned, empty / 3) << "of " << empty << " that hold no matching row";
}

}  // namespace
}  // namespace insula::tables::test
