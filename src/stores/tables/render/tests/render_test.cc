#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "platform/json/json_value.h"
#include "stores/tables/render/aggregate_renderer.h"
#include "stores/tables/render/csv_renderer.h"
#include "stores/tables/render/search_renderer.h"

namespace insula::tables {
namespace {

using engine::ResultBatch;
using engine::ResultType;

// Columns of one batch; a value that is absent is null.
class BatchBuilder {
  public:
    template <class T>
    BatchBuilder& add(const std::vector<std::optional<T>>& values) {
        Column& column = columns_.emplace_back();
        column.data.resize(values.size() * sizeof(T));
        column.validity.resize(values.size() / 64 + 1);
        for (size_t i = 0; i < values.size(); ++i) {
            if (!values[i]) continue;
            std::memcpy(column.data.data() + i * sizeof(T), &*values[i], sizeof(T));
            column.validity[i / 64] |= uint64_t{1} << (i % 64);
        }
        batch_.rows = static_cast<uint32_t>(values.size());
        return *this;
    }
    BatchBuilder& texts(const std::vector<std::optional<std::string>>& values) {
        std::vector<std::optional<StringRef>> references;
        for (const auto& value : values) {
            if (!value) {
                references.emplace_back();
                continue;
            }
            kept_.push_back(std::make_unique<std::string>(*value));
            references.emplace_back(StringRef(*kept_.back()));
        }
        return add(references);
    }
    const ResultBatch& batch() {
        batch_.columns.clear();
        for (const Column& column : columns_) {
            batch_.columns.push_back({column.data.data(), column.validity.data()});
        }
        return batch_;
    }

  private:
    struct Column {
        std::vector<std::byte> data;
        std::vector<uint64_t> validity;
    };
    std::vector<Column> columns_;
    std::vector<std::unique_ptr<std::string>> kept_;
    ResultBatch batch_;
};

RenderColumn column(std::vector<std::string> path, uint32_t slot, ColumnType type) {
    std::string name;
    for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
    return {std::move(path), std::move(name), slot, type};
}

SearchRenderPlan plan_of(std::vector<RenderColumn> fields) {
    SearchRenderPlan plan;
    plan.sources.push_back({.source_id = "a\"b", .fields = std::move(fields)});
    return plan;
}

std::string rendered(const SearchRenderPlan& plan, const ResultBatch& batch,
                     RecordFormat format = RecordFormat::lines) {
    SearchRenderer renderer(plan, format);
    std::string out;
    renderer.begin(out);
    EXPECT_TRUE(renderer.append(batch, out));
    return out;
}

TEST(RecordProgram, NestedObjectsAreRebuiltAndNullsLeftOut) {
    BatchBuilder rows;
    rows.add<int64_t>({1, std::nullopt, std::nullopt, 4});
    rows.texts({"x", "y", std::nullopt, std::nullopt});
    rows.add<double>({1.5, std::nullopt, std::nullopt, 2.0});
    rows.add<uint8_t>({uint8_t{1}, uint8_t{0}, std::nullopt, std::nullopt});
    // Columns of one object do not stand side by side in the schema.
    const auto plan =
        plan_of({column({"n", "i"}, 0, ColumnType::int64), column({"s"}, 1, ColumnType::string),
                 column({"n", "deep", "f"}, 2, ColumnType::float64),
                 column({"n", "deep", "b"}, 3, ColumnType::boolean)});
    const std::string head = R"({"record":{"source_id":"a\"b","fields":)";
    EXPECT_EQ(rendered(plan, rows.batch()),
              head + R"({"n":{"i":1,"deep":{"f":1.5,"b":true}},"s":"x"}}})" + "\n" + head +
                  R"({"n":{"deep":{"b":false}},"s":"y"}}})" + "\n" + head + "{}}}\n" + head +
                  R"({"n":{"i":4,"deep":{"f":2.0}}}}})" + "\n");
}

TEST(RecordProgram, EveryTypeHasItsText) {
    BatchBuilder rows;
    rows.add<int64_t>({INT64_MIN});
    rows.add<double>({NAN});
    rows.add<int32_t>({19'737});
    rows.add<int64_t>({1'705'314'030'120'000'000});
    rows.texts({R"([1,{"a":null}])"});
    rows.texts({"k\n\"q\" and more than twelve bytes"});
    const auto plan =
        plan_of({column({"i\"\n"}, 0, ColumnType::int64), column({"f"}, 1, ColumnType::float64),
                 column({"d"}, 2, ColumnType::date), column({"t"}, 3, ColumnType::timestamp),
                 column({"j"}, 4, ColumnType::json),
                 column({std::string(100, 'k')}, 5, ColumnType::string)});
    EXPECT_EQ(rendered(plan, rows.batch(), RecordFormat::envelope),
              R"({"records":[{"source_id":"a\"b","fields":{"i\"\n":-9223372036854775808,"f":null,)"
              R"("d":"2024-01-15","t":"2024-01-15T10:20:30.12Z","j":[1,{"a":null}],")" +
                  std::string(100, 'k') + R"(":"k\n\"q\" and more than twelve bytes"}})");
}

TEST(RecordProgram, StringsOfAnySizeFitTheBuffer) {
    std::mt19937 random(3);
    std::vector<std::optional<std::string>> texts;
    std::vector<std::optional<int64_t>> numbers;
    std::string want;
    for (int i = 0; i < 300; ++i) {
        const std::string text(random() % 5000, random() % 2 == 0 ? '\x01' : 'x');
        texts.emplace_back(text);
        numbers.emplace_back(i);
        want += R"({"record":{"source_id":"a\"b","fields":{"o":{"s":)" +
                json::JsonValue(text).text() + R"(,"i":)" + std::to_string(i) + "}}}}\n";
    }
    BatchBuilder rows;
    rows.texts(texts);
    rows.add<int64_t>(numbers);
    const auto plan = plan_of(
        {column({"o", "s"}, 0, ColumnType::string), column({"o", "i"}, 1, ColumnType::int64)});
    EXPECT_TRUE(rendered(plan, rows.batch()) == want);
}

class RestTest : public testing::Test {
  protected:
    // Columns a.x (int64) and s (string), and `_rest`; fields and document of one row.
    std::pair<std::string, std::string> both(std::optional<int64_t> x, std::optional<std::string> s,
                                             std::optional<std::string> rest) {
        BatchBuilder rows;
        rows.add<int64_t>({x});
        rows.texts({s});
        rows.texts({rest});
        SearchRenderPlan plan = plan_of(
            {column({"a", "x"}, 0, ColumnType::int64), column({"s"}, 1, ColumnType::string)});
        plan.sources[0].document = plan.sources[0].fields;
        plan.sources[0].rest_slot = 2;
        plan.sources[0].rest_in_fields = true;
        plan.include_document = true;
        SearchRenderer renderer(plan, RecordFormat::envelope);
        std::string out;
        renderer.begin(out);
        EXPECT_TRUE(renderer.append(rows.batch(), out));
        renderer.end({}, out);
        const auto answer = json::JsonValue::parse(out);
        EXPECT_TRUE(answer) << out;
        const auto& record = answer->find("records")->array()[0];
        return {record.find("fields")->text(), record.find("document")->text()};
    }
    using Pair = std::pair<std::string, std::string>;
};

TEST_F(RestTest, MembersOfItsOwnAreAppended) {
    EXPECT_EQ(both(1, "t", R"({"n":null,"big":123456789012345678901234567890})"),
              Pair(R"({"a":{"x":1},"s":"t","n":null,"big":123456789012345678901234567890})",
                   R"({"a":{"x":1},"s":"t","n":null,"big":123456789012345678901234567890})"));
    EXPECT_EQ(both(std::nullopt, std::nullopt, R"({"s":null})"),
              Pair(R"({"s":null})", R"({"s":null})"));
    EXPECT_EQ(both(std::nullopt, std::nullopt, "{}"), Pair("{}", "{}"));
    EXPECT_EQ(both(std::nullopt, "t", R"({"a":{"x":null}})").first, R"({"a":{"x":null},"s":"t"})");
    EXPECT_EQ(both(std::nullopt, "t", R"({"a":{}})").first, R"({"s":"t","a":{}})");
    EXPECT_EQ(both(std::nullopt, "t", R"({"a":5})").first, R"({"s":"t","a":5})");
    EXPECT_EQ(both(1, "t", R"({"a":{"y":null,"z":{"x":2}},"b":[]})").first,
              R"({"a":{"x":1,"y":null,"z":{"x":2}},"s":"t","b":[]})");
}

TEST_F(RestTest, FieldsPreferTheColumnAndTheDocumentTheOriginal) {
    EXPECT_EQ(both(1, "t", R"({"s":"other"})"),
              Pair(R"({"a":{"x":1},"s":"t"})", R"({"a":{"x":1},"s":"other"})"));
}

TEST_F(RestTest, NestedMembersAreMerged) {
    EXPECT_EQ(both(1, std::nullopt, R"({"a":{"y":[1,2],"x":"one"}})"),
              Pair(R"({"a":{"x":1,"y":[1,2]}})", R"({"a":{"y":[1,2],"x":"one"}})"));
}

TEST(SearchRenderer, MembersOfSeveralObjectsComeWithTheirOwnAndReplaceTheirColumns) {
    BatchBuilder rows;
    rows.add<int64_t>({0, 0});
    rows.add<int64_t>({0, 0});
    rows.add<int64_t>({7, 7});
    rows.texts({R"({"b":{"u":1},"t":"today","a":{"t":"now","v":2},"w":3,"b2":4})", std::nullopt});
    SearchRenderPlan plan = plan_of({column({"a", "t"}, 0, ColumnType::timestamp),
                                     column({"b", "t"}, 1, ColumnType::timestamp),
                                     column({"t"}, 2, ColumnType::timestamp)});
    plan.sources[0].document = plan.sources[0].fields;
    plan.sources[0].rest_slot = 3;
    plan.include_document = true;
    const std::string zero = R"("1970-01-01T00:00:00Z")";
    const std::string seven = R"("1970-01-01T00:00:00.000000007Z")";
    const std::string head = R"({"record":{"source_id":"a\"b","fields":{"a":{"t":)" + zero +
                             R"(},"b":{"t":)" + zero + R"(},"t":)" + seven + R"(},"document":)";
    EXPECT_EQ(rendered(plan, rows.batch()), head + R"({"a":{"t":"now","v":2},"b":{"t":)" + zero +
                                                R"(,"u":1},"t":"today","w":3,"b2":4}}})" + "\n" +
                                                head + R"({"a":{"t":)" + zero + R"(},"b":{"t":)" +
                                                zero + R"(},"t":)" + seven + "}}}\n");
}

TEST_F(RestTest, KeysThatAreEscapedOrHiddenInValuesAreNotConfused) {
    EXPECT_EQ(both(std::nullopt, "t", R"({"\u0073":"other"})"),
              Pair(R"({"s":"t"})", R"({"s":"other"})"));
    EXPECT_EQ(
        both(std::nullopt, "t", R"({"q":{"s":1,"b":"},\"s\":{["},"r":[{"s":2}],"z":-1.5})").first,
        R"({"s":"t","q":{"s":1,"b":"},\"s\":{["},"r":[{"s":2}],"z":-1.5})");
    EXPECT_EQ(both(std::nullopt, "t", R"({"q":"\\","s":3})").first, R"({"s":"t","q":"\\"})");
}

TEST_F(RestTest, DamageIsAnErrorAndNotARecord) {
    BatchBuilder rows;
    rows.texts({"x"});
    rows.texts({R"({"s":)"});
    SearchRenderPlan plan = plan_of({column({"s"}, 0, ColumnType::string)});
    plan.sources[0].rest_slot = 1;
    plan.sources[0].rest_in_fields = true;
    SearchRenderer renderer(plan, RecordFormat::lines);
    std::string out;
    const Status status = renderer.append(rows.batch(), out);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Code::internal);
}

TEST(SearchRenderer, EnvelopeHoldsRecordsOfSeveralBatchesAndTheStats) {
    BatchBuilder rows;
    rows.add<int64_t>({1, 2});
    SearchRenderer renderer(plan_of({column({"i"}, 0, ColumnType::int64)}), RecordFormat::envelope);
    std::string out;
    renderer.begin(out);
    ASSERT_TRUE(renderer.append(rows.batch(), out));
    std::string sent = std::exchange(out, {});  // as a frontend does with each piece
    ASSERT_TRUE(renderer.append(rows.batch(), out));
    sent += std::exchange(out, {});
    renderer.end({.rows_scanned = 9,
                  .bytes_scanned = 8,
                  .files_read = 7,
                  .files_skipped = 6,
                  .elapsed_ms = 1.23456},
                 out);
    EXPECT_EQ(renderer.rows(), 4u);
    EXPECT_EQ(sent + out,
              R"({"records":[{"source_id":"a\"b","fields":{"i":1}},)"
              R"({"source_id":"a\"b","fields":{"i":2}},)"
              R"({"source_id":"a\"b","fields":{"i":1}},{"source_id":"a\"b","fields":{"i":2}}],)"
              R"("stats":{"rows_scanned":9,"bytes_scanned":8,"files_read":7,"files_skipped":6,)"
              R"("rows_returned":4,"elapsed_ms":1.235}})");
    std::string empty;
    SearchRenderer none(plan_of({}), RecordFormat::envelope);
    none.begin(empty);
    none.end({}, empty);
    EXPECT_TRUE(empty.starts_with(R"({"records":[],"stats":{)")) << empty;
}

TEST(SearchRenderer, StreamEndsWithItsStatsOrItsError) {
    BatchBuilder rows;
    rows.add<int64_t>({1});
    SearchRenderer renderer(plan_of({column({"i"}, 0, ColumnType::int64)}), RecordFormat::lines);
    std::string out;
    renderer.begin(out);
    ASSERT_TRUE(renderer.append(rows.batch(), out));
    const std::string line = R"({"record":{"source_id":"a\"b","fields":{"i":1}}})"
                             "\n";
    EXPECT_EQ(out, line);
    std::string failed = out;
    renderer.end({}, out);
    EXPECT_EQ(out, line + R"({"end":{"rows_scanned":0,"bytes_scanned":0,"files_read":0,)"
                          R"("files_skipped":0,"rows_returned":1,"elapsed_ms":0.0}})"
                          "\n");
    append_error_line(invalid_argument("too_slow", "No \"luck\".").with_hint("Wait."), "r1",
                      failed);
    EXPECT_EQ(failed, line +
                          R"({"error":{"code":"too_slow","message":"No \"luck\".","hint":"Wait.",)"
                          R"("request_id":"r1"}})"
                          "\n");
}

TEST(SearchRenderer, RowsOfSeveralSourcesGoByTheirOwnShape) {
    BatchBuilder rows;
    rows.add<int64_t>({0, 1, 1});
    rows.add<int64_t>({5, std::nullopt, std::nullopt});
    rows.texts({std::nullopt, "five", std::nullopt});
    SearchRenderPlan plan;
    plan.source_slot = 0;
    plan.sources.push_back({.source_id = "one", .fields = {column({"x"}, 1, ColumnType::int64)}});
    plan.sources.push_back({.source_id = "two", .fields = {column({"x"}, 2, ColumnType::string)}});
    EXPECT_EQ(rendered(plan, rows.batch(), RecordFormat::envelope),
              R"({"records":[{"source_id":"one","fields":{"x":5}},{"source_id":"two","fields":)"
              R"({"x":"five"}},{"source_id":"two","fields":{}})");
    CsvRenderer csv(plan);
    std::string out;
    csv.begin(out);
    csv.append(rows.batch(), out);
    EXPECT_EQ(out, "source_id,x\r\none,5\r\ntwo,five\r\ntwo,\r\n");
}

TEST(CsvRenderer, FieldsAreQuotedWhereTheyMustBe) {
    BatchBuilder rows;
    rows.texts(
        {"plain", "", std::nullopt, "a,b", "say \"hi\"", "two\r\nlines", " lead", "München"});
    rows.add<double>({1.0, 2.5, {}, {}, {}, {}, {}, 1e300});
    rows.texts({std::nullopt, R"({"k":[1,2]})", {}, {}, {}, {}, {}, {}});
    SearchRenderPlan plan = plan_of(
        {column({"s,t"}, 0, ColumnType::string), column({"n", "f"}, 1, ColumnType::float64)});
    plan.sources[0].rest_slot = 2;
    plan.sources[0].rest_in_fields = true;
    CsvRenderer renderer(plan);
    std::string out;
    renderer.begin(out);
    renderer.append(rows.batch(), out);
    EXPECT_EQ(
        out,
        "\"s,t\",n.f,_rest\r\nplain,1.0,\r\n\"\",2.5,\"{\"\"k\"\":[1,2]}\"\r\n,,\r\n\"a,b\",,\r\n"
        "\"say \"\"hi\"\"\",,\r\n\"two\r\nlines\",,\r\n\" lead\",,\r\nMünchen,1e+300,\r\n");
    EXPECT_EQ(renderer.rows(), 8u);
}

AggregateRenderPlan aggregate_plan(uint64_t limit) {
    return {.columns = {{"key", ResultType::timestamp},
                        {"sum \"x\"", ResultType::int128},
                        {"low", ResultType::string}},
            .limit = limit};
}

BatchBuilder aggregate_rows() {
    BatchBuilder rows;
    rows.add<int64_t>({0, 1, std::nullopt});
    rows.add<__int128>({static_cast<__int128>(INT64_MAX) * 10, std::nullopt, -1});
    rows.texts({"a", std::nullopt, "c"});
    return rows;
}

TEST(AggregateRenderer, ResultsHoldNullsAndAllDigits) {
    BatchBuilder rows = aggregate_rows();
    AggregateRenderer renderer(aggregate_plan(3));
    std::string out;
    renderer.begin(out);
    renderer.append(rows.batch(), out);
    renderer.end({}, out);
    EXPECT_TRUE(out.starts_with(
        R"({"results":[{"key":"1970-01-01T00:00:00Z","sum \"x\"":92233720368547758070,"low":"a"},)"
        R"({"key":"1970-01-01T00:00:00.000000001Z","sum \"x\"":null,"low":null},)"
        R"({"key":null,"sum \"x\"":-1,"low":"c"}],"stats":{)"))
        << out;
    EXPECT_TRUE(json::JsonValue::parse(out));
}

TEST(AggregateRenderer, WhatIsBeyondTheLimitIsSaidToBeMissing) {
    BatchBuilder rows = aggregate_rows();
    AggregateRenderer renderer(aggregate_plan(2));
    std::string out;
    renderer.begin(out);
    renderer.append(rows.batch(), out);
    renderer.end({}, out);
    const auto answer = json::JsonValue::parse(out);
    ASSERT_TRUE(answer) << out;
    EXPECT_EQ(answer->find("results")->array().size(), 2u);
    EXPECT_TRUE(answer->find("truncated")->boolean());
    EXPECT_EQ(answer->find("stats")->find("rows_returned")->int64(), 2);
    CsvRenderer csv(aggregate_plan(2));
    std::string text;
    csv.begin(text);
    csv.append(rows.batch(), text);
    EXPECT_EQ(text,
              "key,\"sum \"\"x\"\"\",low\r\n1970-01-01T00:00:00Z,92233720368547758070,a\r\n"
              "1970-01-01T00:00:00.000000001Z,,\r\n");
    EXPECT_TRUE(csv.truncated());
}

}  // namespace
}  // namespace insula::tables
