#include "stores/tables/planner/plan.h"

#include <gtest/gtest.h>

#include "platform/json/json_value.h"
#include "stores/tables/columns.h"
#include "stores/tables/planner/tests/sample_tables.h"

namespace insula::tables::test {
namespace {

using json::JsonValue;

const Schema kSales(std::vector<catalog::Column>{
    make_column(1, {"order_id"}, ColumnType::string),
    make_column(2, {"amount"}, ColumnType::float64),
    make_column(3, {"customer", "city"}, ColumnType::string),
    make_column(4, {"at"}, ColumnType::timestamp),
    make_column(5, {"x'; DROP \"t"}, ColumnType::int64)});
const Schema kReturns(std::vector<catalog::Column>{make_column(7, {"order_id"}, ColumnType::string),
                                                   make_column(8, {"amount"}, ColumnType::int64),
                                                   make_column(9, {"at"}, ColumnType::string)});

// One row, so that no source is left out as empty.
const std::vector<ChunkRows>& some_rows() {
    static const std::vector<ChunkRows> rows = [] {
        const std::vector<ColumnSpec> specs{{ColumnId{1}, ColumnType::int64}};
        auto chunk = std::make_shared<Chunk>(specs, 1u);
        chunk->add_rows(1);
        return std::vector<ChunkRows>{{chunk, 1, 0}};
    }();
    return rows;
}

std::vector<SourceInput> sales() { return {{"sales", &kSales, some_rows(), {}}}; }
std::vector<SourceInput> sales_and_returns() {
    return {{"sales", &kSales, some_rows(), {}}, {"returns", &kReturns, some_rows(), {}}};
}

Result<SearchPlan> search(const std::string& text, const std::vector<SourceInput>& sources) {
    return plan_search(*parse_search(*JsonValue::parse(text)), sources);
}
Result<AggregatePlan> aggregate(const std::string& text, const std::vector<SourceInput>& sources) {
    return plan_aggregate(*parse_aggregate(*JsonValue::parse(text)), sources);
}

template <class T>
std::string refusal(const Result<T>& result) {
    if (result) return "accepted";
    return std::string(result.error().reason()) + ": " + std::string(result.error().message());
}

std::vector<std::string> scanned(const engine::Scan& scan) {
    std::vector<std::string> out;
    for (const engine::ScanColumn& column : scan.columns) {
        out.push_back(column.name + "=" + std::to_string(column.id.value));
    }
    return out;
}

TEST(PlanSearch, OneSourceScansOnlyWhatIsNeeded) {
    const auto plan = search(R"({"columns":["customer.city"],"filters":{"amount":{"gt":10}},
        "order_by":[{"column":"at","descending":true}],"limit":7,"offset":2})",
                             sales());
    ASSERT_TRUE(plan) << plan.error().describe();
    EXPECT_EQ(plan->query.sql,
              "SELECT c0 FROM scan_0 WHERE (c1 > $1) ORDER BY c2 DESC NULLS LAST, _row_id LIMIT 7 "
              "OFFSET 2");
    ASSERT_EQ(plan->query.scans.size(), 1u);
    EXPECT_EQ(scanned(plan->query.scans[0]), (std::vector<std::string>{"c0=3", "c1=2", "c2=4"}));
    EXPECT_EQ(std::get<double>(plan->query.parameters[0]), 10.0);
    EXPECT_FALSE(plan->render.source_slot);
    EXPECT_EQ(plan->render.sources[0].fields[0].path,
              (std::vector<std::string>{"customer", "city"}));
    EXPECT_FALSE(plan->render.sources[0].rest_slot);
}

TEST(PlanSearch, WithoutProjectionEveryColumnAndTheRestAreRead) {
    const auto plan = search("{}", sales());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->query.sql, "SELECT c0, c1, c2, c3, c4, c5 FROM scan_0 LIMIT 100");
    EXPECT_EQ(plan->query.scans[0].columns.back().id, kRestColumn);
    EXPECT_EQ(plan->render.sources[0].rest_slot, 5u);
    EXPECT_TRUE(plan->render.sources[0].rest_in_fields);
}

TEST(PlanSearch, NothingThatAClientWroteIsInTheSql) {
    const std::string name = JsonValue(std::string("x'; DROP \"t")).text();
    const auto plan =
        search(R"({"columns":[)" + name + R"(],"order_by":[)" + name + R"(],"filters":{)" + name +
                   R"(:{"in":[1,2]},"order_id":{"like":"a'%;--_"}}})",
               sales());
    ASSERT_TRUE(plan) << plan.error().describe();
    EXPECT_EQ(plan->query.sql,
              "SELECT c0 FROM scan_0 WHERE ((c0 IN ($1, $2)) AND regexp_full_match(c1, $3, 's')) "
              "ORDER BY c0 ASC NULLS LAST, _row_id LIMIT 100");
}

TEST(PlanSearch, SeveralSourcesAreUnitedAndKeepTheirOwnTypes) {
    const auto plan =
        search(R"({"filters":{"amount":{"gt":1.5}},"order_by":["amount"]})", sales_and_returns());
    ASSERT_TRUE(plan) << plan.error().describe();
    // Each source's filter is in its own type.
    EXPECT_EQ(std::get<double>(plan->query.parameters[0]), 1.5);
    EXPECT_EQ(std::get<int64_t>(plan->query.parameters[1]), 1);
    EXPECT_EQ(plan->query.scans.size(), 2u);
    EXPECT_EQ(plan->render.source_slot, 0u);
    // "at" is a timestamp here and text there: two result columns of one name.
    const auto slot = [&](size_t source, std::string_view name) {
        const auto& fields = plan->render.sources[source].fields;
        return std::ranges::find(fields, name, &RenderColumn::name)->slot;
    };
    EXPECT_EQ(slot(0, "order_id"), slot(1, "order_id"));
    EXPECT_NE(slot(0, "at"), slot(1, "at"));
    EXPECT_NE(slot(0, "amount"), slot(1, "amount"));
}

TEST(PlanSearch, UnknownColumnsNameTheNearest) {
    for (const char* request : {R"({"filters":{"amuont":{"eq":1}}})", R"({"columns":["amuont"]})",
                                R"({"order_by":["amuont"]})",
                                R"({"filters":{"or":[{"not":{"amuont":{"is_null":true}}}]}})"}) {
        const auto plan = search(request, sales_and_returns());
        EXPECT_EQ(refusal(plan),
                  "unknown_column: No source of this request has a column \"amuont\".");
        EXPECT_EQ(plan.error().hint(), "Did you mean \"amount\"?");
    }
    EXPECT_EQ(search(R"({"columns":["customer"]})", sales()).error().hint(),
              "It is an object; name a column in it, such as \"customer.city\".");
    EXPECT_EQ(refusal(search(R"({"columns":["_rest"]})", sales())),
              "unknown_column: No source of this request has a column \"_rest\".");
}

TEST(PlanSearch, KindConflictsMatterOnlyWhereTheColumnIsUsed) {
    const std::string conflict =
        "kind_conflict: The column \"at\" is of type timestamp in \"sales\" and of type string in "
        "\"returns\".";
    EXPECT_EQ(refusal(search("{}", sales_and_returns())), "accepted");
    EXPECT_EQ(refusal(search(R"({"columns":["at"]})", sales_and_returns())), conflict);
    EXPECT_EQ(refusal(search(R"({"order_by":["at"]})", sales_and_returns())), conflict);
    EXPECT_EQ(refusal(search(R"({"filters":{"at":{"eq":"2024-01-01"}}})", sales_and_returns())),
              conflict);
    EXPECT_EQ(refusal(aggregate(R"({"group_by":["at"]})", sales_and_returns())), conflict);
}

TEST(PlanSearch, FilesAndSourcesThatCannotMatchAreLeftOut) {
    std::vector<FileEntry> files(3);
    for (size_t i = 0; i < files.size(); ++i) {
        const auto low = static_cast<int64_t>(i) * 10;
        files[i].meta = {.id = FileId{i + 1},
                         .rows = 5,
                         .zones = {{.column = ColumnId{8},
                                    .type = ColumnType::int64,
                                    .has_bounds = true,
                                    .min = low,
                                    .max = low + 9}}};
    }
    const std::vector<SourceInput> sources{{"returns", &kReturns, {}, files},
                                           {"sales", &kSales, some_rows(), {}}};
    const auto plan = search(R"({"filters":{"amount":{"between":[12,13]},"at":{"is_null":false}}})",
                             {sources[0]});
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->query.scans[0].files.size(), 1u);
    EXPECT_EQ(plan->query.scans[0].files[0].id, FileId{2});
    EXPECT_EQ(plan->pruned.files_skipped, 2u);
    EXPECT_EQ(plan->pruned.files_read, 1u);
    // "customer.city" is only in sales, so that no row of returns can match.
    const auto other = search(R"({"filters":{"customer.city":{"eq":"Rom"}}})", sources);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->query.scans.size(), 1u);
    EXPECT_EQ(other->pruned.files_skipped, 3u);
    const auto counted = aggregate(
        R"({"aggregations":[{"type":"count"}],"filters":{"amount":{"gt":99}}})", {sources[0]});
    ASSERT_TRUE(counted);
    EXPECT_TRUE(counted->query.scans.empty());
}

TEST(PlanSearch, TooManySourcesAreRefused) {
    const std::vector<SourceInput> sources(kRequestSourcesMax + 1, sales()[0]);
    EXPECT_EQ(search("{}", sources).error().reason(), "too_many_sources");
    EXPECT_EQ(aggregate(R"({"aggregations":[{"type":"count"}]})", sources).error().reason(),
              "too_many_sources");
}

TEST(PlanSearch, ManyValuesOverManySourcesAreRefused) {
    std::string filter = R"("filters":{"order_id":{"in":["0")";
    for (int i = 1; i < 5000; ++i) filter += ",\"" + std::to_string(i) + '"';
    filter += "]}}";
    const std::vector<SourceInput> few(40, sales()[0]);
    const std::vector<SourceInput> many(41, sales()[0]);
    EXPECT_EQ(refusal(search("{" + filter + "}", few)), "accepted");
    EXPECT_EQ(search("{" + filter + "}", many).error().reason(), "too_many_filters");
    EXPECT_EQ(aggregate(R"({"group_by":["order_id"],)" + filter + "}", many).error().reason(),
              "too_many_filters");
}

TEST(PlanAggregate, KeysAndAggregatesBecomeOneQuery) {
    const auto plan = aggregate(R"({"filters":{"amount":{"gte":1}},
        "aggregations":[{"type":"count","alias":"orders"},{"type":"sum","column":"amount"}],
        "group_by":["customer.city"],"having":{"orders":{"gt":5}},
        "order_by":[{"column":"sum_amount","descending":true}],"limit":10})",
                                sales());
    ASSERT_TRUE(plan) << plan.error().describe();
    EXPECT_EQ(
        plan->query.sql,
        "SELECT * FROM (SELECT x0 AS r0, count(*) AS r1, sum(x1) AS r2 FROM (SELECT CAST(c1 AS "
        "VARCHAR) AS x0, CAST(c0 AS DOUBLE) AS x1 FROM scan_0 WHERE (c0 >= $1)) AS rows GROUP BY "
        "1) AS groups WHERE (r1 > $2) ORDER BY r2 DESC NULLS LAST, r0 ASC NULLS LAST LIMIT 11");
    EXPECT_EQ(plan->render.columns[0].alias, "customer.city");
    EXPECT_EQ(plan->render.columns[2].type, engine::ResultType::float64);
    EXPECT_EQ(plan->render.limit, 10u);
}

TEST(PlanAggregate, SumsOfIntegersAreWideAndOfMixedSourcesFloat) {
    const std::string request = R"({"aggregations":[{"type":"sum","column":"amount"}]})";
    const std::vector<SourceInput> returns{{"returns", &kReturns, some_rows(), {}}};
    EXPECT_EQ(aggregate(request, returns)->render.columns[0].type, engine::ResultType::int128);
    EXPECT_EQ(aggregate(request, sales_and_returns())->render.columns[0].type,
              engine::ResultType::float64);
}

TEST(PlanAggregate, WhatMakesNoSenseIsRefused) {
    EXPECT_EQ(
        refusal(aggregate(R"({"aggregations":[{"type":"sum","column":"order_id"}]})", sales())),
        "kind_mismatch: aggregations: sum does not apply to the column \"order_id\" of type "
        "string.");
    EXPECT_EQ(refusal(aggregate(R"({"group_by":[{"column":"amount","bucket":"1h"}]})", sales())),
              "kind_mismatch: group_by: the column \"amount\" is of type float64; only date and "
              "timestamp "
              "columns have buckets of time.");
    const auto having = aggregate(R"({"group_by":["at"],"having":{"amount":{"gt":1}}})", sales());
    EXPECT_EQ(refusal(having), "unknown_column: having: no result is named \"amount\".");
    EXPECT_EQ(having.error().hint(), "Results: at.");
    EXPECT_EQ(refusal(aggregate(R"({"group_by":["at"],"order_by":["amount"]})", sales())),
              "unknown_column: order_by: no result is named \"amount\".");
}

}  // namespace
}  // namespace insula::tables::test
