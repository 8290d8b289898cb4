#include "stores/tables/ingest/json_shredder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "stores/tables/columns.h"

namespace insula::tables {
namespace {

SchemaPtr empty_schema() { return std::make_shared<const Schema>(); }

std::string padded(std::string text) {
    text.reserve(text.size() + kJsonPadding);
    return text;
}

Result<Batch> shred(const std::string& text, SchemaPtr schema = empty_schema()) {
    return shred_json(padded(text), std::move(schema));
}

ColumnType type_of(const Batch& batch, std::string_view name) {
    const uint32_t index = batch.schema->find_name(name);
    EXPECT_NE(index, Schema::kNone) << name;
    return batch.schema->column(index).type;
}

// The value of a column in a row of the first chunk, as text; "null" where there is none.
std::string value(const Batch& batch, std::string_view name, uint32_t row, size_t chunk = 0) {
    const ColumnId id =
        name == "_rest" ? kRestColumn : batch.schema->column(batch.schema->find_name(name)).id;
    const ChunkColumn* column = batch.chunks.at(chunk)->find(id);
    if (column == nullptr || column->valid[row] == 0) return "null";
    switch (column->type) {
        case ColumnType::boolean:
            return column->values<uint8_t>()[row] != 0 ? "true" : "false";
        case ColumnType::int64:
        case ColumnType::timestamp:
            return std::to_string(column->values<int64_t>()[row]);
        case ColumnType::float64:
            return std::to_string(column->values<double>()[row]);
        case ColumnType::date:
            return std::to_string(column->values<int32_t>()[row]);
        case ColumnType::string:
        case ColumnType::json:
            return std::string(column->values<StringRef>()[row].view());
    }
    return "";
}

std::string reason(const Result<Batch>& batch) {
    return batch ? std::string("no error") : std::string(batch.error().reason());
}

TEST(ColumnName, HasADotBetweenAnyTwoKeys) {
    EXPECT_EQ(column_name({"a"}), "a");
    EXPECT_EQ(column_name({"a", "b"}), "a.b");
    EXPECT_EQ(column_name({"", "j"}), ".j") << "or it would pass for the column j";
    EXPECT_EQ(column_name({"", ""}), ".");
}

TEST(JsonShredder, KeysBecomeTypedColumns) {
    const auto batch =
        shred(R"([{"a":1,"b":"x","c":1.5,"d":true},{"b":"a longer text than twelve"}])");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(batch->rows, 2u);
    EXPECT_EQ(type_of(*batch, "a"), ColumnType::int64);
    EXPECT_EQ(type_of(*batch, "b"), ColumnType::string);
    EXPECT_EQ(type_of(*batch, "c"), ColumnType::float64);
    EXPECT_EQ(type_of(*batch, "d"), ColumnType::boolean);
    EXPECT_EQ(value(*batch, "a", 0), "1");
    EXPECT_EQ(value(*batch, "a", 1), "null");
    EXPECT_EQ(value(*batch, "b", 1), "a longer text than twelve");
    EXPECT_EQ(batch->changes.size(), 4u);
}

TEST(JsonShredder, NestedObjectsBecomeDottedColumns) {
    const auto batch = shred(R"({"a":{"b":{"c":1}},"l":[1, {"x":[]} ,"z"]})");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(value(*batch, "a.b.c", 0), "1");
    EXPECT_EQ(type_of(*batch, "l"), ColumnType::json);
    EXPECT_EQ(value(*batch, "l", 0), R"([1,{"x":[]},"z"])");
}

TEST(JsonShredder, WhatFitsNoColumnGoesToRestInItsPlace) {
    const auto batch = shred(
        R"([{"a":1,"o":{"x":1,"y":2}},{"a":"text","n":null,"o":{"x":null,"y":true},"e":{},"_h":1,)"
        R"("big":123456789012345678901234567890}])");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(value(*batch, "a", 1), "null");
    EXPECT_EQ(value(*batch, "_rest", 0), "null");
    EXPECT_EQ(value(*batch, "_rest", 1),
              R"({"a":"text","n":null,"o":{"x":null,"y":true},"e":{},"_h":1,)"
              R"("big":123456789012345678901234567890})");
}

TEST(JsonShredder, AnIntegerColumnThatMeetsAFractionBecomesFloat) {
    const auto batch = shred(R"([{"a":1},{"a":2.5},{"a":3}])");
    ASSERT_TRUE(batch);
    EXPECT_EQ(type_of(*batch, "a"), ColumnType::float64);
    EXPECT_EQ(value(*batch, "a", 0), "1.000000");
    EXPECT_EQ(value(*batch, "a", 1), "2.500000");
    EXPECT_EQ(value(*batch, "a", 2), "3.000000");
}

TEST(JsonShredder, AnIntegerColumnWithInexactValuesStaysAndTheFractionGoesToRest) {
    const auto batch = shred(R"([{"a":9007199254740993},{"a":2.5},{"a":3.0}])");
    ASSERT_TRUE(batch);
    EXPECT_EQ(type_of(*batch, "a"), ColumnType::int64);
    EXPECT_EQ(value(*batch, "a", 0), "9007199254740993");
    EXPECT_EQ(value(*batch, "_rest", 1), R"({"a":2.5})");
    EXPECT_EQ(value(*batch, "a", 2), "3");
}

TEST(JsonShredder, APromotionAlsoConcernsValuesOfEarlierBatches) {
    const auto first = shred(R"({"a":9007199254740993})");
    ASSERT_TRUE(first);
    const auto second = shred(R"({"a":2.5})", first->schema);
    ASSERT_TRUE(second);
    EXPECT_EQ(type_of(*second, "a"), ColumnType::int64);
    EXPECT_EQ(value(*second, "_rest", 0), R"({"a":2.5})");
    EXPECT_TRUE(second->changes.empty());
}

TEST(JsonShredder, ALargeIntegerInAFloatColumnGoesToRestIfItWouldBeRounded) {
    const auto batch = shred(R"([{"a":0.5},{"a":9007199254740993},{"a":4}])");
    ASSERT_TRUE(batch);
    EXPECT_EQ(value(*batch, "_rest", 1), R"({"a":9007199254740993})");
    EXPECT_EQ(value(*batch, "a", 2), "4.000000");
}

TEST(JsonShredder, ScalarAndObjectAtOnePathAreOfDifferentKinds) {
    const auto batch = shred(R"([{"a":1},{"a":{"b":2}},{"c":{"d":1}},{"c":5}])");
    ASSERT_TRUE(batch);
    EXPECT_EQ(value(*batch, "_rest", 1), R"({"a":{"b":2}})");
    EXPECT_EQ(value(*batch, "_rest", 3), R"({"c":5})");
    EXPECT_EQ(batch->schema->find_name("a.b"), Schema::kNone);
}

TEST(JsonShredder, ADottedKeyBesideItsNestedTwinGoesToRest) {
    const auto batch = shred(R"([{"a":{"b":1}},{"a.b":2}])");
    ASSERT_TRUE(batch);
    EXPECT_EQ(value(*batch, "a.b", 0), "1");
    EXPECT_EQ(value(*batch, "_rest", 1), R"({"a.b":2})");
}

TEST(JsonShredder, DeclaredTimesAreReadAndOtherSpellingsKept) {
    Schema schema;
    schema.add({}, "at", ColumnType::timestamp, true);
    schema.add({}, "day", ColumnType::date, true);
    const auto batch = shred(R"([{"at":"2024-01-15T10:30:00.25Z","day":"2024-01-15"},)"
                             R"({"at":"2024-01-15"},{"at":"soon"}])",
                             std::make_shared<const Schema>(schema));
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(value(*batch, "at", 0), "1705314600250000000");
    EXPECT_EQ(value(*batch, "day", 0), "19737");
    EXPECT_EQ(value(*batch, "_rest", 0), "null");
    EXPECT_EQ(value(*batch, "at", 1), "1705276800000000000");
    EXPECT_EQ(value(*batch, "_rest", 1), R"({"at":"2024-01-15"})");
    EXPECT_EQ(value(*batch, "at", 2), "null");
    EXPECT_EQ(value(*batch, "_rest", 2), R"({"at":"soon"})");
}

TEST(JsonShredder, StringsAreNeverGuessedToBeDates) {
    const auto batch = shred(R"({"at":"2024-01-15T10:30:00Z"})");
    ASSERT_TRUE(batch);
    EXPECT_EQ(type_of(*batch, "at"), ColumnType::string);
}

TEST(JsonShredder, EscapesAreRead) {
    const auto batch = shred(R"({"a\u0062c":"x\n\"\u00e9\ud83d\ude00","k":["\u00e9"]})");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(value(*batch, "abc", 0), "x\n\"é😀");
    EXPECT_EQ(value(*batch, "k", 0), R"(["é"])");
}

TEST(JsonShredder, ManyRowsFillSeveralChunks) {
    std::string body;
    for (int i = 0; i < 5000; ++i) {
        body +=
            R"({"id":)" + std::to_string(i) + R"(,"even":)" + (i % 2 == 0 ? "1" : "null") + "}\n";
    }
    const auto batch = shred_ndjson(padded(body), empty_schema());
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(batch->rows, 5000u);
    ASSERT_EQ(batch->chunks.size(), 3u);
    EXPECT_EQ(value(*batch, "id", 100, 2), std::to_string(4096 + 100));
    EXPECT_EQ(value(*batch, "even", 1, 1), "null");
}

TEST(JsonShredder, ChangingKeyOrderMakesNoDifference) {
    const std::string body =
        "{\"a\":1,\"b\":2}\n{\"b\":3,\"a\":4}\n{\"b\":5}\n{\"c\":6,\"a\":7}\n{\"a\":8,\"b\":9}\n";
    const auto batch = shred_ndjson(padded(body), empty_schema());
    ASSERT_TRUE(batch);
    std::string seen;
    for (uint32_t row = 0; row < 5; ++row) {
        seen += value(*batch, "a", row) + "/" + value(*batch, "b", row) + "/" +
                value(*batch, "c", row) + " ";
    }
    EXPECT_EQ(seen, "1/2/null 4/3/null null/5/null 7/null/6 8/9/null ");
}

TEST(JsonShredder, TheEnvelopeNamesItsSourceBeforeOrAfterTheRecords) {
    for (const char* body : {R"({"source_id":"s","records":[{"fields":{"a":1}}]})",
                             R"({"records":[{"fields":{"a":1}}],"source_id":"s"})"}) {
        const std::string text = padded(body);
        EXPECT_EQ(*envelope_source(text), "s");
        const auto batch = shred_envelope(text, empty_schema());
        ASSERT_TRUE(batch) << batch.error().describe();
        EXPECT_EQ(value(*batch, "a", 0), "1");
    }
}

TEST(JsonShredder, AnEmptyArrayHasNoRows) { EXPECT_EQ(shred("[]")->rows, 0u); }

struct BadBody {
    const char* body;
    const char* reason;
};
class BadJson : public testing::TestWithParam<BadBody> {};

TEST_P(BadJson, IsRefused) {
    EXPECT_EQ(reason(shred(GetParam().body)), GetParam().reason);
    EXPECT_NE(reason(shred_ndjson(padded(std::string(R"({"ok":1})") + "\n" + GetParam().body),
                                  empty_schema())),
              std::string(GetParam().reason) == "empty_body" ? "" : "no error");
}

INSTANTIATE_TEST_SUITE_P(
    All, BadJson,
    testing::Values(
        BadBody{"{\"a\":1", "malformed_json"}, BadBody{"{\"a\":tru}", "malformed_json"},
        BadBody{"{\"a\":nulV}", "malformed_json"}, BadBody{"{\"a\":nulln}", "malformed_json"},
        BadBody{"{\"a\":[nul]}", "malformed_json"}, BadBody{"{\"a\":NaN}", "malformed_json"},
        BadBody{"{\"a\":01}", "malformed_json"}, BadBody{"{\"a\":1,}", "malformed_json"},
        BadBody{"{\"a\":[1,]}", "malformed_json"}, BadBody{"{\"a\" 1}", "malformed_json"},
        BadBody{"{\"a\":1}}", "malformed_json"}, BadBody{"{\"a\":\"\\x\"}", "malformed_json"},
        BadBody{"{\"a\":[\"\\ud800\"]}", "malformed_json"},
        BadBody{"{\"a\":\"\xff\"}", "invalid_utf8"}, BadBody{"{\"a\":\"\n\"}", "malformed_json"},
        BadBody{"[1]", "not_an_object"}, BadBody{"7", "not_an_object"},
        BadBody{"{\"a\":1,\"a\":2}", "duplicate_key"},
        BadBody{"{\"a\":null,\"a\":2}", "duplicate_key"},
        BadBody{"{\"o\":{\"x\":1},\"o\":{\"y\":1}}", "duplicate_key"},
        BadBody{"{\"l\":[{\"x\":1,\"x\":2}]}", "duplicate_key"}));

TEST(JsonShredder, AMalformedBodyIsLocatedByItsByteOffset) {
    const auto batch = shred(R"([{"a":1},{"a":tru}])");
    ASSERT_FALSE(batch);
    EXPECT_NE(batch.error().message().find("at byte 1"), std::string_view::npos)
        << batch.error().message();
    const auto lines = shred_ndjson(padded("{\"a\":1}\n{\"a\":?}\n"), empty_schema());
    ASSERT_FALSE(lines);
    EXPECT_NE(lines.error().message().find("at byte 13"), std::string_view::npos)
        << lines.error().message();
}

TEST(JsonShredder, ADepthBombIsRefused) {
    EXPECT_EQ(reason(shred("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}")),
              "too_deep");
    std::string objects;
    for (int i = 0; i < 2000; ++i) objects += "{\"a\":";
    objects += "1" + std::string(2000, '}');
    EXPECT_EQ(reason(shred(objects)), "too_deep");
}

TEST(JsonShredder, TenThousandColumnsInOneDocumentAreRefused) {
    std::string body = "{";
    for (int i = 0; i < 10'000; ++i) body += "\"k" + std::to_string(i) + "\":1,";
    body.back() = '}';
    EXPECT_EQ(reason(shred(body)), "too_many_columns");
}

TEST(JsonShredder, ColumnsBeyondTheLimitGoToRest) {
    std::string body = "{";
    for (int i = 0; i < 1200; ++i) body += "\"k" + std::to_string(i) + "\":1,";
    body.back() = '}';
    const auto batch = shred(body);
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(batch->schema->columns().size(), kColumnsMax);
    EXPECT_NE(value(*batch, "_rest", 0).find("\"k1199\":1"), std::string::npos);
}

#ifndef INSULA_SANITIZED  // a sanitizer needs address space of its own
// A client that is told that its body is malformed gives it up.
TEST(JsonShredder, WithoutMemoryTheBodyIsNotCalledMalformed) {
    constexpr size_t kBytes = 64u << 20;
    constexpr rlim_t kSpareBytes = 16u << 20;
    const std::string text = padded("[{\"a\":\"" + std::string(kBytes, 'x') + "\"}]");
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
    rlimit little = before;
    little.rlim_cur = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kSpareBytes;
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &little), 0);
    const auto batch = shred_json(text, empty_schema());
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_EQ(reason(batch), "memory_exhausted");
}
#endif

}  // namespace
}  // namespace insula::tables
