#include "core/catalog/sqlite/migrations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/catalog/codec.h"
#include "core/catalog/tests/model_catalog.h"
#include "core/catalog/tests/samples.h"
#include "platform/fs/crash_file_system.h"

namespace insula::catalog {
namespace {

constexpr std::string_view kPath = "control.db";

std::unique_ptr<sqlite::Database> open_database(FileSystem& fs) {
    auto database = sqlite::Database::open(fs, std::string(kPath));
    EXPECT_TRUE(database) << database.error().describe();
    return *std::move(database);
}

int64_t number(sqlite::Database& database, std::string_view sql) {
    auto statement = *database.prepare(sql);
    const auto row = statement.step();
    EXPECT_TRUE(row && *row) << sql;
    return statement.int64(0);
}

int64_t version(sqlite::Database& database) {
    if (number(database, "SELECT count(*) FROM sqlite_schema") == 0) return 0;
    return number(database, "SELECT max(version) FROM schema_migrations");
}

int64_t shipped() { return static_cast<int64_t>(catalog_migrations().size()); }

// The steps of today and two of a later release, the second of which rewrites what is there.
std::vector<Migration> later_release() {
    const auto today = catalog_migrations();
    std::vector<Migration> steps(today.begin(), today.end());
    const auto next = static_cast<uint32_t>(steps.size());
    steps.push_back({.version = next + 1,
                     .name = "region of a tenant",
                     .sql = "ALTER TABLE tenants ADD COLUMN region TEXT NOT NULL DEFAULT 'none'"});
    steps.push_back({.version = next + 2,
                     .name = "labels",
                     .sql = "CREATE TABLE labels (label INTEGER PRIMARY KEY) STRICT;"
                            "INSERT INTO labels SELECT created_at FROM tenants;"
                            "UPDATE tenants SET region = slug"});
    return steps;
}

TEST(Migrations, AreNumberedWithoutGaps) {
    uint32_t expected = 0;
    for (const Migration& migration : catalog_migrations()) {
        EXPECT_EQ(migration.version, ++expected);
        EXPECT_FALSE(migration.name.empty());
    }
    EXPECT_GT(expected, 0u);
}

TEST(Migrations, RunOnceEachAndAreRecorded) {
    CrashFileSystem fs;
    {
        const auto database = open_database(fs);
        ASSERT_TRUE(migrate(*database, catalog_migrations(), 11));
        ASSERT_TRUE(migrate(*database, catalog_migrations(), 22));
        EXPECT_EQ(version(*database), static_cast<int64_t>(catalog_migrations().size()));
    }
    const auto database = open_database(fs);
    ASSERT_TRUE(migrate(*database, later_release(), 33));
    EXPECT_EQ(number(*database, "SELECT count(*) FROM schema_migrations WHERE applied_at = 22"), 0);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM schema_migrations WHERE applied_at = 33"), 2);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM labels"), 0);
}

TEST(Migrations, FilesOfTheFirstVersionHaveNoOrigin) {
    CrashFileSystem fs;
    {
        const auto database = open_database(fs);
        ASSERT_TRUE(migrate(*database, catalog_migrations().first(1), 1));
        const TenantId tenant = sample_tenant(1).id;
        const Bytes tenant_bytes = std::as_bytes(std::span(tenant.bytes));
        const DataFile file = sample_file(7);
        const std::string list = encode_text_list({});
        const std::string zones = encode_zones(file.id, file.zones);
        ASSERT_TRUE(database->prepare("INSERT INTO tenants VALUES (?, 'a', '', 1, 0)")
                        ->bind(tenant_bytes)
                        .run());
        ASSERT_TRUE(database
                        ->prepare("INSERT INTO sources VALUES (5, ?, 's', '', '', '', ?, ?, 'zstd',"
                                  " 1, 1, 0, 0, 0, 0, 0, 0, 0)")
                        ->bind(tenant_bytes, as_bytes(list), as_bytes(list))
                        .run());
        ASSERT_TRUE(database->prepare("INSERT INTO files VALUES (7, 5, 1, 7, 2, 9, 0, 0, 0, ?)")
                        ->bind(as_bytes(zones))
                        .run());
    }
    ManualClock clock;
    const auto catalog = open_sqlite_catalog(fs, clock, std::string(kPath));
    ASSERT_TRUE(catalog) << catalog.error().describe();
    const auto sources = (*catalog)->sources(sample_tenant(1).id);
    ASSERT_TRUE(sources) << sources.error().describe();
    ASSERT_EQ(sources->at(0).files.size(), 1u);
    EXPECT_EQ(sources->at(0).files[0].rows, 9u);
    EXPECT_EQ(sources->at(0).files[0].zones, sample_file(7).zones);
    EXPECT_EQ(sources->at(0).files[0].origin, "");
}

TEST(Migrations, ADatabaseOfANewerReleaseIsRefusedAndLeftAsItIs) {
    CrashFileSystem fs;
    {
        const auto database = open_database(fs);
        ASSERT_TRUE(migrate(*database, later_release(), 1));
    }
    ManualClock clock;
    const auto opened = open_sqlite_catalog(fs, clock, std::string(kPath));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::failed_precondition);
    EXPECT_EQ(opened.error().reason(), "catalog_too_new");
    EXPECT_NE(opened.error().message().find(fmt::format("version {}", shipped() + 2)),
              std::string_view::npos);
    EXPECT_NE(opened.error().message().find(fmt::format("up to {}", shipped())),
              std::string_view::npos);
    EXPECT_FALSE(opened.error().hint().empty());
    EXPECT_EQ(version(*open_database(fs)), static_cast<int64_t>(later_release().size()));
}

TEST(Migrations, AnotherProgramsDatabaseIsRefusedAndLeftAsItIs) {
    CrashFileSystem fs;
    ASSERT_TRUE(open_database(fs)->exec("CREATE TABLE theirs (a)"));
    ManualClock clock;
    const auto opened = open_sqlite_catalog(fs, clock, std::string(kPath));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().reason(), "not_a_catalog");
    EXPECT_EQ(number(*open_database(fs), "SELECT count(*) FROM sqlite_schema"), 1);
}

TEST(Migrations, AFailingStepLeavesTheOnesBefore) {
    CrashFileSystem fs;
    const auto database = open_database(fs);
    std::vector<Migration> steps = later_release();
    steps.back().sql = "CREATE TABLE labels (a); INSERT INTO nowhere VALUES (1)";
    const auto failed = migrate(*database, steps, 1);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().detail().find(fmt::format("migration {} (labels)", shipped() + 2)),
              std::string_view::npos);
    EXPECT_EQ(version(*database), shipped() + 1);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'labels'"), 0);
    ASSERT_TRUE(migrate(*database, later_release(), 1));
    EXPECT_EQ(version(*database), shipped() + 2);
}

// At each moment around a sync the power goes; what is left is at one whole version, and the next
// start finishes.
TEST(MigrationsCrash, ANewCatalogIsThereOrNotBegun) {
    CrashFileSystem fs;
    ManualClock clock;
    uint64_t moments = 0;
    fs.set_sync_hook([&](SyncMoment) {
        ++moments;
        for (uint64_t seed = 0; seed < 10; ++seed) {
            const auto found = fs.crash(moments * 100 + seed);
            auto catalog = open_sqlite_catalog(*found, clock, std::string(kPath));
            ASSERT_TRUE(catalog) << moments << "/" << seed << ": " << catalog.error().describe();
            EXPECT_EQ(*describe(**catalog, 0), "");
            EXPECT_TRUE(add_tenant(**catalog, sample_tenant(1)));
        }
    });
    ASSERT_TRUE(open_sqlite_catalog(fs, clock, std::string(kPath)));
    EXPECT_GT(moments, 4u);
    fs.set_sync_hook({});
}

TEST(MigrationsCrash, AnUpgradeIsAtOneWholeVersionAndKeepsWhatIsThere) {
    CrashFileSystem fs;
    ManualClock clock;
    {
        const auto catalog = *open_sqlite_catalog(fs, clock, std::string(kPath));
        for (uint8_t i = 1; i <= 20; ++i) ASSERT_TRUE(add_tenant(*catalog, sample_tenant(i)));
        ASSERT_TRUE(catalog->close());
    }
    const auto steps = later_release();
    uint64_t moments = 0;
    std::set<int64_t> versions;
    fs.set_sync_hook([&](SyncMoment) {
        ++moments;
        for (uint64_t seed = 0; seed < 10; ++seed) {
            const auto found = fs.crash(moments * 100 + seed);
            const auto database = open_database(*found);
            const int64_t at = version(*database);
            versions.insert(at);
            EXPECT_EQ(number(*database, "SELECT count(*) FROM tenants"), 20);
            EXPECT_EQ(number(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'labels'"),
                      at >= shipped() + 2 ? 1 : 0);
            ASSERT_TRUE(migrate(*database, steps, 1)) << moments << "/" << seed;
            EXPECT_EQ(version(*database), shipped() + 2);
            EXPECT_EQ(number(*database, "SELECT count(*) FROM labels"), 20);
            EXPECT_EQ(number(*database, "SELECT count(*) FROM tenants WHERE region = slug"), 20);
        }
    });
    {
        const auto database = open_database(fs);
        ASSERT_TRUE(migrate(*database, steps, 1));
    }
    fs.set_sync_hook({});
    EXPECT_EQ(versions, (std::set<int64_t>{shipped(), shipped() + 1, shipped() + 2}))
        << "each was met";
}

}  // namespace
}  // namespace insula::catalog
