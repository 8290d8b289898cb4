#include "platform/engine/tests/fakes.h"

namespace insula::engine::test {
namespace {

using Rows = std::vector<std::string>;

class EngineQuery : public EngineTest {};

Scan all_types() {
    ChunkBuilder builder({{ColumnId{1}, ColumnType::boolean},
                          {ColumnId{2}, ColumnType::int64},
                          {ColumnId{3}, ColumnType::float64},
                          {ColumnId{4}, ColumnType::string},
                          {ColumnId{5}, ColumnType::date},
                          {ColumnId{6}, ColumnType::timestamp},
                          {ColumnId{7}, ColumnType::json}});
    builder.add({true, int64_t{-7}, 1.5, "a string that is not inline", DateValue{19000},
                 TimestampValue{1'700'000'000'123'456'789}, R"({"a":[1,2]})"});
    builder.add({Value{}, Value{}, Value{}, Value{}, Value{}, Value{}, Value{}});
    builder.add({false, INT64_MAX, -0.25, "short", DateValue{-1}, TimestampValue{-1}, "null"});
    return {{{ColumnId{1}, "b", ColumnType::boolean},
             {ColumnId{2}, "i", ColumnType::int64},
             {ColumnId{3}, "f", ColumnType::float64},
             {ColumnId{4}, "s", ColumnType::string},
             {ColumnId{5}, "d", ColumnType::date},
             {ColumnId{6}, "t", ColumnType::timestamp},
             {ColumnId{7}, "j", ColumnType::json}},
            builder.take(),
            {}};
}

const Rows kAllTypes{
    R"(true|-7|1.5|a string that is not inline|d19000|t1700000000123456789|{"a":[1,2]}|0)",
    "null|null|null|null|null|null|null|1", "false|9223372036854775807|-0.25|short|d-1|t-1|null|2"};

TEST_F(EngineQuery, VersionIsTheOneThatThisWasBuiltAgainst) {
    EXPECT_EQ(engine_version(), "v1.4.4");
}

TEST_F(EngineQuery, ChunksOfEveryTypeComeBackAsTheyWere) {
    const auto instance = open();
    auto stream = start(*instance, {.sql = "SELECT * FROM scan_0", .scans = {all_types()}});
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    std::vector<ResultType> types;
    for (const ResultColumn& column : (*stream)->columns()) types.push_back(column.type);
    EXPECT_EQ(types, (std::vector{ResultType::boolean, ResultType::int64, ResultType::float64,
                                  ResultType::string, ResultType::date, ResultType::timestamp,
                                  ResultType::string, ResultType::int64}));
    EXPECT_EQ((*stream)->columns()[3].name, "s");
    EXPECT_EQ(*rows_of(**stream), kAllTypes);
    EXPECT_EQ((*stream)->cost().rows, 3u);
}

TEST_F(EngineQuery, FilesAndChunksAreUnited) {
    const auto instance = open();
    Scan scan = all_types();
    scan.files.push_back({FileId{9}, write(*instance, all_types())});
    Rows twice = kAllTypes;
    twice.insert(twice.end(), kAllTypes.begin(), kAllTypes.end());
    EXPECT_EQ(must(*instance, {.sql = "SELECT * FROM scan_0", .scans = {scan}}), twice);
    EXPECT_EQ(must(*instance,
                   {.sql = "SELECT count(*), sum(i), max(_row_id) FROM scan_0", .scans = {scan}}),
              Rows{"6|18446744073709551600|2"});
}

TEST_F(EngineQuery, EmptyScanGivesTypedEmptyResult) {
    const auto instance = open();
    Scan scan = all_types();
    scan.chunks.clear();
    auto stream = start(*instance, {.sql = "SELECT t, s FROM scan_0", .scans = {scan}});
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    EXPECT_EQ((*stream)->columns()[0].type, ResultType::timestamp);
    EXPECT_EQ(*rows_of(**stream), Rows{});
    EXPECT_EQ(must(*instance, {.sql = "SELECT count(*) FROM scan_0", .scans = {scan}}), Rows{"0"});
}

TEST_F(EngineQuery, ParametersOfEveryTypeAreLiterals) {
    const auto instance = open();
    const auto matching = [&](const std::string& where, std::vector<Value> parameters) {
        return must(*instance, {.sql = "SELECT _row_id FROM scan_0 WHERE " + where,
                                .parameters = std::move(parameters),
                                .scans = {all_types()}});
    };
    EXPECT_EQ(matching("b = $1", {true}), Rows{"0"});
    EXPECT_EQ(matching("i = $1 OR i = $2", {int64_t{-7}, INT64_MAX}), (Rows{"0", "2"}));
    EXPECT_EQ(matching("f < $1", {0.0}), Rows{"2"});
    EXPECT_EQ(matching("s = $1", {"a string that is not inline"}), Rows{"0"});
    EXPECT_EQ(matching("s = $1", {"'; DROP TABLE scan_0; --"}), Rows{});
    EXPECT_EQ(matching("d = $1", {DateValue{19000}}), Rows{"0"});
    EXPECT_EQ(matching("t = $1", {TimestampValue{1'700'000'000'123'456'789}}), Rows{"0"});
    EXPECT_EQ(matching("i IS NOT DISTINCT FROM $1", {std::monostate{}}), Rows{"1"});
}

TEST_F(EngineQuery, SeveralScansJoin) {
    const auto instance = open();
    EXPECT_EQ(
        must(*instance, {.sql = "SELECT count(*) FROM scan_0 a JOIN scan_1 b ON a.x = 2 * b.x",
                         .scans = {counting_scan(5000), counting_scan(100)}}),
        Rows{"100"});
}

TEST_F(EngineQuery, ColumnNamesMayHoldAnything) {
    const auto instance = open();
    const std::vector<std::string> names{"we\"ird", "a.b.c",  "select",   "Grüße 🙂",
                                         " ",       "x'y;--", "new\nline"};
    std::vector<ColumnSpec> specs;
    Scan scan;
    std::string sql = "SELECT ";
    for (size_t i = 0; i < names.size(); ++i) {
        specs.push_back({ColumnId{i + 1}, ColumnType::int64});
        scan.columns.push_back({ColumnId{i + 1}, names[i], ColumnType::int64});
        std::string quoted = names[i];
        if (i == 0) quoted = "we\"\"ird";
        sql += (i ? ", \"" : "\"") + quoted + "\"";
    }
    ChunkBuilder builder(specs);
    builder.add(
        {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, int64_t{5}, int64_t{6}, int64_t{7}});
    scan.chunks = builder.take();
    scan.files.push_back({FileId{1}, write(*instance, scan)});
    auto stream = start(*instance, {.sql = sql + " FROM scan_0", .scans = {scan}});
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ((*stream)->columns()[i].name, names[i]);
    EXPECT_EQ(*rows_of(**stream), (Rows{"1|2|3|4|5|6|7", "1|2|3|4|5|6|7"}));
}

TEST_F(EngineQuery, NamesThatDifferByCaseOnlyAreRefused) {
    const auto instance = open();
    Scan scan = counting_scan(1);
    scan.columns.push_back({ColumnId{2}, "X", ColumnType::int64});
    const auto rows = run(*instance, {.sql = "SELECT x FROM scan_0", .scans = {scan}});
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::internal);
}

TEST_F(EngineQuery, ThousandColumnsWork) {
    const auto instance = open();
    std::vector<ColumnSpec> specs;
    Scan scan;
    std::vector<Value> row;
    for (uint64_t i = 1; i <= 1000; ++i) {
        specs.push_back({ColumnId{i}, ColumnType::int64});
        scan.columns.push_back({ColumnId{i}, "column " + std::to_string(i), ColumnType::int64});
        row.emplace_back(static_cast<int64_t>(i));
    }
    ChunkBuilder builder(specs, 4);
    for (int i = 0; i < 4; ++i) builder.add(row);
    scan.chunks = builder.take();
    scan.files.push_back({FileId{1}, write(*instance, scan)});
    EXPECT_EQ(must(*instance, {.sql = "SELECT sum(\"column 1\"), sum(\"column 1000\") FROM scan_0",
                               .scans = {scan}}),
              Rows{"8|8000"});
    auto stream = start(*instance, {.sql = "SELECT * FROM scan_0", .scans = {scan}});
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    EXPECT_EQ((*stream)->columns().size(), 1001u);
    EXPECT_EQ(rows_of(**stream)->size(), 8u);
}

TEST_F(EngineQuery, OnlyPinnedRowsOfAGrowingChunkAreSeen) {
    const auto instance = open();
    const auto chunk =
        std::make_shared<Chunk>(std::vector<ColumnSpec>{{ColumnId{1}, ColumnType::int64}}, 1000);
    for (int i = 0; i < 1000; ++i) {
        chunk->writable_columns()[0].values<int64_t>()[i] = 1;
        chunk->writable_columns()[0].valid[i] = 1;
    }
    chunk->add_rows(1000);
    const Scan scan{{{ColumnId{1}, "x", ColumnType::int64}}, {{chunk, 777, 40}}, {}};
    EXPECT_EQ(must(*instance, {.sql = "SELECT sum(x), min(_row_id), max(_row_id) FROM scan_0",
                               .scans = {scan}}),
              Rows{"777|40|816"});
}

TEST_F(EngineQuery, ChunkIntegersWidenAndMissingColumnsAreNull) {
    const auto instance = open();
    for (const uint32_t capacity : {5u, 100u, kChunkRowsMax}) {  // copied together, and in place
        ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}}, capacity);
        for (int64_t i = 0; i < 3000; ++i) builder.add({i % 3 == 0 ? Value{} : Value{i}});
        const Scan scan{
            {{ColumnId{1}, "x", ColumnType::float64}, {ColumnId{2}, "gone", ColumnType::string}},
            builder.take(),
            {}};
        EXPECT_EQ(must(*instance, {.sql = "SELECT count(*), count(x), sum(x), count(gone), "
                                          "sum(_row_id), sum(x / 2) FROM scan_0",
                                   .scans = {scan}}),
                  Rows{"3000|2000|3000000.0|0|4498500|1500000.0"})
            << capacity;
    }
}

TEST_F(EngineQuery, SmallChunksKeepTheirOrder) {
    const auto instance = open();
    std::vector<ChunkRows> chunks;
    uint64_t next = 0;
    for (const uint32_t rows : {1u, 2u, 300u, 5u, 2048u, 1u, 255u, 256u, 17u}) {
        ChunkBuilder builder({{ColumnId{1}, ColumnType::string}}, rows);
        for (uint32_t i = 0; i < rows; ++i)
            builder.add({"the row number " + std::to_string(next + i)});
        ChunkRows chunk = builder.take().at(0);
        chunk.first_row_id = next;
        next += rows;
        chunks.push_back(chunk);
    }
    const Scan scan{{{ColumnId{1}, "s", ColumnType::string}}, chunks, {}};
    const Rows rows = must(*instance, {.sql = "SELECT s, _row_id FROM scan_0", .scans = {scan}});
    ASSERT_EQ(rows.size(), next);
    for (uint64_t i = 0; i < next; ++i) {
        const std::string number = std::to_string(i);
        ASSERT_EQ(rows[i], "the row number " + number + "|" + number);
    }
}

TEST_F(EngineQuery, ChunksMayHoldTheIdsOfTheirRows) {
    const auto instance = open();
    for (const uint32_t capacity : {5u, kChunkRowsMax}) {  // copied together, and in place
        ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}, {kRowIdColumn, ColumnType::int64}},
                             capacity);
        for (int64_t i = 0; i < 3000; ++i) builder.add({i, 3 * i * i});
        const Scan scan{{{ColumnId{1}, "x", ColumnType::int64}}, builder.take(), {}};
        EXPECT_EQ(must(*instance, {.sql = "SELECT count(*) FROM scan_0 WHERE _row_id = 3 * x * x",
                                   .scans = {scan}}),
                  Rows{"3000"})
            << capacity;
    }
}

TEST_F(EngineQuery, ResultTypesMapToOurs) {
    const auto instance = open();
    auto stream = start(
        *instance,
        {.sql = "SELECT 1::TINYINT, 18446744073709551615::UBIGINT, sum(x), 1.25::DECIMAL(9,2), "
                "1.5::FLOAT, DATE '2020-01-01', TIMESTAMP '1970-01-01 00:00:01', "
                "TIMESTAMP_S '1970-01-01 00:00:01', to_json({'a': 1}), [1, 2], 'x', "
                "UUID '00000000-0000-0000-0000-000000000001', TIME '01:02:03', NULL FROM scan_0",
         .scans = {counting_scan(10)}});
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    using enum ResultType;
    std::vector<ResultType> types;
    for (const ResultColumn& column : (*stream)->columns()) types.push_back(column.type);
    EXPECT_EQ(types, (std::vector{int64, int128, int128, float64, float64, date, timestamp,
                                  timestamp, json, string, string, string, string, int64}));
    EXPECT_EQ(*rows_of(**stream),
              Rows{"1|18446744073709551615|45|1.25|1.5|d18262|t1000000000|t1000000000|{\"a\":1}|"
                   "[1, 2]|x|00000000-0000-0000-0000-000000000001|01:02:03|null"});
}

TEST_F(EngineQuery, WrongSqlIsInternalAndItsTextStaysInTheDetail) {
    const auto instance = open();
    const auto rows =
        run(*instance, {.sql = "SELECT nonsense FROM scan_0", .scans = {counting_scan(1)}});
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::internal);
    EXPECT_EQ(rows.error().message().find("nonsense"), std::string::npos);
    EXPECT_NE(rows.error().detail().find("nonsense"), std::string::npos);
    EXPECT_EQ(must(*instance, {.sql = "SELECT 1"}), Rows{"1"});
}

TEST_F(EngineQuery, FailureInTheMiddleOfAStreamIsNotAnEnd) {
    const auto instance = open();
    auto stream =
        start(*instance, {.sql = "SELECT CASE WHEN x = 900000 THEN error('boom') ELSE x END "
                                 "FROM scan_0",
                          .scans = {counting_scan(1'000'000)}});
    ASSERT_TRUE(stream.has_value());
    const auto rows = rows_of(**stream);
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::internal);
    ResultBatch batch;
    EXPECT_FALSE(*(*stream)->next(batch)) << "after a failure a stream gives nothing more";
}

TEST_F(EngineQuery, TwoStreamsOfOneInstanceBothComplete) {
    const auto instance = open();
    const Scan scan = counting_scan(500'000);
    auto one = start(*instance, {.sql = "SELECT x FROM scan_0", .scans = {scan}});
    auto two = start(*instance, {.sql = "SELECT x FROM scan_0", .scans = {scan}});
    ASSERT_TRUE(one && two);
    uint64_t rows_one = 0;
    uint64_t rows_two = 0;
    ResultBatch batch;
    for (bool more_one = true, more_two = true; more_one || more_two;) {
        more_one = (*one)->next(batch).value();
        rows_one += batch.rows;
        more_two = (*two)->next(batch).value();
        rows_two += batch.rows;
    }
    EXPECT_EQ(rows_one, 500'000u);
    EXPECT_EQ(rows_two, 500'000u);
}

TEST_F(EngineQuery, StreamOutlivesItsInstanceHandle) {
    auto instance = open();
    auto stream =
        start(*instance, {.sql = "SELECT x FROM scan_0", .scans = {counting_scan(100'000)}});
    instance.reset();
    EXPECT_EQ(rows_of(**stream)->size(), 100'000u);
}

TEST_F(EngineQuery, ChunksAreHeldUntilTheStreamEnds) {
    const auto instance = open();
    Scan scan = counting_scan(100'000);
    const std::weak_ptr<const Chunk> chunk = scan.chunks.back().chunk;
    auto stream = start(*instance, {.sql = "SELECT x FROM scan_0", .scans = {std::move(scan)}});
    ResultBatch batch;
    ASSERT_TRUE((*stream)->next(batch).value());
    EXPECT_FALSE(chunk.expired());
    stream->reset();
    EXPECT_TRUE(chunk.expired()) << "dropped early";

    scan = counting_scan(100'000);
    const std::weak_ptr<const Chunk> other = scan.chunks.back().chunk;
    stream = start(*instance, {.sql = "SELECT x FROM scan_0", .scans = {std::move(scan)}});
    while ((*stream)->next(batch).value()) {
    }
    EXPECT_TRUE(other.expired()) << "read to the end";
    EXPECT_EQ((*stream)->cost().rows, 100'000u);
}

// Rows of `source` as text, 40 columns wide: a few chunks fill the engine's buffer for streams.
ChunkBuilder wide_rows(const std::string& source, std::vector<ScanColumn>& columns, int64_t rows) {
    constexpr uint32_t kWidth = 40;
    std::vector<ColumnSpec> specs;
    columns.clear();
    for (uint32_t i = 1; i <= kWidth; ++i) {
        specs.push_back({ColumnId{i}, ColumnType::string});
        columns.push_back({ColumnId{i}, "c" + std::to_string(i), ColumnType::string});
    }
    ChunkBuilder builder(specs, 256);
    for (int64_t row = 0; row < rows; ++row) {
        builder.add(std::vector<Value>(kWidth, source + std::to_string(row)));
    }
    return builder;
}

// DuckDB 1.4.4 numbers the batches of UNION ALL a, (b UNION ALL c) in another order than it runs
// them in: a streamed result then stops for good, fails or loses rows.
TEST_F(EngineQuery, UnitedScansOfFilesAndChunksStreamWholeAndInOrder) {
    constexpr int kScans = 4;
    constexpr int64_t kRows = 12'000;
    const auto instance = open({.parallelism = 2});
    std::vector<Scan> scans;
    std::string sql;
    Rows expected;
    for (int i = 0; i < kScans; ++i) {
        const auto part = [&](const std::string& name) {
            const std::string source = name + std::to_string(i) + "-";
            for (int64_t row = 0; row < kRows; ++row) {
                expected.push_back(source + std::to_string(row));
            }
            Scan scan;
            scan.chunks = wide_rows(source, scan.columns, kRows).take();
            return scan;
        };
        const auto file = write(*instance, part("file"));
        scans.push_back(part("chunk"));
        scans.back().files.push_back({FileId{static_cast<uint64_t>(i + 1)}, file});
        if (i > 0) sql += " UNION ALL ";
        sql += "SELECT * EXCLUDE (_row_id) FROM scan_" + std::to_string(i);
    }
    const auto stream = start(*instance, {.sql = sql, .scans = scans});
    ASSERT_TRUE(stream.has_value()) << stream.error().describe();
    ResultBatch batch;
    size_t at = 0;
    for (;;) {
        const auto more = (*stream)->next(batch);
        ASSERT_TRUE(more.has_value()) << "after " << at << " rows: " << more.error().describe();
        if (!*more) break;
        for (uint32_t row = 0; row < batch.rows; ++row, ++at) {
            ASSERT_LT(at, expected.size());
            ASSERT_EQ(batch.columns[0].values<StringRef>()[row].view(), expected[at]);
        }
    }
    EXPECT_EQ(at, expected.size());
}

TEST_F(EngineQuery, DeterministicOrderWithoutOrderBy) {
    PoolLender lender(2);
    const auto instance = open({.parallelism = 3}, &lender);
    Scan scan = counting_scan(400'000);
    scan.files.push_back({FileId{1}, write(*instance, counting_scan(400'000))});
    const Rows rows = must(*instance, {.sql = "SELECT x FROM scan_0", .scans = {scan}});
    ASSERT_EQ(rows.size(), 800'000u);
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i], std::to_string(i % 400'000));
}

}  // namespace
}  // namespace insula::engine::test
