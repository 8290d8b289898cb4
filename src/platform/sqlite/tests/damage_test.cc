// Damage of a database that lies on the disk: found, and never read as something else.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/os_file_system.h"
#include "platform/fs/tests/temporary_directory.h"
#include "platform/runtime/random.h"
#include "platform/sqlite/database.h"
#include "platform/sqlite/log_check.h"
#include "platform/sqlite/page_checksum.h"

namespace insula::sqlite {
namespace {

constexpr std::string_view kPath = "test.db";
constexpr std::string_view kLog = "test.db-wal";

std::string content_of(FileSystem& fs, std::string_view path) {
    auto content = read_file(fs, path, 64 * kMiB);
    EXPECT_TRUE(content.has_value()) << path;
    return content ? *std::move(content) : std::string();
}

void set_content(FileSystem& fs, std::string_view path, std::string_view content) {
    auto file = fs.open(path, OpenMode::create_or_open);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->truncate(content.size()).has_value());
    ASSERT_TRUE((*file)->write_at(as_bytes(content), 0).has_value());
    ASSERT_TRUE((*file)->sync_data().has_value());
    ASSERT_TRUE(fs.sync_directory(parent_path(path)).has_value());
}

Status insert(Database& database, int64_t id) {
    ASSIGN_OR_RETURN(auto transaction, Transaction::begin(database));
    {
        ASSIGN_OR_RETURN(auto row, database.prepare("INSERT INTO t VALUES (?, ?)"));
        RETURN_IF_ERROR(row.bind(id, std::string(2500, static_cast<char>('a' + id % 26))).run());
    }
    return transaction.commit();
}

// `rows` rows, a commit each.
void fill(FileSystem& fs, int64_t rows, bool close) {
    auto database = Database::open(fs, std::string(kPath));
    ASSERT_TRUE(database.has_value()) << database.error().describe();
    ASSERT_TRUE((*database)->exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x)").has_value());
    for (int64_t id = 1; id <= rows; ++id) ASSERT_TRUE(insert(**database, id).has_value());
    if (close) {
        ASSERT_TRUE((*database)->close().has_value());
    }
}

// How many whole and right rows there are; everything is read.
Result<int64_t> read_all(FileSystem& fs) {
    ASSIGN_OR_RETURN(const auto database, Database::open(fs, std::string(kPath)));
    ASSIGN_OR_RETURN(auto rows, database->prepare("SELECT id, x FROM t ORDER BY id"));
    for (int64_t id = 1;; ++id) {
        ASSIGN_OR_RETURN(const bool any, rows.step());
        if (!any) return id - 1;
        if (rows.int64(0) != id ||
            rows.text(1) != std::string(2500, static_cast<char>('a' + id % 26))) {
            return fail(internal_error(fmt::format("row {} is wrong", id)));
        }
    }
}

// The disk of a process that was killed, its log full of commits.
std::unique_ptr<CrashFileSystem> killed_with_a_log(int64_t rows) {
    CrashFileSystem fs;
    std::unique_ptr<CrashFileSystem> killed;
    {
        auto database = Database::open(fs, std::string(kPath));
        EXPECT_TRUE((*database)->exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x)").has_value());
        for (int64_t id = 1; id <= rows; ++id) EXPECT_TRUE(insert(**database, id).has_value());
        killed = fs.crash(1);
    }
    return killed;
}

TEST(DatabaseDamage, AFlippedBitAnywhereInAPageIsFoundWhenItIsRead) {
    CrashFileSystem fs;
    fill(fs, 40, /*close=*/true);
    const std::string whole = content_of(fs, kPath);
    ASSERT_GT(whole.size(), 20 * kPageBytes);
    SeededRandom random(1);
    for (int i = 0; i < 400; ++i) {
        std::string content = whole;
        // The file's header and its pages' ends are where most goes wrong.
        const uint64_t at = i < 100      ? static_cast<uint64_t>(i)
                            : i % 4 == 0 ? random.below(whole.size() / kPageBytes) * kPageBytes +
                                               kPageBytes - 1 - random.below(8)
                                         : random.below(whole.size());
        content[at] = static_cast<char>(content[at] ^ (1 << random.below(8)));
        set_content(fs, kPath, content);
        const auto rows = read_all(fs);
        ASSERT_FALSE(rows.has_value()) << "a flip at " << at << " is not seen";
        ASSERT_EQ(rows.error().code(), Code::data_loss) << at << ": " << rows.error().describe();
        set_content(fs, kPath, whole);
    }
    EXPECT_EQ(*read_all(fs), 40);
}

TEST(DatabaseDamage, APageInAnotherOnesPlaceIsFound) {
    CrashFileSystem fs;
    fill(fs, 40, /*close=*/true);
    std::string content = content_of(fs, kPath);
    std::string page = content.substr(10 * kPageBytes, kPageBytes);
    content.replace(10 * kPageBytes, kPageBytes, content, 12 * kPageBytes, kPageBytes);
    content.replace(12 * kPageBytes, kPageBytes, page);
    set_content(fs, kPath, content);
    const auto rows = read_all(fs);
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::data_loss);
    EXPECT_NE(rows.error().detail().find("offset 40960"), std::string_view::npos)
        << rows.error().describe();
}

TEST(DatabaseDamage, AFlippedBitInTheLogBeforeALaterCommitIsFound) {
    constexpr int64_t kRows = 12;
    const auto disk = killed_with_a_log(kRows);
    const std::string whole = content_of(*disk, kLog);
    ASSERT_EQ(*read_all(*disk->crash(0)), kRows);
    constexpr uint64_t kFrame = 24 + kPageBytes;
    // What the last transaction took is told by where the log without it ends.
    const uint64_t last = content_of(*killed_with_a_log(kRows - 1), kLog).size();
    SeededRandom random(2);
    uint64_t cut = 0;
    for (int i = 0; i < 500; ++i) {
        uint64_t at = random.below(whole.size());
        if (i < 56) at = static_cast<uint64_t>(i);  // the header, the first frame's
        if (i % 3 == 1) at = 32 + random.below(whole.size() / kFrame) * kFrame + random.below(24);
        std::string content = whole;
        content[at] = static_cast<char>(content[at] ^ (1 << random.below(8)));
        set_content(*disk, kLog, content);
        const auto rows = read_all(*disk->crash(0));
        if (rows.has_value()) {
            // In the last transaction it looks torn.
            ASSERT_TRUE(at >= last && *rows == kRows - 1)
                << "a flip at " << at << " leaves " << *rows << " rows";
            ++cut;
            continue;
        }
        ASSERT_EQ(rows.error().code(), Code::data_loss) << rows.error().describe();
        ASSERT_NE(rows.error().detail().find("offset"), std::string_view::npos);
    }
    EXPECT_GT(cut, 10u);
}

TEST(DatabaseDamage, TornEndsOfTheLogAreNoDamage) {
    const auto disk = killed_with_a_log(6);
    const std::string whole = content_of(*disk, kLog);
    const uint64_t last = content_of(*killed_with_a_log(5), kLog).size();
    for (uint64_t sector = last / 512; sector < whole.size() / 512; ++sector) {
        std::string content = whole;
        const uint64_t from = std::max(sector * 512, last);
        std::fill(content.begin() + static_cast<ptrdiff_t>(from),
                  content.begin() + static_cast<ptrdiff_t>((sector + 1) * 512), '\0');
        set_content(*disk, kLog, content);
        const auto rows = read_all(*disk->crash(0));
        ASSERT_TRUE(rows.has_value()) << "sector " << sector << ": " << rows.error().describe();
        ASSERT_EQ(*rows, content == whole ? 6 : 5);
    }
    for (uint64_t size = last; size < whole.size(); size += 97) {
        set_content(*disk, kLog, whole.substr(0, size));
        ASSERT_EQ(*read_all(*disk->crash(0)), 5) << size;
    }
}

// As SQLite makes it by itself, and as this program did before pages had checksums.
std::string unsealed_database(int64_t rows) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/plain.db";
    sqlite3* plain = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &plain), SQLITE_OK);
    const std::string sql = fmt::format(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x);"
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {})"
        "INSERT INTO t SELECT id, replace(printf('%2500s', ''), ' ', char(97 + id % 26)) FROM n",
        rows);
    EXPECT_EQ(sqlite3_exec(plain, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_close(plain), SQLITE_OK);
    OsFileSystem fs;
    return content_of(fs, path);
}

TEST(DatabaseDamage, ADatabaseWithoutChecksumsGetsThemWhenItIsOpened) {
    CrashFileSystem fs;
    set_content(fs, kPath, unsealed_database(20));
    EXPECT_EQ(form_of(as_bytes(content_of(fs, kPath)).first(kPageBytes)), FileForm::unsealed);
    const auto rows = read_all(fs);
    ASSERT_TRUE(rows.has_value()) << rows.error().describe();
    EXPECT_EQ(*rows, 20);
    const std::string content = content_of(fs, kPath);
    for (uint64_t page = 0; page < content.size() / kPageBytes; ++page) {
        EXPECT_TRUE(page_is_sound(as_bytes(content).subspan(page * kPageBytes, kPageBytes), page))
            << page;
    }
    EXPECT_EQ(fs.list(".")->size(), 1u) << "nothing is left beside it";
}

TEST(DatabaseDamage, APowerCutWhilePagesGetTheirChecksumsLosesNothing) {
    CrashFileSystem base;
    set_content(base, kPath, unsealed_database(20));
    for (uint64_t at = 1;; ++at) {
        auto disk = base.crash(at);
        disk->set_power_cut({.at_sync = at, .after_effect = at % 2 == 0});
        static_cast<void>(read_all(*disk));  // may fail: the power goes
        const bool whole = !disk->powered_off();
        disk = disk->crash(at);
        const auto rows = read_all(*disk);
        ASSERT_TRUE(rows.has_value()) << "cut at " << at << ": " << rows.error().describe();
        ASSERT_EQ(*rows, 20) << "cut at " << at;
        if (!whole) continue;
        EXPECT_GT(at, 4u);
        return;
    }
}

TEST(DatabaseDamage, WhatSaysItHasNoChecksumsAndHasThemIsDamaged) {
    CrashFileSystem fs;
    fill(fs, 3, /*close=*/true);
    std::string content = content_of(fs, kPath);
    content[20] ^= 8;
    set_content(fs, kPath, content);
    const auto rows = read_all(fs);
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().code(), Code::data_loss);
}

}  // namespace
}  // namespace insula::sqlite
