// What holds for the catalog on SQLite alone.
#include "core/catalog/sqlite/sqlite_catalog.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/catalog/tests/samples.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"

namespace insula::catalog {
namespace {

class SqliteCatalogTest : public ::testing::Test {
  protected:
    SqliteCatalogTest() : faulty_(fs_) {}
    void SetUp() override {
        auto opened = SqliteCatalog::open(faulty_, clock_, "control.db");
        ASSERT_TRUE(opened) << opened.error().describe();
        catalog_ = *std::move(opened);
        ASSERT_TRUE(add_tenant(*catalog_, sample_tenant(1)));
        ASSERT_TRUE(catalog_->raise_epoch({sample_tenant(1).id}));
        ASSERT_TRUE(catalog_->add_source({sample_source(1, 10)}));
    }

    ManualClock clock_;
    CrashFileSystem fs_;
    FaultyFileSystem faulty_;
    std::unique_ptr<SqliteCatalog> catalog_;
};

TEST_F(SqliteCatalogTest, EveryCallAfterCloseIsRefused) {
    ASSERT_TRUE(catalog_->close());
    ASSERT_TRUE(catalog_->close()) << "idempotent";
    EXPECT_EQ(catalog_->tenants().error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id).error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->garbage().error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->idempotency(SourceIncarnation{1}, 0).error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->setting("a").error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->put_setting("a", "b").error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->commit_files(sample_commit(1, 10)).error().code(), Code::unavailable);
    EXPECT_EQ(catalog_->allocate_ids(IdKind::file, 1).error().code(), Code::unavailable);
}

TEST_F(SqliteCatalogTest, MostAllocationsCostNoCommit) {
    const uint64_t before = fs_.sync_calls();
    for (uint64_t i = 0; i < kIdBlock; ++i) ASSERT_TRUE(catalog_->allocate_ids(IdKind::file, 1));
    EXPECT_EQ(fs_.sync_calls(), before + 1);
    ASSERT_TRUE(catalog_->allocate_ids(IdKind::file, 1));
    EXPECT_EQ(fs_.sync_calls(), before + 2);
}

TEST_F(SqliteCatalogTest, ACommitCostsOneSync) {
    CommitFiles commit = sample_commit(1, 10);
    for (uint64_t i = 1; i <= 5; ++i) commit.add.push_back(sample_file(i));
    const uint64_t before = fs_.sync_calls();
    ASSERT_TRUE(catalog_->commit_files(commit));
    EXPECT_EQ(fs_.sync_calls(), before + 1);
}

TEST_F(SqliteCatalogTest, AFullDiskRefusesChangesAndReadingGoesOn) {
    faulty_.arm({.at_call = 1, .fault = Fault::disk_full, .from_then_on = true});
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1)};
    const auto refused = catalog_->commit_files(commit);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::storage_exhausted);
    EXPECT_EQ(refused.error().message().find("control.db"), std::string_view::npos);
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id)->size(), 1u);
    EXPECT_EQ(catalog_->put_setting("a", "b").error().code(), Code::storage_exhausted);
    faulty_.disarm();
    EXPECT_TRUE(catalog_->commit_files(commit)) << "by itself, once there is room";
}

TEST_F(SqliteCatalogTest, DamagedZonesAreDataLossThatNamesTheFile) {
    CommitFiles commit = sample_commit(1, 10);
    commit.add = {sample_file(1), sample_file(2)};
    ASSERT_TRUE(catalog_->commit_files(commit));
    ASSERT_TRUE(catalog_->close());
    {
        auto database = *sqlite::Database::open(fs_, "control.db");
        ASSERT_TRUE(
            database->exec("UPDATE files SET zones = (SELECT zones FROM files"
                           " WHERE file_id = 1) WHERE file_id = 2"));
    }
    catalog_ = *SqliteCatalog::open(fs_, clock_, "control.db");
    const auto sources = catalog_->sources(sample_tenant(1).id);
    ASSERT_FALSE(sources);
    EXPECT_EQ(sources.error().code(), Code::data_loss);
    EXPECT_NE(sources.error().detail().find("file 2"), std::string_view::npos);
}

TEST_F(SqliteCatalogTest, ManyThreadsSeeOneOrder) {
    constexpr uint64_t kThreads = 4;
    constexpr uint64_t kCommits = 50;
    std::vector<std::thread> threads;
    std::atomic<uint64_t> failures{0};
    for (uint64_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (uint64_t i = 0; i < kCommits; ++i) {
                const auto id = catalog_->allocate_ids(IdKind::file, 1);
                CommitFiles commit = sample_commit(1, 10);
                if (id) commit.add = {sample_file(*id)};
                if (!id || !catalog_->commit_files(commit)) ++failures;
                if (!catalog_->sources(sample_tenant(1).id)) ++failures;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0u);
    EXPECT_EQ(catalog_->sources(sample_tenant(1).id)->at(0).files.size(), kThreads * kCommits);
}

}  // namespace
}  // namespace insula::catalog
