#include <limits>
#include <random>

#include "platform/engine/tests/fakes.h"

namespace insula::engine::test {
namespace {

using Rows = std::vector<std::string>;

class FileScan : public EngineTest {};

Scan with_file(Scan scan, FileId id, std::shared_ptr<ReadableFile> file) {
    scan.chunks.clear();
    scan.files = {{id, std::move(file)}};
    return scan;
}

TEST_F(FileScan, ColumnsAreFoundByFieldIdInAnyOrderUnderAnyName) {
    const auto instance = open();
    ChunkBuilder builder({{ColumnId{7}, ColumnType::string}, {ColumnId{3}, ColumnType::int64}});
    builder.add({"seven", int64_t{3}});
    const auto file = write(*instance, {{{ColumnId{7}, "old name", ColumnType::string},
                                         {ColumnId{3}, "b", ColumnType::int64}},
                                        builder.take(),
                                        {}});
    const Scan scan{{{ColumnId{3}, "three", ColumnType::float64},
                     {ColumnId{5}, "b", ColumnType::string},
                     {ColumnId{7}, "seven", ColumnType::json},
                     {ColumnId{8}, "old name", ColumnType::timestamp}},
                    {},
                    {{FileId{1}, file}}};
    EXPECT_EQ(must(*instance, {.sql = "SELECT * FROM scan_0", .scans = {scan}}),
              Rows{"3.0|null|seven|null|0"});
    EXPECT_EQ(must(*instance, {.sql = "SELECT seven FROM scan_0 WHERE b IS NULL AND three = 3",
                               .scans = {scan}}),
              Rows{"seven"});
    EXPECT_EQ(must(*instance, {.sql = "SELECT seven FROM scan_0 WHERE b = 'x'", .scans = {scan}}),
              Rows{});
}

TEST_F(FileScan, ManyFilesAreOneScan) {
    const auto instance = open();
    Scan scan = counting_scan(10);
    const auto file = write(*instance, scan);
    for (uint64_t id = 1; id <= 50; ++id) scan.files.push_back({FileId{id}, file});
    auto stream = start(*instance, {.sql = "SELECT count(*), sum(x) FROM scan_0", .scans = {scan}});
    EXPECT_EQ(*rows_of(**stream), Rows{"510|2295"});
    EXPECT_EQ((*stream)->cost().files_opened, 50u);
    EXPECT_EQ((*stream)->cost().rows, 510u);
}

struct Touched {
    Rows rows;
    ScanCost cost;
};

class RowGroups : public FileScan {
  protected:
    static constexpr uint32_t kRows = 100'000;
    static constexpr uint32_t kGroup = 2048;

    Touched touch(Instance& instance, const std::string& where, ColumnType type,
                  std::vector<Value> parameters = {}) {
        Scan scan{{{ColumnId{1}, "x", type}}, {}, {{FileId{1}, file_}}};
        auto stream = start(instance, {.sql = "SELECT count(*) FROM scan_0 WHERE " + where,
                                       .parameters = std::move(parameters),
                                       .scans = {scan}});
        EXPECT_TRUE(stream.has_value()) << stream.error().describe();
        Rows rows = *rows_of(**stream);
        return {rows, (*stream)->cost()};
    }
    void make_file(Instance& instance) {
        file_ = write(instance, counting_scan(kRows), {.row_group_rows = kGroup});
    }
    std::shared_ptr<MemoryFile> file_;
};

TEST_F(RowGroups, AreSkippedByAFilterOnASortedColumn) {
    const auto instance = open();
    make_file(*instance);
    const Touched touched = touch(*instance, "x = $1", ColumnType::int64, {int64_t{54'321}});
    EXPECT_EQ(touched.rows, Rows{"1"});
    EXPECT_EQ(touched.cost.rows, kGroup);
    EXPECT_EQ(touch(*instance, "x BETWEEN 10 AND 5000", ColumnType::int64).cost.rows, 3 * kGroup);
    EXPECT_EQ(touch(*instance, "x > 1e9::BIGINT", ColumnType::int64).cost.rows, 0u);
}

TEST_F(RowGroups, AreSkippedWhereIntegersShowAsFloats) {
    const auto instance = open();
    make_file(*instance);
    const Touched touched = touch(*instance, "x = $1", ColumnType::float64, {54'321.0});
    EXPECT_EQ(touched.rows, Rows{"1"});
    EXPECT_EQ(touched.cost.rows, kGroup);
    EXPECT_EQ(touch(*instance, "x > $1", ColumnType::float64, {99'998.5}).cost.rows,
              kRows % kGroup);
}

TEST_F(RowGroups, FractionsAreNotRoundedToIntegers) {
    const auto instance = open();
    make_file(*instance);
    const auto count = [&](const std::string& where, double value) {
        return touch(*instance, where, ColumnType::float64, {value}).rows.at(0);
    };
    EXPECT_EQ(count("x > $1", 99'997.5), "2");
    EXPECT_EQ(count("x >= $1", 99'997.5), "2");
    EXPECT_EQ(count("x < $1", 1.5), "2");
    EXPECT_EQ(count("x <= $1", 1.5), "2");
    EXPECT_EQ(count("x = $1", 1.5), "0");
    EXPECT_EQ(count("x <> $1", 1.5), "100000");
    EXPECT_EQ(count("x IN ($1, 7, 8.25)", 1.5), "1");
    EXPECT_EQ(count("x NOT IN ($1, 7)", 1.5), "99999");
    EXPECT_EQ(count("x < $1 OR x > 99999.5", 0.5), "1");
    EXPECT_EQ(count("x > 1.5 AND x < $1", 2.5), "1");
    EXPECT_EQ(count("x < $1", 1e300), "100000");
    EXPECT_EQ(count("x > $1", -1e300), "100000");
    EXPECT_EQ(count("x > $1", 1e300), "0");
    EXPECT_EQ(count("x <= $1", -1e300), "0");
    EXPECT_EQ(count("x < $1", std::numeric_limits<double>::quiet_NaN()), "100000");
}

TEST_F(RowGroups, TopRowsAreRightWhereSomeFilesHoldIntegers) {
    const auto instance = open();
    make_file(*instance);
    ChunkBuilder fractions({{ColumnId{1}, ColumnType::float64}});
    for (int i = 0; i < 3000; ++i) fractions.add({99'990.5 + 0.25 * (i % 7)});
    const auto other =
        write(*instance, {{{ColumnId{1}, "x", ColumnType::float64}}, fractions.take(), {}});
    Scan scan{{{ColumnId{1}, "x", ColumnType::float64}}, {}, {{FileId{2}, other}}};
    for (uint64_t id = 10; id < 20; ++id) scan.files.push_back({FileId{id}, file_});
    const Rows rows = must(*instance, {.sql = "SELECT DISTINCT x FROM scan_0 WHERE x >= 99991.6 "
                                              "ORDER BY x LIMIT 3",
                                       .scans = {scan}});
    EXPECT_EQ(rows, (Rows{"99991.75", "99992.0", "99993.0"}));
    EXPECT_EQ(
        must(*instance, {.sql = "SELECT x FROM scan_0 ORDER BY x DESC LIMIT 12", .scans = {scan}})
            .back(),
        "99998.0");
}

TEST_F(FileScan, OnlyNeededColumnsAreRead) {
    const auto instance = open();
    ChunkBuilder builder({{ColumnId{1}, ColumnType::int64}, {ColumnId{2}, ColumnType::string}});
    std::mt19937_64 random(1);
    for (int64_t i = 0; i < 20'000; ++i) {
        builder.add({i, std::to_string(random()) + std::to_string(random())});
    }
    Scan scan{{{ColumnId{1}, "x", ColumnType::int64}, {ColumnId{2}, "s", ColumnType::string}},
              builder.take(),
              {}};
    const auto file = write(*instance, scan);
    const auto cost = [&](const std::string& sql, FileId id) {
        auto stream = start(*instance, {.sql = sql, .scans = {with_file(scan, id, file)}});
        EXPECT_TRUE(rows_of(**stream).has_value());
        return (*stream)->cost();
    };
    const uint64_t narrow = cost("SELECT sum(x) FROM scan_0", FileId{1}).bytes;
    const uint64_t wide = cost("SELECT sum(x), max(s) FROM scan_0", FileId{2}).bytes;
    EXPECT_LT(narrow * 3, wide);
    EXPECT_GT(wide, file->size() / 2);
    const auto chunks = [&](const std::string& sql) {
        auto stream = start(*instance, {.sql = sql, .scans = {scan}});
        EXPECT_TRUE(rows_of(**stream).has_value());
        return (*stream)->cost().bytes;
    };
    EXPECT_EQ(chunks("SELECT sum(x) FROM scan_0"), 20'000u * 8);
    EXPECT_EQ(chunks("SELECT sum(x), max(s) FROM scan_0"), 20'000u * 24);
}

TEST_F(FileScan, SecondReadComesFromTheCacheOfItsId) {
    const auto instance = open();
    const auto file = write(*instance, counting_scan(50'000));
    const Scan scan = with_file(counting_scan(1), FileId{1}, file);
    const auto sum = [&](const Scan& of) {
        return must(*instance, {.sql = "SELECT sum(x) FROM scan_0", .scans = {of}}).at(0);
    };
    EXPECT_EQ(sum(scan), "1249975000");
    const uint64_t reads = file->reads;
    EXPECT_GT(reads, 0u);
    EXPECT_EQ(sum(scan), "1249975000");
    EXPECT_EQ(file->reads, reads) << "what the engine holds is not read again";
    EXPECT_GT(instance->memory_bytes(), file->size() / 2);

    const auto other = write(*instance, counting_scan(10));
    EXPECT_EQ(sum(with_file(scan, FileId{2}, other)), "45") << "another id is another file";
    EXPECT_EQ(sum(scan), "1249975000");
}

TEST_F(FileScan, MoreFilesThanSlotsAreAllReadRight) {
    const auto instance = open();
    std::vector<std::shared_ptr<MemoryFile>> files;
    for (uint32_t rows = 1; rows <= 3; ++rows)
        files.push_back(write(*instance, counting_scan(rows)));
    // Three rounds over 1,500 files: every path is given to several files in turn.
    for (int round = 0; round < 3; ++round) {
        for (uint64_t first = 1; first <= 1500; first += 300) {
            Scan scan = counting_scan(1);
            scan.chunks.clear();
            uint64_t expected = 0;
            for (uint64_t id = first; id < first + 300; ++id) {
                scan.files.push_back({FileId{id}, files[id % 3]});
                expected += id % 3 + 1;
            }
            ASSERT_EQ(must(*instance, {.sql = "SELECT count(x) FROM scan_0", .scans = {scan}}),
                      Rows{std::to_string(expected)});
        }
    }
}

TEST_F(FileScan, DamageComesBackAsDataLoss) {
    const auto instance = open();
    const auto good = write(*instance, counting_scan(200'000), {.row_group_rows = 20'000});
    const auto bad = std::make_shared<MemoryFile>(good->content());
    bad->fail_from = bad->size() / 2;
    const auto footer = run(*instance, {.sql = "SELECT sum(x) FROM scan_0",
                                        .scans = {with_file(counting_scan(1), FileId{1}, bad)}});
    ASSERT_FALSE(footer.has_value());
    EXPECT_EQ(footer.error().code(), Code::data_loss);
    EXPECT_NE(footer.error().detail().find("frame 7"), std::string::npos);

    // The footer is cached by a good read; the data is not.
    class Later final : public ReadableFile {
      public:
        explicit Later(std::string content) : file_(std::move(content)) {}
        Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
            if (offset > file_.size() / 3 && offset < file_.size() / 2) {
                return fail(data_loss("frame 9"));
            }
            return file_.read_at(out, offset);
        }
        uint64_t size() const override { return file_.size(); }

      private:
        MemoryFile file_;
    };
    auto stream =
        start(*instance, {.sql = "SELECT x FROM scan_0",
                          .scans = {with_file(counting_scan(1), FileId{2},
                                              std::make_shared<Later>(good->content()))}});
    ASSERT_TRUE(stream.has_value());
    const auto rows = rows_of(**stream);
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::data_loss);
    EXPECT_EQ(must(*instance, {.sql = "SELECT count(*) FROM scan_0",
                               .scans = {with_file(counting_scan(1), FileId{3}, good)}}),
              Rows{"200000"})
        << "the instance lives on";
}

TEST_F(FileScan, TruncatedFileIsDataLossNotAnEnd) {
    class Short final : public ReadableFile {
      public:
        explicit Short(std::string content) : file_(std::move(content)) {}
        Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
            return offset < 100 ? Result<size_t>(0) : file_.read_at(out, offset);
        }
        uint64_t size() const override { return file_.size(); }

      private:
        MemoryFile file_;
    };
    const auto instance = open();
    const auto good = write(*instance, counting_scan(1000));
    const auto rows =
        run(*instance, {.sql = "SELECT x FROM scan_0",
                        .scans = {with_file(counting_scan(1), FileId{1},
                                            std::make_shared<Short>(good->content()))}});
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::data_loss);
}

TEST_F(FileScan, RandomFiltersAgreeBetweenChunksAndFiles) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto instance = open();
    ChunkBuilder builder({{ColumnId{1}, ColumnType::int64},
                          {ColumnId{2}, ColumnType::string},
                          {ColumnId{3}, ColumnType::float64}});
    for (int i = 0; i < 20'000; ++i) {
        builder.add({random() % 5 ? Value{static_cast<int64_t>(random() % 1000)} : Value{},
                     random() % 5 ? Value{"value " + std::to_string(random() % 50)} : Value{},
                     random() % 5 ? Value{static_cast<double>(random() % 100) / 4} : Value{}});
    }
    const Scan chunks{{{ColumnId{1}, "i", ColumnType::float64},
                       {ColumnId{2}, "s", ColumnType::string},
                       {ColumnId{3}, "f", ColumnType::float64}},
                      builder.take(),
                      {}};
    Scan stored = chunks;
    stored.columns[0].type = ColumnType::int64;
    const auto file = write(*instance, stored, {.row_group_rows = 2048, .sort_by = {"i"}});
    const Scan files = with_file(chunks, FileId{1}, file);
    const std::vector<std::string> operators{"=", "<>", "<", "<=", ">", ">="};
    for (int round = 0; round < 60; ++round) {
        std::string where;
        for (int term = 0; term < 2; ++term) {
            if (term) where += random() % 2 ? " AND " : " OR ";
            const double value = static_cast<double>(random() % 4000) / 4 - 1;
            where += (random() % 2 ? "i " : "f ") + operators[random() % 6] + " " +
                     std::to_string(value);
        }
        if (random() % 3 == 0) where = "NOT (" + where + ")";
        const Query query{
            .sql = "SELECT count(*), sum(_row_id), count(s) FROM scan_0 WHERE " + where,
            .scans = {chunks}};
        Query same = query;
        same.scans = {files};
        ASSERT_EQ(must(*instance, query), must(*instance, same)) << where;
    }
}

}  // namespace
}  // namespace insula::engine::test
