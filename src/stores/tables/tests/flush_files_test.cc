// Which files a flush makes of its rows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "platform/fs/faulty_file_system.h"
#include "platform/runtime/random.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

class FlushFiles : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_NO_FATAL_FAILURE(open()); }

    void open() {
        NodeSettings settings = small_settings();
        settings.journal = {
            .segment_bytes = 4 * kMiB, .record_bytes_max = 3 * kMiB, .manual = true};
        settings.limits.record_bytes_max = 2 * kMiB;
        settings.limits.source_memtable_bytes = 64 * kMiB;
        settings.limits.partition_file_bytes = 16 * kKiB;
        settings.limits.partition_files_max = 8;
        auto opened = TestNode::open(fs_, clock_, settings);
        ASSERT_TRUE(opened) << opened.error().describe();
        node_ = *std::move(opened);
    }

    void add(catalog::SourceOptions options) {
        ASSERT_TRUE(node_->store().add_source(TestNode::tenant(),
                                              {.source_id = "s", .options = std::move(options)}));
    }
    // `rows` documents of some hundred bytes whose "p" is `partition(i)`, as JSON.
    template <class Partition>
    static std::string documents(int rows, Partition partition) {
        std::string body = "[";
        for (int i = 0; i < rows; ++i) {
            if (i > 0) body += ",";
            body += fmt::format(R"({{"p":{},"i":{},"text":"{}"}})", partition(i), i,
                                std::string(100, static_cast<char>('a' + i % 26)));
        }
        return body + "]";
    }
    void write(std::string body) {
        const auto outcome = node_->write("s", std::move(body));
        ASSERT_TRUE(outcome) << outcome.error().describe();
        ASSERT_TRUE(node_->journal().flush());
    }
    SourceView pin() {
        const auto sources = node_->store().list(TestNode::tenant());
        return Source::pin(node_->store().services(), sources).front();
    }
    std::vector<catalog::DataFile> files() {
        std::vector<catalog::DataFile> files;
        for (const FileEntry& file : *pin().files) files.push_back(file.meta);
        return files;
    }
    // The bounds of column "p" in each file, as numbers.
    std::vector<std::pair<int64_t, int64_t>> bounds() {
        const SourceView view = pin();
        const ColumnId id = view.schema->column(view.schema->find_name("p")).id;
        std::vector<std::pair<int64_t, int64_t>> bounds;
        for (const FileEntry& file : *view.files) {
            const auto zone = std::ranges::find(file.meta.zones, id, &catalog::Zone::column);
            bounds.emplace_back(zone->min, zone->max);
        }
        return bounds;
    }
    // Values of "i" in all files, in the order in which they stand there.
    std::vector<std::string> numbers() {
        std::vector<std::string> numbers;
        const auto rows = read_rows(pin());
        EXPECT_TRUE(rows);
        for (const FoundRow& row : *rows) numbers.push_back(row.leaves.at("i"));
        return numbers;
    }

    std::unique_ptr<CrashFileSystem> disk_ = empty_store();
    FaultyFileSystem fs_{*disk_};
    ManualClock clock_;
    std::unique_ptr<TestNode> node_;
};

TEST_F(FlushFiles, EachPartitionThatIsWorthAFileHasOne) {
    add({.partition_columns = {"p"}});
    write(documents(1500, [](int i) { return i % 3; }));
    const auto source = node_->store().find(TestNode::tenant(), "s");
    ASSERT_TRUE(source);
    const uint64_t bytes = (*source)->memtable_bytes();
    ASSERT_TRUE(node_->flush("s"));
    using Bounds = std::vector<std::pair<int64_t, int64_t>>;
    EXPECT_EQ(bounds(), (Bounds{{0, 0}, {1, 1}, {2, 2}}));
    const auto files = this->files();
    for (const catalog::DataFile& file : files) {
        EXPECT_EQ(file.rows, 500u);
        EXPECT_EQ(file.part, static_cast<uint32_t>(&file - files.data()));
        EXPECT_NEAR(static_cast<double>(file.raw_bytes), static_cast<double>(bytes) / 3, 2);
    }
}

TEST_F(FlushFiles, PartitionsThatAreNotShareFilesWithTheirNeighbours) {
    add({.partition_columns = {"p"}});
    write(documents(1500, [](int i) { return i; }));
    ASSERT_TRUE(node_->flush("s"));
    const auto bounds = this->bounds();
    EXPECT_GT(bounds.size(), 4u);
    EXPECT_LE(bounds.size(), 8u);
    for (size_t i = 1; i < bounds.size(); ++i) {
        EXPECT_LT(bounds[i - 1].second, bounds[i].first);  // so that others can be skipped
    }
}

TEST_F(FlushFiles, FewRowsMakeOneFile) {
    add({.partition_columns = {"p"}});
    write(documents(50, [](int i) { return i; }));
    ASSERT_TRUE(node_->flush("s"));
    EXPECT_EQ(files().size(), 1u);
}

TEST_F(FlushFiles, RowsStandInTheOrderOfPartitionAndIndexColumns) {
    add({.partition_columns = {"p"}, .index_columns = {"unknown", "i", "p"}});
    write(documents(600, [](int i) { return i % 2; }));
    write(documents(600, [](int i) { return i % 2; }));
    ASSERT_TRUE(node_->flush("s"));
    const auto numbers = this->numbers();
    ASSERT_EQ(numbers.size(), 1200u);
    EXPECT_EQ(numbers[0], "0");
    EXPECT_EQ(numbers[1], "0");
    EXPECT_EQ(numbers[2], "2");
    EXPECT_EQ(numbers[599], "598");
    EXPECT_EQ(numbers[600], "1");
    EXPECT_EQ(numbers[1199], "599");
}

TEST_F(FlushFiles, NoneIsLargerThanTheSourceAllows) {
    constexpr uint64_t kFileBytesMax = 32 * kKiB;
    add({.max_file_bytes = kFileBytesMax});
    SeededRandom random(1);
    // Hardly to be compressed, then easily, then hardly: what earlier files let expect is wrong.
    const auto incompressible = [&](int) {
        return fmt::format("\"{:016x}{:016x}{:016x}\"", random.next(), random.next(),
                           random.next());
    };
    uint64_t rows = 0;
    for (int round = 0; round < 6; ++round) {
        constexpr int kRows = 4000;
        write(round % 2 == 0 ? documents(kRows, incompressible)
                             : documents(kRows, [](int) { return "\"same\""; }));
        ASSERT_TRUE(node_->flush("s"));
        rows += kRows;
    }
    uint64_t found = 0;
    uint64_t smallest = kFileBytesMax;
    for (const catalog::DataFile& file : files()) {
        EXPECT_LE(file.content_bytes, kFileBytesMax);
        smallest = std::min(smallest, file.content_bytes);
        found += file.rows;
    }
    EXPECT_EQ(found, rows);
    EXPECT_GT(files().size(), 10u);
    const auto wrong = node_->wrong_files();
    ASSERT_TRUE(wrong);
    EXPECT_FALSE(*wrong) << **wrong;
}

TEST_F(FlushFiles, ARowThatIsLargerThanAFileMayBeStandsAlone) {
    add({.max_file_bytes = 100});
    write(documents(3, [](int i) { return i; }));
    ASSERT_TRUE(node_->flush("s"));
    EXPECT_EQ(files().size(), 3u);
    EXPECT_EQ(numbers().size(), 3u);
}

TEST_F(FlushFiles, DirectWritesAreSplitAsWell) {
    add({.partition_columns = {"p"}, .wal_enabled = false});
    write(documents(1500, [](int i) { return i % 3; }));
    EXPECT_EQ(files().size(), 3u);
    EXPECT_EQ(numbers().size(), 1500u);
}

TEST_F(FlushFiles, AFlushThatFailsHalfWayLeavesNoFileAndIsMadeUpFor) {
    add({.partition_columns = {"p"}});
    write(documents(1500, [](int i) { return i % 3; }));
    fs_.arm({.at_call = 2, .only = StorageCall::rename});
    EXPECT_FALSE(node_->flush("s"));
    fs_.disarm();
    EXPECT_TRUE(files().empty());
    auto wrong = node_->wrong_files();
    ASSERT_TRUE(wrong);
    EXPECT_FALSE(*wrong) << **wrong;
    ASSERT_TRUE(node_->flush("s"));
    EXPECT_EQ(files().size(), 3u);
    wrong = node_->wrong_files();
    ASSERT_TRUE(wrong);
    EXPECT_FALSE(*wrong) << **wrong;
    EXPECT_EQ(numbers().size(), 1500u);
}

// Rows that are missing in the first partition column, of a column that only later rows have, and
// integers beside floats.
TEST_F(FlushFiles, PartitionsOfMixedRowsLoseNothing) {
    add({.partition_columns = {"q", "p"}, .index_columns = {"text"}});
    write(documents(700, [](int i) { return i % 5; }));
    write(
        documents(700, [](int i) { return i % 5 == 0 ? "0.5, \"q\": \"x\"" : "7, \"q\": null"; }));
    ASSERT_TRUE(node_->flush("s"));
    const auto rows = read_rows(pin());
    ASSERT_TRUE(rows) << rows.error().describe();
    std::set<uint64_t> ids;
    uint64_t halves = 0;
    for (const FoundRow& row : *rows) {
        ids.insert(row.row_id);
        halves += row.leaves.at("p") == "0.5" ? 1 : 0;
    }
    EXPECT_EQ(ids.size(), 1400u);
    EXPECT_EQ(halves, 140u);
    EXPECT_GE(files().size(), 3u);
}

}  // namespace
}  // namespace insula::tables::durability
