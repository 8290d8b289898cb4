#include "platform/sqlite/database.h"

#include <gtest/gtest.h>

#include <limits>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/fs/os_file_system.h"
#include "platform/sqlite/tests/faulty_disks.h"

namespace insula::sqlite {
namespace {

std::unique_ptr<Database> open_database(FileSystem& fs) {
    auto database = Database::open(fs, "test.db");
    EXPECT_TRUE(database) << database.error().describe();
    return *std::move(database);
}

int64_t number(Database& database, std::string_view sql) {
    auto statement = *database.prepare(sql);
    const auto row = statement.step();
    EXPECT_TRUE(row && *row) << sql;
    return statement.int64(0);
}

// One row of `bytes` bytes in a transaction of its own.
Status insert_row(Database& database, int64_t id, size_t bytes) {
    ASSIGN_OR_RETURN(auto transaction, Transaction::begin(database));
    {
        ASSIGN_OR_RETURN(auto insert, database.prepare("INSERT INTO t VALUES (?, ?)"));
        RETURN_IF_ERROR(insert.bind(id, std::string(bytes, 'x')).run());
    }
    return transaction.commit();
}

TEST(Database, ValuesComeBackAsTheyWereBound) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE v (a, b, c, d, e, f, g, h, i)"));
    const std::string blob("\0\xff\x80", 3);
    ASSERT_TRUE(database->prepare("INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
                    ->bind(std::numeric_limits<int64_t>::min(), UINT64_MAX, true,
                           std::string_view("k\0se", 4), std::string_view(), as_bytes(blob),
                           Bytes(), nullptr, std::optional<int>())
                    .run());
    auto row = *database->prepare("SELECT a, b, c, d, e, f, g, h, i FROM v");
    ASSERT_TRUE(*row.step());
    EXPECT_EQ(row.int64(0), std::numeric_limits<int64_t>::min());
    EXPECT_EQ(row.uint64(1), UINT64_MAX);
    EXPECT_TRUE(row.boolean(2));
    EXPECT_EQ(row.text(3), std::string_view("k\0se", 4));
    EXPECT_EQ(row.text(4), "");
    EXPECT_FALSE(row.is_null(4)) << "an empty text is no NULL";
    EXPECT_EQ(as_text(row.blob(5)), blob);
    EXPECT_TRUE(row.blob(6).empty());
    EXPECT_FALSE(row.is_null(6)) << "an empty blob is no NULL";
    EXPECT_TRUE(row.is_null(7));
    EXPECT_TRUE(row.is_null(8));
    EXPECT_FALSE(*row.step());
}

TEST(Database, ATransactionIsRolledBackUnlessCommitted) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE t (a)"));
    {
        auto transaction = *Transaction::begin(*database);
        ASSERT_TRUE(database->exec("INSERT INTO t VALUES (1)"));
    }
    EXPECT_EQ(number(*database, "SELECT count(*) FROM t"), 0);
    {
        auto transaction = *Transaction::begin(*database);
        ASSERT_TRUE(database->exec("INSERT INTO t VALUES (1)"));
        EXPECT_FALSE(Transaction::begin(*database)) << "one at a time";
        ASSERT_TRUE(transaction.commit());
    }
    EXPECT_EQ(number(*database, "SELECT count(*) FROM t"), 1);
}

TEST(Database, ContentIsThereAfterClosingAndOpening) {
    CrashFileSystem fs;
    {
        const auto database = open_database(fs);
        ASSERT_TRUE(database->exec("CREATE TABLE t (a); INSERT INTO t VALUES (7)"));
        ASSERT_TRUE(database->close());
        ASSERT_TRUE(database->close()) << "idempotent";
    }
    EXPECT_FALSE(*fs.exists("test.db-wal")) << "a clean close leaves one file";
    EXPECT_EQ(number(*open_database(fs), "SELECT a FROM t"), 7);
}

TEST(Database, WorksOnTheOperatingSystem) {
    OsFileSystem fs;
    const std::string path = ::testing::TempDir() + "insula_database_test.db";
    static_cast<void>(fs.remove(path));  // of an earlier run
    {
        auto database = *Database::open(fs, path);
        ASSERT_TRUE(database->exec("CREATE TABLE t (a); INSERT INTO t VALUES (7)"));
        ASSERT_TRUE(*fs.exists(path + "-wal"));
        ASSERT_FALSE(*fs.exists(path + "-shm")) << "no shared memory";
    }
    auto database = *Database::open(fs, path);
    EXPECT_EQ(number(*database, "SELECT a FROM t"), 7);
    ASSERT_TRUE(database->close());
    ASSERT_TRUE(fs.remove(path));
}

TEST(Database, RunsWithFullSyncAndForeignKeys) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    EXPECT_EQ(number(*database, "PRAGMA synchronous"), 2);
    EXPECT_EQ(number(*database, "PRAGMA foreign_keys"), 1);
    EXPECT_EQ((*database->prepare("PRAGMA journal_mode")).step().value(), true);
}

TEST(Statement, AWrongNumberOfValuesIsAnError) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    auto statement = *database->prepare("SELECT ?, ?");
    EXPECT_EQ(statement.bind(1).step().error().code(), Code::internal);
    EXPECT_EQ(statement.bind(1, 2, 3).step().error().code(), Code::internal);
    EXPECT_TRUE(statement.bind(1, 2).step());
}

TEST(Statement, ComesFromTheCacheWithoutOldValues) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    {
        auto statement = *database->prepare("SELECT ?");
        ASSERT_TRUE(*statement.bind("old").step());
    }
    auto statement = *database->prepare("SELECT ?");
    auto beside = *database->prepare("SELECT ?");  // the same text while the first is in use
    ASSERT_TRUE(*statement.step());
    EXPECT_TRUE(statement.is_null(0));
    ASSERT_TRUE(*beside.bind(5).step());
    EXPECT_EQ(beside.int64(0), 5);
}

TEST(DatabaseErrors, ConstraintsSayWhichKind) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    ASSERT_TRUE(
        database->exec("CREATE TABLE p (a INTEGER PRIMARY KEY, b UNIQUE, c CHECK (c > 0));"
                       "CREATE TABLE q (a REFERENCES p (a));"
                       "INSERT INTO p VALUES (1, 2, 3)"));
    EXPECT_EQ(database->exec("INSERT INTO p VALUES (1, 5, 5)").error().code(),
              Code::already_exists);
    EXPECT_EQ(database->exec("INSERT INTO p VALUES (5, 2, 5)").error().code(),
              Code::already_exists);
    EXPECT_EQ(database->exec("INSERT INTO p VALUES (5, 5, 0)").error().code(), Code::internal);
    EXPECT_EQ(database->exec("INSERT INTO q VALUES (9)").error().code(), Code::failed_precondition);
}

TEST(DatabaseErrors, TheMessageHidesWhatTheDetailTells) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    const auto failed = database->prepare("SELECT secret FROM nowhere");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Code::internal);
    EXPECT_EQ(failed.error().message().find("nowhere"), std::string_view::npos);
    EXPECT_NE(failed.error().detail().find("no such table: nowhere"), std::string_view::npos);
}

TEST(DatabaseErrors, AnotherKindOfFileIsDataLoss) {
    CrashFileSystem fs;
    ASSERT_TRUE(write_file_durably(fs, "test.db", std::string(8192, 'x')));
    const auto database = Database::open(fs, "test.db");
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code(), Code::data_loss);
}

TEST(DatabaseErrors, ADamagedPageIsDataLoss) {
    CrashFileSystem fs;
    {
        const auto database = open_database(fs);
        ASSERT_TRUE(database->exec("CREATE TABLE t (a, b)"));
        for (int i = 0; i < 20; ++i) ASSERT_TRUE(insert_row(*database, i, 1000));
    }
    {
        auto file = *fs.open("test.db", OpenMode::read_write);
        ASSERT_TRUE(file->write_at(as_bytes(std::string(4096, '\x5a')), 2 * 4096));
    }
    const auto database = open_database(fs);
    auto rows = *database->prepare("SELECT sum(length(b)) FROM t");
    const auto row = rows.step();
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().code(), Code::data_loss);
}

TEST(DatabaseErrors, AMissingDirectoryIsNotFound) {
    CrashFileSystem fs;
    EXPECT_EQ(Database::open(fs, "none/test.db").error().code(), Code::not_found);
}

TEST(DatabaseErrors, AFullDiskIsStorageExhaustedAndPasses) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE t (a, b)"));
    fs.arm({.at_call = 1, .fault = Fault::disk_full, .only = StorageCall::write});
    const auto failed = insert_row(*database, 1, 10);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Code::storage_exhausted);
    EXPECT_EQ(failed.error().reason(), "disk_full");
    ASSERT_TRUE(insert_row(*database, 2, 10)) << "room again";
    EXPECT_EQ(number(*database, "SELECT a FROM t"), 2);
}

TEST(DatabaseErrors, AFailedSyncStopsChangesUntilOpenedAnew) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE t (a, b)"));
    ASSERT_TRUE(insert_row(*database, 1, 10));
    // As the kernel does: the syncs after the failed one succeed, and the data is gone.
    fs.arm({.at_call = 1, .only = StorageCall::sync, .later_syncs_pretend = true});
    ASSERT_FALSE(insert_row(*database, 2, 10));
    for (int i = 3; i < 6; ++i) EXPECT_FALSE(insert_row(*database, i, 10)) << i;
    EXPECT_EQ(number(*database, "SELECT count(*) FROM t"), 1) << "reading goes on";
    EXPECT_FALSE(database->close()) << "the log could not be copied";
    database = open_database(inner);
    ASSERT_TRUE(insert_row(*database, 7, 10));
    for (uint64_t seed = 0; seed < 20; ++seed) {
        const auto found = inner.crash(seed);
        EXPECT_EQ(number(*open_database(*found), "SELECT count(*) FROM t WHERE a IN (1, 7)"), 2)
            << "seed " << seed;
    }
}

TEST(DatabaseLog, IsCopiedBeforeItGrowsLong) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE t (a, b)"));
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(insert_row(*database, i, 200'000));
    const uint64_t bytes = *(*fs.open("test.db-wal", OpenMode::read))->size();
    EXPECT_LE(bytes, 2 * kCheckpointPages * 4096);
    EXPECT_GT(*(*fs.open("test.db", OpenMode::read))->size(), 100u * 100'000);
}

TEST(DatabaseLog, IsCutAfterALargeTransaction) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE t (a, b)"));
    ASSERT_TRUE(insert_row(*database, 1, 2 * kLogBytesKept));
    ASSERT_TRUE(insert_row(*database, 2, 10));
    EXPECT_LE(*(*fs.open("test.db-wal", OpenMode::read))->size(), kLogBytesKept);
}

TEST(DatabaseLog, ThatCannotBeCopiedStopsTheNextTransactionAtItsLimit) {
    CrashFileSystem inner;
    RefusingFileSystem fs(inner, "test.db");
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec("CREATE TABLE t (a, b)"));
    fs.refuses = true;
    ASSERT_TRUE(insert_row(*database, 1, kCheckpointPages * 4096));
    ASSERT_TRUE(insert_row(*database, 2, 10)) << "the log has room: commits are durable in it";
    ASSERT_TRUE(insert_row(*database, 3, kLogPagesMax * 4096));
    const auto refused = insert_row(*database, 4, 10);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "refused") << "the cause, not a generic error";
    fs.refuses = false;
    ASSERT_TRUE(database->checkpoint());
    ASSERT_TRUE(insert_row(*database, 5, 10));
    EXPECT_EQ(number(*database, "SELECT count(*) FROM t"), 4);
}

TEST(DatabaseStatements, AFailedOneOfManyRowsIsUndoneWithinItsTransaction) {
    // Its journal goes beyond what SQLite keeps in memory itself, into a temporary file.
    CrashFileSystem fs;
    const auto database = open_database(fs);
    ASSERT_TRUE(database->exec(
        "CREATE TABLE u (a INTEGER PRIMARY KEY, b, c UNIQUE);"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        " INSERT INTO u SELECT i, hex(zeroblob(500)), i FROM n"));
    auto transaction = *Transaction::begin(*database);
    ASSERT_TRUE(database->exec("INSERT INTO u VALUES (9999, 'kept', -1)"));
    // The last row of the table meets the one that was put there before.
    const auto failed = database->exec(
        "UPDATE u SET b = 'new', c = CASE a WHEN 2000 THEN -1"
        " ELSE c END WHERE a <= 2000");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Code::already_exists);
    ASSERT_TRUE(transaction.commit());
    EXPECT_EQ(number(*database, "SELECT count(*) FROM u WHERE b = 'new'"), 0);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM u WHERE b = 'kept'"), 1);
    auto check = *database->prepare("PRAGMA integrity_check");
    ASSERT_TRUE(*check.step());
    EXPECT_EQ(check.text(0), "ok");
}

}  // namespace
}  // namespace insula::sqlite
