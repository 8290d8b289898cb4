// Parquet files of other programs, read in place: what becomes of their types, and that damage is
// an error of the file.
#include <fmt/format.h>

#include <map>
#include <random>

#include "platform/engine/tests/fakes.h"
#include "platform/engine/tests/foreign_file.h"

namespace insula::engine::test {
namespace {

using Rows = std::vector<std::string>;
constexpr ColumnId kRest{1000};

class ForeignScan : public EngineTest {
  protected:
    std::shared_ptr<Instance> engine_ = open();
    uint64_t next_file_ = 1;

    std::shared_ptr<MemoryFile> file(const std::string& select, const std::string& options = "") {
        return std::make_shared<MemoryFile>(foreign_parquet(select, options));
    }

    ForeignParquet describe(const std::shared_ptr<MemoryFile>& content) {
        auto found =
            engine_->describe_parquet(FileId{next_file_++}, content, Deadline::never(), {});
        EXPECT_TRUE(found.has_value()) << found.error().describe();
        return found ? *std::move(found) : ForeignParquet{};
    }

    // Column n of the file is the column n + 1, of its own type unless `types` says otherwise.
    Scan scan_of(const std::shared_ptr<MemoryFile>& content,
                 const std::map<std::string, ColumnType>& types = {}) {
        const ForeignParquet found = describe(content);
        auto layout = std::make_shared<ForeignLayout>();
        layout->rest = kRest;
        Scan scan;
        for (const auto& column : found.columns) {
            const ColumnId id{layout->columns.size() + 1};
            const auto given = types.find(column.name);
            const ColumnType type = given == types.end() ? column.type : given->second;
            layout->columns.push_back({column.name, column.file_type, id, type});
            scan.columns.push_back({id, column.name, type});
        }
        scan.columns.push_back({kRest, "rest", ColumnType::json});
        scan.foreign.push_back({FileId{next_file_++}, content, 0, std::move(layout)});
        return scan;
    }

    // The value that one expression has in a file, in its own type or in `type`; then the rest.
    std::string shown(const std::string& expression, std::optional<ColumnType> type = {}) {
        std::map<std::string, ColumnType> types;
        if (type) types.emplace("x", *type);
        const Scan scan = scan_of(file("SELECT " + expression + " AS x"), types);
        const Rows rows = must(*engine_, {.sql = "SELECT x, rest FROM scan_0", .scans = {scan}});
        return rows.size() == 1 ? rows[0] : "not one row";
    }

    Rows select(const std::string& columns, std::vector<Scan> scans) {
        return must(*engine_,
                    {.sql = "SELECT " + columns + " FROM scan_0", .scans = std::move(scans)});
    }
};

TEST_F(ForeignScan, TypesBecomeOurs) {
    EXPECT_EQ(shown("true"), "true|null");
    EXPECT_EQ(shown("(-7)::TINYINT"), "-7|null");
    EXPECT_EQ(shown("7::UINTEGER"), "7|null");
    EXPECT_EQ(shown("9223372036854775807::BIGINT"), "9223372036854775807|null");
    EXPECT_EQ(shown("1.5::FLOAT"), "1.5|null");
    EXPECT_EQ(shown("12::DECIMAL(18, 0)"), "12|null");
    EXPECT_EQ(shown("1.25::DECIMAL(10, 2)"), "1.25|null");
    EXPECT_EQ(shown("1.25::DECIMAL(30, 2)"), "1.25|null");
    EXPECT_EQ(shown("'a'"), "a|null");
    EXPECT_EQ(shown("'a'::BLOB"), "a|null");
    EXPECT_EQ(shown("'\\xFF'::BLOB"), "\\xFF|null");
    EXPECT_EQ(shown("DATE '1970-01-02'"), "d1|null");
    EXPECT_EQ(shown("TIMESTAMP '1970-01-01 00:00:01'"), "t1000000000|null");
    EXPECT_EQ(shown("TIMESTAMP_MS '1970-01-01 00:00:01'"), "t1000000000|null");
    EXPECT_EQ(shown("TIMESTAMP_NS '1970-01-01 00:00:01.000000001'"), "t1000000001|null");
    EXPECT_EQ(shown("TIMESTAMPTZ '1970-01-01 00:00:01+00'"), "t1000000000|null");
    EXPECT_EQ(shown("TIME '10:20:30'"), "10:20:30|null");
    EXPECT_EQ(shown("[1, NULL, 3]"), "[1,null,3]|null");
    EXPECT_EQ(shown("{'a': 1, 'b': 'x\"'}"), R"({"a":1,"b":"x\""}|null)");
    EXPECT_EQ(shown("'{\"a\": [1,  2]}'::JSON"), R"({"a":[1,2]}|null)");
    EXPECT_EQ(shown("NULL::INTEGER"), "null|null");
    EXPECT_EQ(shown("uuid()::VARCHAR = ''"), "false|null");
}

TEST_F(ForeignScan, WhatATypeOfOursCannotHoldStandsAside) {
    EXPECT_EQ(shown("18446744073709551615::UBIGINT"), R"(null|{"x":18446744073709551615})");
    EXPECT_EQ(shown("TIMESTAMP '2500-01-01 00:00:00'"), R"(null|{"x":"2500-01-01T00:00:00Z"})");
    EXPECT_EQ(shown("TIMESTAMPTZ '2500-01-01 00:00:00+00'"),
              R"(null|{"x":"2500-01-01T00:00:00Z"})");
    EXPECT_EQ(shown("make_timestamp_ms(9000000000000000)::TIMESTAMP_MS"),
              R"(null|{"x":"287168-08-24T16:00:00Z"})");
    EXPECT_EQ(shown("'infinity'::TIMESTAMP"), "null|null");
    EXPECT_EQ(shown("'-infinity'::TIMESTAMPTZ"), "null|null");
    EXPECT_EQ(shown("DATE '2500-01-01'", ColumnType::timestamp), R"(null|{"x":"2500-01-01"})");
    EXPECT_EQ(shown("'nan'::DOUBLE"), "null|null");
    EXPECT_EQ(shown("['nan'::DOUBLE, '-inf'::DOUBLE]"), "[null,null]|null");
    EXPECT_EQ(shown("{'NaN': 'say \"NaN\", -Infinity', 'x': 'inf'::FLOAT}"),
              R"({"NaN":"say \"NaN\", -Infinity","x":null}|null)");
    EXPECT_EQ(shown("'-inf'::FLOAT"), "null|null");
}

TEST_F(ForeignScan, TextThatIsNotTheJsonItIsCalledIsDamage) {
    const Scan scan = scan_of(std::make_shared<MemoryFile>(parquet_with_bad_json()));
    const auto rows = run(*engine_, {.sql = "SELECT * FROM scan_0", .scans = {scan}});
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().reason(), "malformed_parquet");
}

TEST_F(ForeignScan, NumbersAreOneKindWhereTheyAreExact) {
    EXPECT_EQ(shown("5::INTEGER", ColumnType::float64), "5.0|null");
    EXPECT_EQ(shown("5::BIGINT", ColumnType::float64), "5.0|null");
    EXPECT_EQ(shown("9007199254740993::BIGINT", ColumnType::float64),
              R"(null|{"x":9007199254740993})");
    EXPECT_EQ(shown("9223372036854775807::BIGINT", ColumnType::float64),
              R"(null|{"x":9223372036854775807})");
    EXPECT_EQ(shown("18446744073709551615::UBIGINT", ColumnType::float64),
              R"(null|{"x":18446744073709551615})");
    EXPECT_EQ(shown("5::DOUBLE", ColumnType::int64), "5|null");
    EXPECT_EQ(shown("5.5::DOUBLE", ColumnType::int64), R"(null|{"x":5.5})");
    EXPECT_EQ(shown("1e300::DOUBLE", ColumnType::int64), R"(null|{"x":1e300})");
    EXPECT_EQ(shown("'nan'::DOUBLE", ColumnType::int64), "null|null");
}

TEST_F(ForeignScan, AnotherKindReadsAsNullAndStandsAside) {
    EXPECT_EQ(shown("'five'", ColumnType::int64), R"(null|{"x":"five"})");
    EXPECT_EQ(shown("5", ColumnType::string), R"(null|{"x":5})");
    EXPECT_EQ(shown("true", ColumnType::float64), R"(null|{"x":true})");
    EXPECT_EQ(shown("[1,2]", ColumnType::boolean), R"(null|{"x":[1,2]})");
    EXPECT_EQ(shown("DATE '2024-01-02'", ColumnType::string), R"(null|{"x":"2024-01-02"})");
    EXPECT_EQ(shown("DATE '1970-01-02'", ColumnType::timestamp), "t86400000000000|null");
    EXPECT_EQ(shown("'1970-01-01T00:00:01Z'", ColumnType::timestamp), "t1000000000|null");
    EXPECT_EQ(shown("'1970-01-02'", ColumnType::date), "d1|null");
    EXPECT_EQ(shown("'tomorrow'", ColumnType::date), R"(null|{"x":"tomorrow"})");
    EXPECT_EQ(shown("'a\"b'", ColumnType::json), R"("a\"b"|null)");
    EXPECT_EQ(shown("5", ColumnType::json), "5|null");
}

TEST_F(ForeignScan, AColumnThatNobodyTakesStandsAside) {
    Scan scan = scan_of(file("SELECT 1 AS a, 'x' AS \"it's \"\"b\"\"\", NULL::INT AS c"));
    auto layout = std::make_shared<ForeignLayout>(*scan.foreign[0].layout);
    layout->columns[1].id = layout->columns[2].id = ColumnId{};
    scan.foreign[0].layout = layout;
    scan.columns = {{ColumnId{1}, "a", ColumnType::int64}, {kRest, "rest", ColumnType::json}};
    EXPECT_EQ(select("*", {scan}), Rows{R"(1|{"it's \"b\"":"x"}|0)"});
}

TEST_F(ForeignScan, FilesOfSeveralShapesOfOursAndChunksAreOneScan) {
    Scan scan = scan_of(file("SELECT range AS x FROM range(5000)"));
    const Scan other = scan_of(file("SELECT 'no' AS y, range + 0.5::DOUBLE AS x FROM range(3)"),
                               {{"x", ColumnType::float64}});
    auto layout = std::make_shared<ForeignLayout>(*other.foreign[0].layout);
    layout->columns[0].id = {};
    layout->columns[1].id = ColumnId{1};
    auto first = std::make_shared<ForeignLayout>(*scan.foreign[0].layout);
    first->columns[0].type = ColumnType::float64;
    scan.foreign[0].layout = first;
    scan.foreign.push_back({FileId{900}, other.foreign[0].file, 7000, layout});
    scan.foreign.push_back({FileId{901}, scan.foreign[0].file, 8000, first});
    scan.columns[0].type = ColumnType::float64;
    const Scan ours = counting_scan(10);
    scan.files = {{FileId{902}, write(*engine_, ours)}};
    scan.chunks = counting_scan(20).chunks;
    for (const size_t threads : {1, 2}) {
        engine_ = open({.parallelism = threads});
        EXPECT_EQ(select("count(*), sum(x), count(rest), count(DISTINCT _row_id)", {scan}),
                  Rows{fmt::format("10033|{}|3|{}", 2 * 12497500 + 4.5 + 45 + 190, 10003)});
        EXPECT_EQ(select("x, rest, _row_id", {scan}).at(10000), R"(0.5|{"y":"no"}|7000)");
        // As the right side of a union too.
        EXPECT_EQ(must(*engine_, {.sql = "SELECT count(*) FROM (SELECT x FROM scan_0 UNION ALL "
                                         "SELECT x FROM scan_1 UNION ALL SELECT x FROM scan_2)",
                                  .scans = {scan, scan, scan}}),
                  Rows{"30099"});
    }
}

TEST_F(ForeignScan, StreamsOfSeveralComeWholeAndInOrder) {
    engine_ = open({.parallelism = 2});
    const auto content = file("SELECT range AS x, repeat('text', 200) AS y FROM range(30000)",
                              ", ROW_GROUP_SIZE 2048");
    std::vector<Scan> scans;
    Rows expected;
    for (int i = 0; i < 3; ++i) {
        Scan scan = scan_of(content);
        scan.columns.resize(2);
        Scan more = scan_of(file("SELECT 'z' AS z, range AS x FROM range(5000)"));
        auto layout = std::make_shared<ForeignLayout>(*more.foreign[0].layout);
        layout->columns[0].id = {};
        layout->columns[1].id = ColumnId{1};
        scan.foreign.push_back({more.foreign[0].id, more.foreign[0].file, 0, layout});
        const Scan ours = counting_scan(9000);
        scan.files = {{FileId{next_file_++}, write(*engine_, ours)}};
        scan.chunks = ours.chunks;
        for (const int64_t rows : {30000, 5000, 9000, 9000}) {
            for (int64_t row = 0; row < rows; ++row) expected.push_back(std::to_string(row));
        }
        scans.push_back(std::move(scan));
    }
    EXPECT_EQ(must(*engine_, {.sql = "SELECT x FROM (SELECT x, y FROM scan_0 UNION ALL SELECT x, y "
                                     "FROM scan_1 UNION ALL SELECT x, y FROM scan_2)",
                              .scans = scans}),
              expected);
}

TEST_F(ForeignScan, NamesOfTheEnginesHiddenColumnsAreOrdinary) {
    const Scan scan =
        scan_of(file("SELECT 'a' AS file_index, 'b' AS file_row_number, 'c' AS f0, "
                     "'d' AS filename FROM range(2)"));
    EXPECT_EQ(select("*", {scan}), (Rows{"a|b|c|d|null|0", "a|b|c|d|null|1"}));
}

TEST_F(ForeignScan, FiltersSkipRowGroups) {
    const auto content = file(
        "SELECT range AS x, TIMESTAMP '2024-01-01' + INTERVAL (range) SECOND AS t, "
        "'n' || lpad(range::VARCHAR, 9, '0') AS s, range::DOUBLE AS d FROM range(100000)",
        ", ROW_GROUP_SIZE 2048");
    const auto rows_read = [&](const std::string& where) {
        Scan scan = scan_of(content);
        auto stream = start(
            *engine_, {.sql = "SELECT x FROM scan_0 WHERE " + where, .scans = {std::move(scan)}});
        EXPECT_EQ(rows_of(**stream)->size(), 1u) << where;
        return (*stream)->cost().rows;
    };
    EXPECT_LE(rows_read("x = 50000"), 2048u);
    EXPECT_LE(rows_read("s = 'n000050000'"), 2048u);
    // Conversions are not looked through: slower, and right.
    EXPECT_LE(rows_read("d = 50000.0"), 100'000u);
    EXPECT_LE(rows_read("t = TIMESTAMP_NS '2024-01-01 00:00:05'"), 100'000u);
}

TEST_F(ForeignScan, AnEmptyFileHasNoRows) {
    const auto content = file("SELECT 1 AS a WHERE false");
    EXPECT_EQ(describe(content).rows, 0u);
    EXPECT_EQ(select("count(*)", {scan_of(content)}), Rows{"0"});
}

TEST_F(ForeignScan, WhatIsNoParquetIsSaidToBeNone) {
    std::string cut = foreign_parquet("SELECT range AS x FROM range(1000)");
    cut.resize(cut.size() / 2);
    for (const std::string& content : {std::string(), std::string("PAR1"), std::string(100, 'x'),
                                       cut, "PAR1" + std::string(100, '\x80') + "\x64PAR1"}) {
        const auto found = engine_->describe_parquet(
            FileId{next_file_++}, std::make_shared<MemoryFile>(content), Deadline::never(), {});
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().reason(), "malformed_parquet") << found.error().describe();
    }
}

// Each byte of a small file wrong once, the footer's too: places and sizes that lie behind its end.
TEST_F(ForeignScan, AFileThatSaysItGoesOnIsDamaged) {
    const std::string whole = foreign_parquet("SELECT range AS x, 'text' AS s FROM range(3)");
    int damaged = 0;
    for (size_t at = 4; at + 8 < whole.size(); ++at) {
        std::string content = whole;
        content[at] ^= '\x7F';
        const auto file = std::make_shared<MemoryFile>(content);
        const auto found =
            engine_->describe_parquet(FileId{next_file_++}, file, Deadline::never(), {});
        if (!found) {
            ++damaged;
            ASSERT_EQ(found.error().reason(), "malformed_parquet") << at;
            continue;
        }
        const Scan scan = scan_of(file);
        const auto rows = run(*engine_, {.sql = "SELECT * FROM scan_0", .scans = {scan}});
        if (rows) continue;
        ++damaged;
        ASSERT_EQ(rows.error().reason(), "malformed_parquet")
            << at << ": " << rows.error().describe();
    }
    EXPECT_GT(damaged, 100);
}

// Bytes that fell over anywhere behind the frame: an answer or an error of the file, and the engine
// goes on.
TEST_F(ForeignScan, DamageIsAnErrorOfTheFile) {
    const uint64_t seed = std::random_device()();
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::string whole = foreign_parquet(
        "SELECT range AS x, 'text ' || range AS s, [range] AS l, "
        "range * 1.5::DOUBLE AS d FROM range(5000)",
        ", ROW_GROUP_SIZE 2048");
    const Scan layout = scan_of(std::make_shared<MemoryFile>(whole));
    int damaged = 0;
    for (int i = 0; i < 150; ++i) {
        std::string content = whole;
        for (uint64_t flips = 1 + random() % 8; flips > 0; --flips) {
            // The data pages: 5,000 rows stand before the footer.
            char& byte = content[random() % (content.size() * 9 / 10)];
            byte = static_cast<char>(byte ^ static_cast<int>(1 + random() % 255));
        }
        Scan scan = layout;
        scan.foreign[0].id = FileId{next_file_++};
        scan.foreign[0].file = std::make_shared<MemoryFile>(content);
        const auto rows = run(*engine_, {.sql = "SELECT * FROM scan_0", .scans = {scan}});
        if (rows) continue;
        ++damaged;
        ASSERT_EQ(rows.error().reason(), "malformed_parquet")
            << "seed " << seed << ": " << rows.error().describe();
    }
    EXPECT_GT(damaged, 0) << "seed " << seed;
    EXPECT_EQ(select("count(*), sum(x)", {layout}), Rows{"5000|12497500"});
}

}  // namespace
}  // namespace insula::engine::test
