// What failed operations leave for later ones and for the next start, case by case.
#include <gtest/gtest.h>

#include <algorithm>

#include "platform/fs/faulty_file_system.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

template <class T>
::testing::AssertionResult succeeded(const T& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().describe();
}

class StoreRecovery : public ::testing::Test {
  protected:
    void SetUp() override { restart(); }

    // As after kill -9: what was written is there, synced or not.
    void restart() {
        fs_.arm({.at_call = 1, .fault = Fault::io_error, .from_then_on = true});
        node_.reset();
        fs_.disarm();
        auto opened = TestNode::open(fs_, clock_, small_settings());
        ASSERT_TRUE(succeeded(opened));
        node_ = *std::move(opened);
    }

    Result<WriteOutcome> write(std::string body) {
        ASSIGN_OR_RETURN(const WriteOutcome outcome, node_->write("s", std::move(body)));
        RETURN_IF_ERROR(node_->journal().flush());
        return outcome;
    }
    // More than a record holds, so that it goes to a file at once: `value` under `key`, and some
    // weight.
    static std::string large_body(std::string_view key, std::string_view value) {
        std::string body = "[";
        for (int i = 0; i < 8; ++i) {
            if (i > 0) body += ",";
            body += R"({")" + std::string(key) + R"(":)" + std::string(value) + R"(,"weight":")" +
                    std::string(1000, 'x') + R"("})";
        }
        return body + "]";
    }
    // The values of a column over all rows of "s", sorted; "-" where there is none.
    std::vector<std::string> values(const std::string& column) {
        std::vector<std::string> values;
        const auto found = node_->read_all();
        EXPECT_TRUE(succeeded(found));
        if (!found) return values;
        for (const FoundSource& source : *found) {
            for (const FoundRow& row : source.rows) {
                const auto at = row.leaves.find(column);
                values.push_back(at == row.leaves.end() ? "-" : at->second);
            }
        }
        std::ranges::sort(values);
        return values;
    }

    // One document of about a thousand bytes.
    static std::string large_text() { return R"({"t":")" + std::string(1000, 'x') + R"("})"; }

    SourceStats stats() {
        const auto source = node_->store().find(TestNode::tenant(), "s");
        EXPECT_TRUE(succeeded(source));
        return source ? (*source)->stats() : SourceStats();
    }
    Result<bool> try_restate() {
        ASSIGN_OR_RETURN(const auto source, node_->store().find(TestNode::tenant(), "s"));
        return source->restate();
    }
    bool restate() {
        const auto restated = try_restate();
        EXPECT_TRUE(succeeded(restated));
        return restated && *restated;
    }

    std::unique_ptr<CrashFileSystem> disk_ = empty_store();
    FaultyFileSystem fs_{*disk_};
    ManualClock clock_;
    std::unique_ptr<TestNode> node_;
};

TEST_F(StoreRecovery, AColumnThatAFailedDirectWriteMadeIsInTheJournalBeforeItsValues) {
    ASSERT_TRUE(succeeded(write(R"({"a":1})")));
    fs_.arm({.at_call = 1, .only = StorageCall::rename});
    EXPECT_FALSE(write(large_body("x", "7")));
    fs_.disarm();
    ASSERT_TRUE(succeeded(write(R"({"a":2,"x":5})")));
    restart();
    EXPECT_EQ(values("x"), (std::vector<std::string>{"-", "5"}));
    // The id is taken: another column must not get it.
    ASSERT_TRUE(succeeded(write(R"({"a":3,"y":"text"})")));
    restart();
    EXPECT_EQ(values("x"), (std::vector<std::string>{"-", "-", "5"}));
    EXPECT_EQ(values("y"), (std::vector<std::string>{"\"text\"", "-", "-"}));
}

TEST_F(StoreRecovery, AReplayedRecordDoesNotNarrowAColumnThatADirectWriteWidened) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    ASSERT_TRUE(succeeded(write(large_body("x", "0.5"))));
    restart();
    EXPECT_EQ(values("x"), (std::vector<std::string>{"0.5", "0.5", "0.5", "0.5", "0.5", "0.5",
                                                     "0.5", "0.5", "1"}));
}

TEST_F(StoreRecovery, ARepeatedFlushDoesNotNarrowAColumnThatADirectWriteWidened) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    fs_.arm({.at_call = 1, .only = StorageCall::rename});
    EXPECT_FALSE(node_->flush("s"));
    fs_.disarm();
    ASSERT_TRUE(succeeded(write(large_body("x", "0.5"))));
    ASSERT_TRUE(succeeded(node_->flush("s")));
    restart();
    EXPECT_EQ(values("x").size(), 9u);
}

// A commit whose sync failed may turn up at the next start: the file that it names must be the one
// that it meant.
TEST_F(StoreRecovery, ARepeatedFlushLeavesTheFileThatAFailedCommitMayName) {
    std::vector<std::string> expected;
    for (uint64_t call = 1; call <= 4; ++call) {
        ASSERT_TRUE(succeeded(write(R"({"x":1})")));
        ASSERT_TRUE(succeeded(node_->flush("s")));
        ASSERT_TRUE(succeeded(write(R"({"x":2})")));
        expected.insert(expected.begin(), "1");
        expected.emplace_back("2");
        fs_.arm({.at_call = call, .fault = Fault::late_io_error, .only = StorageCall::sync});
        static_cast<void>(node_->flush("s"));
        fs_.disarm();
        static_cast<void>(node_->flush("s"));  // fails where the catalog takes no more changes
        restart();
        EXPECT_EQ(values("x"), expected) << "late error of sync " << call;
        const auto wrong = node_->wrong_files();
        ASSERT_TRUE(succeeded(wrong));
        EXPECT_FALSE(*wrong) << **wrong;
    }
}

TEST_F(StoreRecovery, AFileWithoutACommitGoesAlsoIfItsSourceWasRemoved) {
    uint64_t removals = 0;
    for (uint64_t call = 1; call <= 12; ++call) {
        ASSERT_TRUE(succeeded(write(R"({"x":1})")));
        fs_.arm({.at_call = call, .only = StorageCall::write});
        const auto flushed = node_->flush("s");
        fs_.disarm();
        if (node_->store().remove_source(TestNode::tenant(), "s")) ++removals;
        restart();
        const auto wrong = node_->wrong_files();
        ASSERT_TRUE(succeeded(wrong));
        EXPECT_FALSE(*wrong) << **wrong << " after a fault at write " << call;
    }
    EXPECT_GT(removals, 6u);
}

TEST_F(StoreRecovery, DirectoriesOfRemovedSourcesGo) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    ASSERT_TRUE(succeeded(node_->flush("s")));
    ASSERT_TRUE(succeeded(node_->store().remove_source(TestNode::tenant(), "s")));
    clock_.advance(std::chrono::hours(1));
    node_->store().maintain();
    restart();
    const auto left = fs_.list("data/blob/t/" + TestNode::tenant().to_string() + "/s");
    ASSERT_TRUE(succeeded(left));
    EXPECT_TRUE(left->empty());
}

TEST_F(StoreRecovery, FilesOfARemovedSourceStayWhileAQueryMayReadThem) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    ASSERT_TRUE(succeeded(node_->flush("s")));
    const auto sources = node_->store().list(TestNode::tenant());
    const std::vector<SourceView> pinned = Source::pin(node_->store().services(), sources);
    ASSERT_TRUE(succeeded(node_->store().remove_source(TestNode::tenant(), "s")));
    node_->store().maintain();
    const auto rows = read_rows(pinned.front());
    ASSERT_TRUE(succeeded(rows));
    EXPECT_EQ(rows->size(), 1u);
}

TEST_F(StoreRecovery, WhoStillHoldsARemovedSourceWritesNothingToIt) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    const auto source = node_->store().find(TestNode::tenant(), "s");
    ASSERT_TRUE(succeeded(source));
    ASSERT_TRUE(succeeded(node_->store().remove_source(TestNode::tenant(), "s")));
    const std::string body = R"({"x":2})" + std::string(kJsonPadding, ' ');
    const WriteInput input{
        .shred = [&](SchemaPtr schema) { return shred_json(body, std::move(schema)); }};
    const auto refused = (*source)->write(input, Deadline::after(std::chrono::seconds(5)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "source_not_found");
}

// Whether a removal whose commit failed was carried out shows at the next start: what is answered
// until then must not vanish with it.
TEST_F(StoreRecovery, ASourceWhoseRemovalFailedTakesNoWritesUntilThatIsSettled) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    fs_.arm({.at_call = 1, .fault = Fault::late_io_error, .only = StorageCall::sync});
    EXPECT_FALSE(node_->store().remove_source(TestNode::tenant(), "s"));
    fs_.disarm();
    const auto refused = write(R"({"x":2})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "source_removal_in_doubt");
    EXPECT_EQ(values("x"), std::vector<std::string>{"1"});
    restart();
    ASSERT_TRUE(succeeded(write(R"({"x":3})")));

    fs_.arm({.at_call = 1, .only = StorageCall::write});
    EXPECT_FALSE(node_->store().remove_source(TestNode::tenant(), "s"));
    fs_.disarm();
    EXPECT_TRUE(succeeded(node_->store().remove_source(TestNode::tenant(), "s")));
    ASSERT_TRUE(succeeded(write(R"({"x":4})")));
    restart();
    EXPECT_EQ(values("x"), std::vector<std::string>{"4"});
}

TEST_F(StoreRecovery, ARestatedRemainderKeepsItsRowsTheirIdsAndItsKeys) {
    const RecordIdempotency key{.key = "k", .body_hash = 7};
    ASSERT_TRUE(succeeded(node_->write("s", R"({"x":1})", key)));
    ASSERT_TRUE(succeeded(write(large_body("y", "0.5"))));  // takes row ids between
    ASSERT_TRUE(succeeded(write(R"([{"x":2},{"x":3,"z":"new"}])")));
    const auto ids = [&] {
        std::vector<uint64_t> ids;
        const auto found = node_->read_all();
        EXPECT_TRUE(succeeded(found));
        for (const FoundRow& row : found->front().rows) ids.push_back(row.row_id);
        std::ranges::sort(ids);
        return ids;
    };
    const std::vector<uint64_t> before = ids();
    ASSERT_TRUE(restate());
    EXPECT_EQ(ids(), before);
    for (int i = 0; i < 2; ++i) {
        restart();
        EXPECT_EQ(ids(), before);
        EXPECT_EQ(values("z").front(), "\"new\"");
        const auto retry = node_->write("s", R"({"x":1})", key);
        ASSERT_TRUE(succeeded(retry));
        EXPECT_TRUE(retry->duplicate);
    }
    ASSERT_TRUE(succeeded(write(R"({"x":4})")));
    EXPECT_EQ(ids().back(), before.back() + 1);
}

TEST_F(StoreRecovery, ARestatementFreesTheJournalAndNoFileIsMade) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(succeeded(node_->write("busy", R"({"n":1})")));
    ASSERT_TRUE(succeeded(node_->journal().flush()));
    const uint64_t before = node_->journal().usage().bytes;
    ASSERT_GT(before, 16 * kKiB);  // from here on the journal is to be shortened
    node_->store().maintain();
    EXPECT_GE(node_->store().restatements(), 1u);
    EXPECT_LT(node_->journal().usage().bytes, 16 * kKiB);
    EXPECT_EQ(stats().files, 0u);
    EXPECT_EQ(stats().memtable_rows, 1u);
    restart();
    EXPECT_EQ(values("x").back(), "1");
}

TEST_F(StoreRecovery, ARemainderThatIsDueAgainAtOnceGoesToAFile) {
    // More than the journal may hold, in small memtables: to restate all of them helps nothing.
    for (int i = 0; i < 300; ++i) {
        ASSERT_TRUE(succeeded(node_->write("s" + std::to_string(i % 12), large_text())));
        ASSERT_TRUE(succeeded(node_->journal().flush()));
    }
    node_->store().maintain();
    EXPECT_LT(node_->journal().usage().bytes, 16 * kKiB);
    uint64_t files = 0;
    for (const auto& source : node_->store().list(TestNode::tenant()))
        files += source->stats().files;
    EXPECT_GT(files, 0u);
}

// Whether the commit that makes a restatement count was carried out shows at the next start: rows
// are there once either way.
TEST_F(StoreRecovery, ARestatementThatFailsAnywhereLosesAndDoublesNothing) {
    std::vector<std::string> expected;
    for (const Fault fault : {Fault::io_error, Fault::late_io_error}) {
        for (const StorageCall kind : {StorageCall::sync, StorageCall::write}) {
            for (uint64_t call = 1; call <= 5; ++call) {
                ASSERT_TRUE(succeeded(write(R"({"x":1})")));
                expected.emplace_back("1");
                fs_.arm({.at_call = call, .fault = fault, .only = kind});
                static_cast<void>(try_restate());
                static_cast<void>(node_->write("s", R"({"y":1})"));  // perhaps refused
                static_cast<void>(try_restate());
                fs_.disarm();
                restart();
                const auto found = values("x");
                EXPECT_EQ(std::ranges::count(found, "1"), std::ssize(expected)) << "call " << call;
                const auto wrong = node_->wrong_files();
                ASSERT_TRUE(succeeded(wrong));
                EXPECT_FALSE(*wrong) << **wrong;
            }
        }
    }
}

TEST_F(StoreRecovery, AFlushAfterARestatementCoversIt) {
    ASSERT_TRUE(succeeded(write(R"({"x":1})")));
    ASSERT_TRUE(restate());
    ASSERT_TRUE(succeeded(write(R"({"x":2})")));
    ASSERT_TRUE(succeeded(node_->flush("s")));
    restart();
    EXPECT_EQ(values("x"), (std::vector<std::string>{"1", "2"}));
    EXPECT_EQ(stats().memtable_rows, 0u);
    EXPECT_FALSE(restate());
}

}  // namespace
}  // namespace insula::tables::durability
