#include "stores/tables/ingest/csv_shredder.h"

#include <gtest/gtest.h>

#include "platform/csv/csv_reader.h"

namespace insula::tables {
namespace {

Result<Batch> shred(std::string_view text, SchemaPtr schema = std::make_shared<const Schema>()) {
    return shred_csv(text, ',', std::move(schema));
}

ColumnType type_of(const Batch& batch, std::string_view name) {
    const uint32_t index = batch.schema->find_name(name);
    EXPECT_NE(index, Schema::kNone) << name;
    return batch.schema->column(index).type;
}

const ChunkColumn& column(const Batch& batch, std::string_view name) {
    return *batch.chunks.at(0)->find(batch.schema->column(batch.schema->find_name(name)).id);
}

TEST(CsvShredder, TypesAreTheNarrowestThatAllValuesHave) {
    const auto batch = shred(
        "id,price,ok,zip,mixed\n"
        "1,2.5,true,00501,7\n"
        "-2,3,false,10001,x\n");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(batch->rows, 2u);
    EXPECT_EQ(type_of(*batch, "id"), ColumnType::int64);
    EXPECT_EQ(type_of(*batch, "price"), ColumnType::float64);
    EXPECT_EQ(type_of(*batch, "ok"), ColumnType::boolean);
    EXPECT_EQ(type_of(*batch, "zip"), ColumnType::string);
    EXPECT_EQ(type_of(*batch, "mixed"), ColumnType::string);
    EXPECT_EQ(column(*batch, "id").values<int64_t>()[1], -2);
    EXPECT_EQ(column(*batch, "zip").values<StringRef>()[0].view(), "00501");
}

TEST(CsvShredder, AHeaderThatNamesAColumnTwiceIsRefusedAlsoWithoutRows) {
    for (const char* text : {"a,b,a\n1,2,3\n", "a,b,a\n", "a,b,\"a\""}) {
        const auto batch = shred(text);
        ASSERT_FALSE(batch) << text;
        EXPECT_EQ(batch.error().reason(), "duplicate_key");
        EXPECT_EQ(batch.error().message(), "The header names the column \"a\" twice.");
    }
}

TEST(CsvShredder, ARowOfMoreFieldsThanMayBeIsRefused) {
    const std::string commas(csv::kCsvFieldsMax, ',');
    for (const std::string& text : {commas, "a,b\n1," + commas}) {
        const auto batch = shred(text);
        ASSERT_FALSE(batch);
        EXPECT_EQ(batch.error().reason(), "too_many_columns");
        EXPECT_NE(batch.error().message().find("10000 fields"), std::string_view::npos);
    }
}

TEST(CsvShredder, AnEmptyFieldIsAbsentAndAQuotedOneIsText) {
    const auto batch = shred("a,b\n1,\n,\"\"\n");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(column(*batch, "a").valid[0], 1);
    EXPECT_EQ(column(*batch, "a").valid[1], 0);
    EXPECT_EQ(column(*batch, "b").valid[0], 0);
    EXPECT_EQ(column(*batch, "b").values<StringRef>()[1].view(), "");
}

TEST(CsvShredder, QuotesHoldDelimitersLineEndsAndQuotes) {
    const auto batch = shred("a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n\"\"\"\",3");
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(column(*batch, "a").values<StringRef>()[0].view(), "x, \"y\"\nz");
    EXPECT_EQ(column(*batch, "a").values<StringRef>()[1].view(), "\"");
    EXPECT_EQ(column(*batch, "b").values<int64_t>()[1], 3);
}

TEST(CsvShredder, DeclaredColumnsDecideTheirType) {
    Schema schema;
    schema.add({}, "code", ColumnType::string, true);
    schema.add({}, "day", ColumnType::date, true);
    const auto batch = shred("code,day\n7,2024-01-15\n", std::make_shared<const Schema>(schema));
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(column(*batch, "code").values<StringRef>()[0].view(), "7");
    EXPECT_EQ(column(*batch, "day").values<int32_t>()[0], 19737);
}

TEST(CsvShredder, ADeclaredTypeIsTakenWhereTheSourceHasNoColumn) {
    const std::vector<DeclaredColumn> declared{{"zip", ColumnType::string},
                                               {"n", ColumnType::float64},
                                               {"day", ColumnType::date},
                                               {"empty", ColumnType::boolean}};
    const std::string_view text = "zip,n,day,empty,other\n10001,1,2024-01-15,,5\n";
    const auto batch = shred_csv(text, ',', std::make_shared<const Schema>(), declared);
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(type_of(*batch, "zip"), ColumnType::string);
    EXPECT_EQ(type_of(*batch, "n"), ColumnType::float64);
    EXPECT_EQ(type_of(*batch, "day"), ColumnType::date);
    EXPECT_EQ(batch->schema->find_name("empty"), Schema::kNone) << "there is no value yet";
    EXPECT_EQ(type_of(*batch, "other"), ColumnType::int64);
    EXPECT_EQ(column(*batch, "zip").values<StringRef>()[0].view(), "10001");
    EXPECT_EQ(batch->changes.size(), 4u);
    EXPECT_EQ(batch->changes[0].name, "zip") << "in the order of the header";
    EXPECT_EQ(batch->changes[3].name, "other");

    Schema schema;
    schema.add({}, "zip", ColumnType::int64, false);
    const auto kept = shred_csv("zip\n10001\n", ',', std::make_shared<const Schema>(schema),
                                std::span(declared).first(1));
    ASSERT_TRUE(kept);
    EXPECT_EQ(type_of(*kept, "zip"), ColumnType::int64);
    EXPECT_EQ(shred_csv("a\n1\n", ',', std::make_shared<const Schema>(), declared).error().reason(),
              "unknown_column");
}

TEST(CsvShredder, TheTypeDoesNotDependOnTheOrderOfValues) {
    for (const char* text : {"a\n9007199254740993\n1.5\n", "a\n1.5\n9007199254740993\n"}) {
        const auto batch = shred(text);
        ASSERT_TRUE(batch);
        EXPECT_EQ(type_of(*batch, "a"), ColumnType::float64) << text;
    }
}

TEST(CsvShredder, AHeaderAloneHasNoRows) { EXPECT_EQ(shred("a,b\n")->rows, 0u); }

TEST(CsvShredder, NumbersThatJsonWouldNotWriteStayText) {
    for (const char* text : {"+1", "1.", ".5", "0x10", "inf", "nan", "1e", "01", "1 "}) {
        const auto batch = shred(std::string("a\n") + text + "\n");
        ASSERT_TRUE(batch);
        EXPECT_EQ(type_of(*batch, "a"), ColumnType::string) << text;
    }
}

TEST(CsvShredder, WhatIsNotCsvIsRefusedWithItsPlace) {
    const auto reason = [](std::string_view text) {
        const auto batch = shred(text);
        return batch ? std::string("none") : std::string(batch.error().reason());
    };
    EXPECT_EQ(reason(""), "empty_body");
    EXPECT_EQ(reason("a,b\n1\n"), "malformed_csv");
    EXPECT_EQ(reason("a,b\n1,2,3\n"), "malformed_csv");
    EXPECT_EQ(reason("a\n\"x\n"), "malformed_csv");
    EXPECT_EQ(reason("a\n\"x\"y\n"), "malformed_csv");
    EXPECT_EQ(reason("a\nx\"y\n"), "malformed_csv");
    EXPECT_EQ(reason("a\n\xff\n"), "invalid_utf8");
    EXPECT_EQ(reason("a,a\n1,2\n"), "duplicate_key");
    EXPECT_NE(shred("a,b\n1,2\n3\n").error().message().find("byte 8"), std::string_view::npos);
}

}  // namespace
}  // namespace insula::tables
