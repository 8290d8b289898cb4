// Power cuts around every sync of a database's life: creating it, commits, checkpoints, reopening.
#include <gtest/gtest.h>

#include <string>

#include "platform/fs/crash_file_system.h"
#include "platform/sqlite/database.h"
#include "platform/sqlite/tests/faulty_disks.h"

namespace insula::sqlite {
namespace {

// Many pages each, so that a checkpoint comes every few commits.
constexpr size_t kRowBytes = 400'000;
constexpr int64_t kRows = 40;
constexpr std::string_view kCreateTables =
    "BEGIN; CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE TABLE last (id, touched);"
    "INSERT INTO last VALUES (0, 0); COMMIT";

// One transaction that changes two tables far apart.
Status commit_row(Database& database, int64_t id) {
    ASSIGN_OR_RETURN(auto transaction, Transaction::begin(database));
    {
        ASSIGN_OR_RETURN(auto insert, database.prepare("INSERT INTO t VALUES (?, ?)"));
        RETURN_IF_ERROR(
            insert.bind(id, std::string(kRowBytes, static_cast<char>('a' + id % 26))).run());
        ASSIGN_OR_RETURN(auto update, database.prepare("UPDATE last SET id = ?"));
        RETURN_IF_ERROR(update.bind(id).run());
    }
    return transaction.commit();
}

// The newest row, after checking that all up to it are there, whole, and none after it. 0: no table
// yet.
int64_t newest_row(CrashFileSystem& fs) {
    auto database = Database::open(fs, "test.db");
    if (!database) {
        ADD_FAILURE() << database.error().describe();
        return -1;
    }
    auto tables = *(*database)->prepare("SELECT count(*) FROM sqlite_schema");
    EXPECT_TRUE(*tables.step());
    if (tables.int64(0) == 0) return 0;
    EXPECT_EQ(tables.int64(0), 2) << "both tables or none";
    auto last = *(*database)->prepare("SELECT id, (SELECT count(*) FROM t) FROM last");
    const auto row = last.step();
    if (!row || !*row) {
        ADD_FAILURE() << "the table has its row";
        return -1;
    }
    EXPECT_EQ(last.int64(0), last.int64(1));
    auto rows = *(*database)->prepare("SELECT id, x FROM t ORDER BY id");
    for (int64_t id = 1; id <= last.int64(0); ++id) {
        EXPECT_TRUE(*rows.step());
        EXPECT_EQ(rows.int64(0), id);
        EXPECT_EQ(rows.text(1), std::string(kRowBytes, static_cast<char>('a' + id % 26)));
    }
    return last.int64(0);
}

TEST(DatabaseCrash, AtEverySyncEveryCommitIsThereAndNoneIsHalf) {
    CrashFileSystem fs;
    int64_t committed = 0;
    int64_t begun = 0;
    uint64_t moments = 0;
    fs.set_sync_hook([&](SyncMoment) {
        const uint64_t seed = ++moments;
        const auto found = fs.crash(seed);
        const int64_t newest = newest_row(*found);
        EXPECT_GE(newest, committed) << "seed " << seed;
        EXPECT_LE(newest, begun) << "seed " << seed;
    });
    auto database = *Database::open(fs, "test.db");
    {
        auto transaction = *Transaction::begin(*database);
        ASSERT_TRUE(
            database->exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x);"
                           "CREATE TABLE last (id); INSERT INTO last VALUES (0)"));
        ASSERT_TRUE(transaction.commit());
    }
    for (int64_t id = 1; id <= kRows; ++id) {
        begun = id;
        ASSERT_TRUE(commit_row(*database, id));
        committed = id;
        if (id == kRows / 2) {
            ASSERT_TRUE(database->close());
            database = *Database::open(fs, "test.db");
        }
    }
    ASSERT_TRUE(database->close());
    EXPECT_GT(moments, 2u * kRows) << "at least a sync a commit";
}

TEST(DatabaseCrash, ACrashDuringRecoveryLosesNothing) {
    for (uint64_t seed = 0; seed < 30; ++seed) {
        CrashFileSystem fs;
        auto database = *Database::open(fs, "test.db");
        ASSERT_TRUE(
            database->exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x);"
                           "CREATE TABLE last (id); INSERT INTO last VALUES (0)"));
        for (int64_t id = 1; id <= 3; ++id) ASSERT_TRUE(commit_row(*database, id));
        const auto first = fs.crash(seed);
        first->set_sync_hook([&](SyncMoment) {
            const auto second = first->crash(seed);
            EXPECT_EQ(newest_row(*second), 3) << "seed " << seed;
        });
        EXPECT_EQ(newest_row(*first), 3) << "seed " << seed;
        first->set_sync_hook({});
    }
}

// A process is killed, not the machine: what it had written and not synced is found by the next
// one. Once that has read it, it must last.
TEST(DatabaseCrash, WhatIsReadAfterAKillSurvivesALaterPowerCut) {
    for (uint64_t seed = 0; seed < 30; ++seed) {
        CrashFileSystem fs;
        auto killed = *Database::open(fs, "test.db");
        ASSERT_TRUE(
            killed->exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x);"
                         "CREATE TABLE last (id); INSERT INTO last VALUES (0)"));
        // Killed after the write to the log and before the sync: as the next process finds the
        // files.
        int64_t found = -1;
        bool done = false;
        fs.set_sync_hook([&](SyncMoment moment) {
            if (moment == SyncMoment::after || done) return;
            done = true;  // the syncs of the second process are not of interest
            auto second = *Database::open(fs, "test.db");
            auto last = *second->prepare("SELECT id FROM last");
            ASSERT_TRUE(*last.step());
            found = last.int64(0);
            EXPECT_EQ(newest_row(*fs.crash(seed)), found) << "seed " << seed;
        });
        static_cast<void>(commit_row(*killed, 1));  // its files were changed under it
        fs.set_sync_hook({});
        EXPECT_EQ(found, 1) << "the log held the commit";
        static_cast<void>(killed->close());
    }
}

// After a failed sync the page cache shows what the disk does not have and no later sync brings
// there. The log holds one commit that is on the disk and one that is not; the second changed more
// pages than the first.
TEST(DatabaseCrash, ALogWhoseSyncFailedIsNotReplayedByHalf) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        CrashFileSystem disk;
        ForgetfulFileSystem fs(disk);
        auto database = *Database::open(fs, "test.db");
        ASSERT_TRUE(database->exec(kCreateTables));
        ASSERT_TRUE(database->close());
        database = *Database::open(fs, "test.db");
        ASSERT_TRUE(database->exec("UPDATE last SET touched = touched + 1"));
        fs.fail_next_sync();
        ASSERT_FALSE(commit_row(*database, 1));
        ASSERT_FALSE(database->close());

        // The next process, on the same machine: it finds the second commit and goes on from there.
        disk.set_sync_hook(
            [&](SyncMoment) { EXPECT_GE(newest_row(*disk.crash(seed)), 0) << "seed " << seed; });
        database = *Database::open(fs, "test.db");
        EXPECT_EQ(newest_row(*disk.crash(seed)), 1) << "it can be seen now, so it lasts";
        ASSERT_TRUE(commit_row(*database, 2));
        EXPECT_EQ(newest_row(*disk.crash(seed)), 2) << "seed " << seed;
        disk.set_sync_hook({});
    }
}

}  // namespace
}  // namespace insula::sqlite
