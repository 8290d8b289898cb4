// Writers, readers, flushes in the background and sources that come and go, all beside each other:
// readers see what was answered before they began. Worth most under the thread sanitizer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/units.h"
#include "platform/fs/crash_file_system.h"
#include "platform/json/json_value.h"
#include "stores/tables/query.h"
#include "stores/tables/tests/store_harness.h"

namespace insula::tables::durability {
namespace {

using json::JsonValue;

constexpr uint64_t kWriters = 2;
constexpr uint64_t kSources = 2;
constexpr uint64_t kBatchesAWriter = 120;
constexpr uint64_t kRowsABatch = 7;
constexpr std::chrono::seconds kPatience{60};

std::string source_name(uint64_t number) { return fmt::format("s{}", number); }

// Long enough that some strings stand in the chunk's arena.
std::string batch_body() {
    std::string body;
    for (uint64_t row = 0; row < kRowsABatch; ++row) {
        body += fmt::format(R"({}{{"one":1,"text":"{}"}})", row == 0 ? "[" : ",",
                            std::string(row * 40, 'x'));
    }
    return body + "]";
}

class StoreReaders : public testing::Test {
  protected:
    struct Rows {
        std::atomic<uint64_t> begun = 0;     // a writer is about to add them
        std::atomic<uint64_t> answered = 0;  // durable
    };

    void SetUp() override {
        NodeSettings settings = small_settings();
        settings.journal.manual = false;
        settings.background = true;
        settings.limits.source_memtable_bytes = 16 * kKiB;
        auto node = TestNode::open(disk_, clock_, settings);
        ASSERT_TRUE(node) << node.error().describe();
        node_ = *std::move(node);
        for (uint64_t i = 0; i < kSources; ++i) write(source_name(i), rows_[i]);
    }

    void write(const std::string& source, Rows& rows) {
        rows.begun += kRowsABatch;
        const auto outcome = node_->write(source, batch_body());
        ASSERT_TRUE(outcome) << outcome.error().describe();
        if (!outcome->durable) {
            const Status durable =
                node_->journal().wait_durable(outcome->lsn, Deadline::after(kPatience));
            ASSERT_TRUE(durable) << durable.error().describe();
        }
        rows.answered += kRowsABatch;
    }
    void write_all() {
        for (uint64_t i = 0; i < kBatchesAWriter; ++i) {
            write(source_name(i % kSources), rows_[i % kSources]);
        }
    }
    // Until the writers have ended; `act` once at the least.
    template <class Act>
    void meanwhile(Act act) {
        do {
            act();
        } while (writing_.load() && !HasFailure());
    }

    // `seen` rows of a source, of which `before` were answered before the reader looked.
    static void expect_seen(uint64_t seen, uint64_t before, const Rows& rows) {
        EXPECT_GE(seen, before);
        EXPECT_LE(seen, rows.begun.load());
    }

    // As a query reads them: of chunks every value, of files what is known of them.
    void read_views() {
        std::array<uint64_t, kSources> before{};
        std::vector<std::shared_ptr<Source>> sources;
        for (uint64_t i = 0; i < kSources; ++i) {
            before[i] = rows_[i].answered.load();
            const auto source = node_->store().find(TestNode::tenant(), source_name(i));
            ASSERT_TRUE(source) << source.error().describe();
            sources.push_back(*source);
        }
        const auto views = Source::pin(node_->store().services(), sources);
        for (uint64_t i = 0; i < kSources; ++i) {
            uint64_t seen = 0;
            for (const ChunkRows& rows : views[i].chunks) seen += ones_in(rows);
            for (const FileEntry& file : *views[i].files) seen += file.meta.rows;
            expect_seen(seen, before[i], rows_[i]);
            EXPECT_GE(sources[i]->stats().rows + sources[i]->stats().memtable_rows, before[i]);
        }
    }
    static uint64_t ones_in(const ChunkRows& rows) {
        uint64_t ones = 0;
        for (const ChunkColumn& column : rows.chunk->columns()) {
            for (uint32_t row = 0; row < rows.rows; ++row) {
                if (column.type == ColumnType::int64) {
                    ones += static_cast<uint64_t>(column.values<int64_t>()[row]);
                } else if (column.type == ColumnType::string) {
                    EXPECT_EQ(column.values<StringRef>()[row].view().find_first_not_of('x'),
                              std::string_view::npos);
                }
            }
        }
        return ones;
    }

    // Through planner, engine and renderer.
    void count() {
        const uint64_t before = rows_[0].answered.load();
        const auto request = parse_aggregate(
            *JsonValue::parse(R"({"sources":["s0"],"aggregations":[{"type":"sum","column":"one"},
                                 {"type":"max","column":"text"}]})"));
        ASSERT_TRUE(request) << request.error().describe();
        tenancy::RequestContext context;
        context.tenant = TestNode::tenant();
        context.authorise = [](std::string_view, std::string_view) { return Status(); };
        context.deadline = Deadline::after(kPatience);
        auto run = queries().aggregate(context, *request, OutputFormat::json, Pace::page);
        ASSERT_TRUE(run) << run.error().describe();
        std::string text;
        for (;;) {
            const auto more = (*run)->next(text, kMiB);
            ASSERT_TRUE(more) << more.error().describe();
            if (!*more) break;
        }
        const auto answer = JsonValue::parse(text);
        ASSERT_TRUE(answer) << text;
        const JsonValue* results = answer->find("results");
        ASSERT_NE(results, nullptr) << text;
        const JsonValue* sum = results->array().at(0).find("sum_one");
        ASSERT_NE(sum, nullptr) << text;
        expect_seen(static_cast<uint64_t>(sum->int64()), before, rows_[0]);
    }
    Queries& queries() {
        static constexpr size_t kRunningMax = 8;
        if (!queries_) queries_ = std::make_unique<Queries>(node_->store(), kRunningMax);
        return *queries_;
    }

    // A source that is written, flushed and removed, again and again, while others list it.
    void replace_source() {
        write("passing", passing_);
        const auto flushed = node_->flush("passing");
        ASSERT_TRUE(flushed) << flushed.error().describe();
        write("passing", passing_);
        const Status removed = node_->store().remove_source(TestNode::tenant(), "passing");
        ASSERT_TRUE(removed) << removed.error().describe();
    }
    void list_sources() {
        for (const auto& source : node_->store().list(TestNode::tenant())) {
            EXPECT_GE(source->schema()->columns().size(), 0u);
            EXPECT_EQ(source->tenant(), TestNode::tenant());
        }
    }

    CrashFileSystem disk_;
    ManualClock clock_;
    std::unique_ptr<TestNode> node_;
    std::unique_ptr<Queries> queries_;
    std::array<Rows, kSources> rows_;
    Rows passing_;
    std::atomic<bool> writing_ = true;
};

TEST_F(StoreReaders, SeeWhatWasAnsweredBeforeTheyBegan) {
    queries();  // made before the threads share it
    std::vector<std::thread> readers;
    readers.emplace_back([this] { meanwhile([this] { read_views(); }); });
    readers.emplace_back([this] { meanwhile([this] { count(); }); });
    readers.emplace_back([this] { meanwhile([this] { list_sources(); }); });
    readers.emplace_back([this] { meanwhile([this] { replace_source(); }); });
    std::vector<std::thread> writers;
    for (uint64_t i = 0; i < kWriters; ++i) writers.emplace_back([this] { write_all(); });
    for (std::thread& writer : writers) writer.join();
    writing_ = false;
    for (std::thread& reader : readers) reader.join();

    read_views();
    const auto source = node_->store().find(TestNode::tenant(), source_name(0));
    ASSERT_TRUE(source) << source.error().describe();
    EXPECT_GT((*source)->stats().files, 0u);  // some were flushed beside the readers
    queries_.reset();
    const Status closed = node_->close();
    EXPECT_TRUE(closed) << closed.error().describe();
}

}  // namespace
}  // namespace insula::tables::durability
