// Parquet out of and into the program: what write_parquet writes, and what read_parquet makes of
// clients' files.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "duckdb.h"
#include "platform/engine/tests/fakes.h"
#include "platform/engine/tests/foreign_file.h"

namespace insula::engine::test {
namespace {

using Rows = std::vector<std::string>;

class ParquetWrite : public EngineTest {
  protected:
    Rows describe(Instance& instance, const std::shared_ptr<MemoryFile>& file,
                  const std::string& columns, const std::string& function) {
        Scan pinned = counting_scan(1);
        pinned.files = {{FileId{99}, file}};
        // The pinned file's path is the next free one; asking for all that exist finds it.
        for (int slot = 0; slot < 8; ++slot) {
            auto rows = run(instance, {.sql = "SELECT " + columns + " FROM " + function +
                                              "('insula://f/" + std::to_string(slot) + "')",
                                       .scans = {pinned}});
            if (rows && !rows->empty()) return *rows;
        }
        return {};
    }
};

TEST_F(ParquetWrite, FieldIdsNamesAndTypesAreAsTheScanSays) {
    const auto instance = open();
    ChunkBuilder builder({{ColumnId{4}, ColumnType::string},
                          {ColumnId{2}, ColumnType::timestamp},
                          {ColumnId{9}, ColumnType::json},
                          {ColumnId{5}, ColumnType::int64}});
    builder.add({"x", TimestampValue{1}, "{}", int64_t{5}});
    const Scan scan{{{ColumnId{4}, "name", ColumnType::string},
                     {ColumnId{2}, "t", ColumnType::timestamp},
                     {ColumnId{9}, "NAME", ColumnType::json},
                     {ColumnId{5}, "it's \"5\"", ColumnType::float64}},
                    builder.take(),
                    {}};
    const auto file = write(*instance, scan);
    EXPECT_EQ(describe(*instance, file,
                       "name, field_id, type, coalesce(converted_type, logical_type, '')",
                       "parquet_schema"),
              (Rows{"duckdb_schema|null|null|", "name|4|BYTE_ARRAY|UTF8",
                    "t|2|INT64|TimestampType(isAdjustedToUTC=0, unit=TimeUnit(MILLIS=<null>, "
                    "MICROS=<null>, NANOS=NanoSeconds()))",
                    "NAME_9|9|BYTE_ARRAY|UTF8", "it's \"5\"|5|DOUBLE|",
                    "_row_id|2147483647|INT64|INT_64"}));
}

TEST_F(ParquetWrite, RowsAreSortedThenByRowId) {
    const auto instance = open();
    ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}, {ColumnId{2}, ColumnType::string}});
    for (int64_t i = 0; i < 10'000; ++i) {
        builder.add({i % 7 == 6 ? Value{} : Value{i % 7}, std::to_string(i % 3)});
    }
    Scan scan{{{ColumnId{1}, "a", ColumnType::int64}, {ColumnId{2}, "b", ColumnType::string}},
              builder.take(),
              {}};
    const auto file = write(*instance, scan, {.row_group_rows = 2048, .sort_by = {"a", "b"}});
    scan.chunks.clear();
    scan.files = {{FileId{1}, file}};
    EXPECT_EQ(
        must(*instance,
             {.sql = "SELECT count(*), count(*) FILTER (in_order) FROM (SELECT (coalesce(a, -1), "
                     "b, _row_id) > lag((coalesce(a, -1), b, _row_id), 1, (-2, '', 0)) OVER () "
                     "AS in_order FROM scan_0)",
              .scans = {scan}}),
        Rows{"10000|10000"});
    EXPECT_EQ(must(*instance, {.sql = "SELECT a FROM scan_0 LIMIT 1", .scans = {scan}}),
              Rows{"null"});
}

TEST_F(ParquetWrite, CompactionKeepsRowIdsAndAnswers) {
    const auto instance = open();
    std::mt19937_64 random(5);
    ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}, {ColumnId{2}, ColumnType::string}});
    for (int i = 0; i < 30'000; ++i) {
        builder.add(
            {static_cast<int64_t>(random() % 100), "text number " + std::to_string(random() % 9)});
    }
    const std::vector<ChunkRows> chunks = builder.take();
    Scan scan{
        {{ColumnId{1}, "a", ColumnType::int64}, {ColumnId{2}, "b", ColumnType::string}}, {}, {}};
    for (size_t i = 0; i < chunks.size(); ++i) {
        Scan part = scan;
        part.files.clear();
        part.chunks = {chunks[i]};
        scan.files.push_back({FileId{i + 1}, write(*instance, part, {.sort_by = {"b"}})});
    }
    Scan whole = scan;
    whole.files = {{FileId{1000}, write(*instance, scan, {.sort_by = {"a"}})}};
    Scan memory = scan;
    memory.files.clear();
    memory.chunks = chunks;
    for (const char* sql : {"SELECT * FROM scan_0 ORDER BY _row_id",
                            "SELECT * FROM scan_0 ORDER BY a DESC, _row_id LIMIT 20",
                            "SELECT * FROM scan_0 ORDER BY b, _row_id DESC LIMIT 20 OFFSET 5"}) {
        const Rows expected = must(*instance, {.sql = sql, .scans = {memory}});
        EXPECT_EQ(must(*instance, {.sql = sql, .scans = {scan}}), expected) << sql;
        EXPECT_EQ(must(*instance, {.sql = sql, .scans = {whole}}), expected) << sql;
    }
}

TEST_F(ParquetWrite, EveryCompressionIsReadBack) {
    const auto instance = open();
    using enum ParquetOptions::Compression;
    uint64_t id = 0;
    for (const auto compression : {none, snappy, zstd, lz4, gzip}) {
        Scan scan = counting_scan(5000);
        scan.files = {{FileId{++id}, write(*instance, scan, {.compression = compression})}};
        scan.chunks.clear();
        EXPECT_EQ(must(*instance, {.sql = "SELECT sum(x) FROM scan_0", .scans = {scan}}),
                  Rows{"12497500"});
    }
}

TEST_F(ParquetWrite, EmptyScanIsAValidFile) {
    const auto instance = open();
    Scan scan = counting_scan(1);
    scan.chunks.clear();
    scan.files = {{FileId{1}, write(*instance, scan)}};
    EXPECT_EQ(must(*instance, {.sql = "SELECT count(*) FROM scan_0", .scans = {scan}}), Rows{"0"});
}

TEST_F(ParquetWrite, FailureOfTheFileComesBackAsItself) {
    const auto instance = open();
    MemoryFile file;
    file.append_error = Error(Code::storage_exhausted, "disk_full", "The disk is full.");
    const auto stats =
        instance->write_parquet(counting_scan(500'000), {}, file, Deadline::never(), {});
    ASSERT_FALSE(stats.has_value());
    EXPECT_EQ(stats.error().code(), Code::storage_exhausted) << stats.error().describe();
}

TEST_F(ParquetWrite, CanBeCancelled) {
    const auto instance = open();
    MemoryFile file;
    CancelToken cancel;
    cancel.cancel();
    const auto stats =
        instance->write_parquet(counting_scan(500'000), {}, file, Deadline::never(), cancel);
    ASSERT_FALSE(stats.has_value());
    EXPECT_EQ(stats.error().code(), Code::cancelled);
}

TEST_F(ParquetWrite, SortLargerThanMemorySpills) {
    const auto instance = open({.memory_bytes_max = 64 << 20});
    ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}, {ColumnId{2}, ColumnType::string}});
    for (int64_t i = 0; i < 1'000'000; ++i) {
        builder.add({(i * 7919) % 1'000'003, "a string that is long enough not to be inline"});
    }
    Scan scan{{{ColumnId{1}, "a", ColumnType::int64}, {ColumnId{2}, "b", ColumnType::string}},
              builder.take(),
              {}};
    scan.files = {{FileId{1}, write(*instance, scan, {.sort_by = {"a"}})}};
    scan.chunks.clear();
    EXPECT_GT(spill_.bytes_written, 1u << 20);
    EXPECT_EQ(must(*instance, {.sql = "SELECT count(*) FROM scan_0", .scans = {scan}}),
              Rows{"1000000"});
}

class ParquetUpload : public EngineTest {
  protected:
    static Result<std::unique_ptr<ResultStream>> upload(Instance& instance, std::string content) {
        return instance.read_parquet(std::make_shared<MemoryFile>(std::move(content)),
                                     Deadline::after(std::chrono::seconds(60)), {});
    }
    static Error refusal(Instance& instance, std::string content) {
        auto stream = upload(instance, std::move(content));
        if (!stream) return stream.error();
        const auto rows = rows_of(**stream);
        EXPECT_FALSE(rows.has_value());
        return rows ? internal_error("accepted") : rows.error();
    }
};

TEST_F(ParquetUpload, EveryTypeBecomesOneOfOurs) {
    const auto instance = open();
    auto stream = upload(
        *instance,
        foreign_parquet(
            "SELECT true AS b, 1::TINYINT AS i8, 2::USMALLINT AS u16, 3::UINTEGER AS u32, 4 AS "
            "i32, "
            "5::BIGINT AS i64, 6::UBIGINT AS small_u64, 18446744073709551615::UBIGINT AS "
            "large_u64, "
            "1.5::FLOAT AS f, 2.5::DOUBLE AS d, 12.34::DECIMAL(9,2) AS dec, "
            "123456789012345678::DECIMAL(18,0) AS whole, 1.25::DECIMAL(38,2) AS wide, "
            "DATE '2020-01-02' AS day, TIMESTAMP '2020-01-02 03:04:05.678901' AS us, "
            "TIMESTAMP_NS '2020-01-02 03:04:05.678901234' AS ns, "
            "TIMESTAMPTZ '2020-01-02 03:04:05+00' AS tz, 'text' AS s, 'bytes'::BLOB AS blob, "
            "'\\xFF'::BLOB AS raw, TIME '01:02:03' AS t, [1, NULL, 3] AS list, "
            "{'a': 1, 'b': {'c': ['x']}} AS struct, MAP {'k': 1} AS map, "
            "'11111111-1111-1111-1111-111111111111'::UUID AS uuid, NULL::INTEGER AS gone"));
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    using enum ResultType;
    const std::vector<std::pair<std::string, ResultType>> expected{
        {"b", boolean},    {"i8", int64},  {"u16", int64},       {"u32", int64},
        {"i32", int64},    {"i64", int64}, {"small_u64", int64}, {"large_u64", string},
        {"f", float64},    {"d", float64}, {"dec", float64},     {"whole", int64},
        {"wide", string},  {"day", date},  {"us", timestamp},    {"ns", timestamp},
        {"tz", timestamp}, {"s", string},  {"blob", string},     {"raw", string},
        {"t", string},     {"list", json}, {"struct", json},     {"map", json},
        {"uuid", string},  {"gone", int64}};
    ASSERT_EQ((*stream)->columns().size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ((*stream)->columns()[i].name, expected[i].first);
        EXPECT_EQ((*stream)->columns()[i].type, expected[i].second) << expected[i].first;
    }
    EXPECT_EQ(
        *rows_of(**stream),
        Rows{"true|1|2|3|4|5|6|18446744073709551615|1.5|2.5|12.34|123456789012345678|1.25|"
             "d18263|t1577934245678901000|t1577934245678901234|t1577934245000000000|text|bytes|"
             "\\xFF|01:02:03|[1,null,3]|{\"a\":1,\"b\":{\"c\":[\"x\"]}}|{\"k\":1}|"
             "11111111-1111-1111-1111-111111111111|null"});
}

TEST_F(ParquetUpload, JsonIsJson) {
    const auto instance = open();
    auto numbers = upload(*instance, foreign_parquet("SELECT ['nan'::DOUBLE, 1.5] AS x"));
    ASSERT_TRUE(numbers.has_value()) << numbers.error().describe();
    EXPECT_EQ(*rows_of(**numbers), Rows{"[null,1.5]"});
    auto marked = upload(*instance, foreign_parquet("SELECT '{\"a\": [1,  2]}'::JSON AS x"));
    ASSERT_TRUE(marked.has_value()) << marked.error().describe();
    EXPECT_EQ((*marked)->columns()[0].type, ResultType::json);
    EXPECT_EQ(*rows_of(**marked), Rows{R"({"a":[1,2]})"});
    auto bad = upload(*instance, parquet_with_bad_json());
    ASSERT_TRUE(bad.has_value()) << bad.error().describe();
    const auto rows = rows_of(**bad);
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().reason(), "malformed_parquet");
}

TEST_F(ParquetUpload, LargeFileStreams) {
    PoolLender lender(1);
    const auto instance = open({.memory_bytes_max = 64 << 20, .parallelism = 2}, &lender);
    auto stream =
        upload(*instance, foreign_parquet("SELECT i, 'name ' || i % 1000 AS s, i / 7 AS f "
                                          "FROM range(1000000) t(i)"));
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    ResultBatch batch;
    uint64_t rows = 0;
    int64_t sum = 0;
    while ((*stream)->next(batch).value()) {
        rows += batch.rows;
        for (uint32_t i = 0; i < batch.rows; ++i) sum += batch.columns[0].values<int64_t>()[i];
    }
    EXPECT_EQ(rows, 1'000'000u);
    EXPECT_EQ(sum, 499'999'500'000);
}

TEST_F(ParquetUpload, TwoUploadsAreTwoFiles) {
    const auto instance = open();
    for (int i = 0; i < 5; ++i) {
        auto stream = upload(*instance, foreign_parquet("SELECT " + std::to_string(i) + " AS x"));
        ASSERT_TRUE(stream.has_value());
        EXPECT_EQ(*rows_of(**stream), Rows{std::to_string(i)});
    }
}

TEST_F(ParquetUpload, WhatIsNotParquetIsRefusedWithAReason) {
    const auto instance = open();
    const std::string good = foreign_parquet("SELECT i FROM range(1000) t(i)");
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "too short"},
        {"PAR1", "too short"},
        {"{\"a\": 1} and more text than twelve bytes", "begin with PAR1"},
        {good.substr(0, good.size() - 5), "cut off"},
        {"PAR1" + std::string(8, '\0') + "PAR1", "footer"},
        {"PAR1" + std::string(100, 'x') + std::string("\xff\xff\xff\x7f", 4) + "PAR1", "footer"},
        {good.substr(0, good.size() - 4) + "PARE", "encrypted"}};
    for (const auto& [content, word] : cases) {
        const Error error = refusal(*instance, content);
        EXPECT_EQ(error.code(), Code::invalid_argument) << error.describe();
        EXPECT_EQ(error.reason(), "malformed_parquet");
        EXPECT_NE(error.message().find(word), std::string::npos) << error.describe();
        EXPECT_EQ(error.message().find("insula://"), std::string::npos);
        EXPECT_FALSE(error.hint().empty());
    }
}

TEST_F(ParquetUpload, DamagedBytesAreTheClientsErrorAndTheInstanceLivesOn) {
    const auto instance = open();
    const std::string good =
        foreign_parquet("SELECT i, 'some text ' || i AS s FROM range(20000) t(i)");
    // The footer's own bytes are left alone: what a crafted footer does is not the engine's to
    // survive.
    std::mt19937_64 random(3);
    uint32_t footer = 0;
    std::memcpy(&footer, good.data() + good.size() - 8, 4);
    const size_t data_end = good.size() - 8 - footer;
    int refused = 0;
    for (int round = 0; round < 30; ++round) {
        std::string bad = good;
        for (int i = 0; i < 40; ++i) bad[4 + random() % (data_end - 4)] ^= char(1 + random() % 255);
        auto stream = upload(*instance, bad);
        const auto rows = stream ? rows_of(**stream) : fail(stream.error());
        if (rows) continue;  // damage that still decodes
        ++refused;
        EXPECT_EQ(rows.error().code(), Code::invalid_argument) << rows.error().describe();
        EXPECT_EQ(rows.error().reason(), "malformed_parquet");
    }
    EXPECT_GT(refused, 0);
    EXPECT_EQ(must(*instance, {.sql = "SELECT 1"}), Rows{"1"});
}

TEST_F(ParquetUpload, TimesBeyondNanosecondsAreRefused) {
    const auto instance = open();
    const Error error =
        refusal(*instance, foreign_parquet("SELECT TIMESTAMP '9999-01-01 00:00:00' AS t"));
    EXPECT_EQ(error.code(), Code::invalid_argument) << error.describe();
    EXPECT_EQ(error.reason(), "timestamp_out_of_range");
}

TEST_F(ParquetUpload, ErrorOfTheBodyComesBackAsItself) {
    const auto instance = open();
    const auto file =
        std::make_shared<MemoryFile>(foreign_parquet("SELECT i FROM range(100000) t(i)"));
    file->fail_from = file->size() - 100;
    const auto stream = instance->read_parquet(file, Deadline::never(), {});
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().code(), Code::data_loss);
}

}  // namespace
}  // namespace insula::engine::test
