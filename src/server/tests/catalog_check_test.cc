#include "server/catalog_check.h"

#include <gtest/gtest.h>

#include "platform/fs/crash_file_system.h"
#include "platform/journal/journal.h"

namespace insula::server {
namespace {

constexpr std::string_view kCatalog = "data/control.db";
const std::string kJournal = "data/journal";

class CatalogCheck : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(create_directories(fs_, kJournal)); }

    void begin_stream(uint64_t stream) {
        ManualClock clock;
        journal::Options options;
        options.manual = true;
        auto journal = journal::Journal::create(fs_, clock, kJournal, StreamId{stream}, options);
        ASSERT_TRUE(journal) << journal.error().describe();
        ASSERT_TRUE((*journal)->close());
    }
    void write_catalog(std::string_view content) {
        ASSERT_TRUE(write_file_durably(fs_, kCatalog, content));
    }
    Status present() { return check_catalog_present(fs_, std::string(kCatalog), kJournal); }
    static void expect_refused(const Status& status) {
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code(), Code::data_loss);
        EXPECT_FALSE(status.error().hint().empty());
    }

    CrashFileSystem fs_;
};

TEST_F(CatalogCheck, ANewDataDirectoryHasNone) { EXPECT_TRUE(present()); }

TEST_F(CatalogCheck, AJournalWithoutACatalogIsDamage) {
    begin_stream(1);
    expect_refused(present());
    write_catalog("");
    expect_refused(present());
    write_catalog("something");
    EXPECT_TRUE(present());
}

TEST_F(CatalogCheck, AnEmptyCatalogWithALogMayHoldItsFirstCommits) {
    begin_stream(1);
    write_catalog("");
    ASSERT_TRUE(write_file_durably(fs_, std::string(kCatalog) + "-wal", "frames"));
    EXPECT_TRUE(present());
}

TEST_F(CatalogCheck, ACatalogThatGivesOutAStreamOfTheJournalIsOlderThanIt) {
    EXPECT_TRUE(check_catalog_age(fs_, kJournal, StreamId{1}));
    begin_stream(1);
    begin_stream(65);
    EXPECT_TRUE(check_catalog_age(fs_, kJournal, StreamId{66}));
    expect_refused(check_catalog_age(fs_, kJournal, StreamId{65}));
    expect_refused(check_catalog_age(fs_, kJournal, StreamId{2}));
}

}  // namespace
}  // namespace insula::server
