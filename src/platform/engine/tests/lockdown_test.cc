// SQL is written by us; should a mistake ever let foreign SQL in, these doors are shut as well.
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "platform/engine/tests/fakes.h"

namespace insula::engine::test {
namespace {

using Rows = std::vector<std::string>;

class Lockdown : public EngineTest {};

TEST_F(Lockdown, NothingOutsideOfTheQueryCanBeReached) {
    const auto instance = open();
    const std::string target =
        std::filesystem::temp_directory_path() / ("engine-lockdown-" + std::to_string(getpid()));
    const std::vector<std::string> attacks{
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM read_json('/etc/passwd')",
        "SELECT * FROM read_csv('file:///etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_text('insula://../etc/passwd')",
        "SELECT * FROM read_blob('insula://f/0')",
        "SELECT * FROM read_blob('insula://spill/duckdb_temp_storage_DEFAULT-0.tmp')",
        "SELECT * FROM insula_files(0)",
        "SELECT * FROM insula_chunks(0)",
        "SELECT * FROM insula_chunks(-1)",
        "SELECT * FROM scan_0",
        "SELECT * FROM scan_99999999999999999999",
        "COPY (SELECT 1) TO '" + target + "'",
        "COPY (SELECT 1) TO 'insula://out' (FORMAT csv)",
        "COPY (SELECT 1) TO 'insula://spill/x' (FORMAT csv)",
        "COPY (SELECT 1) TO '/dev/stdout' (FORMAT csv)",
        "EXPORT DATABASE '" + target + "'",
        "ATTACH '" + target + "' AS other",
        "ATTACH 'insula://f/0' AS other",
        "INSTALL httpfs",
        "LOAD '" + target + "'",
        "SET memory_limit = '10GB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA memory_limit = '10GB'",
        "SET temp_directory = '/tmp'",
        "CREATE PERSISTENT SECRET s (TYPE http)",
        "SELECT * FROM enable_logging(storage='file', storage_config={'path': '" + target + "'})",
        "CALL enable_logging(storage='file', storage_config={'path': '" + target + "'})",
        "SELECT * FROM enable_profiling()",
        "PRAGMA enable_profiling = '" + target + "'",
        "SELECT getenv('HOME') FROM read_text('~/.bashrc')",
    };
    for (const std::string& attack : attacks) {
        const auto rows = run(*instance, {.sql = attack});
        EXPECT_TRUE(!rows || rows->empty()) << attack << " gave " << (*rows)[0];
        if (!rows) {
            EXPECT_EQ(rows.error().message().find(target), std::string::npos) << attack;
        }
        EXPECT_FALSE(std::filesystem::exists(target)) << attack;
        ASSERT_EQ(must(*instance, {.sql = "SELECT 41 + 1"}), Rows{"42"}) << "after " << attack;
    }
}

TEST_F(Lockdown, FilesOfOtherQueriesAreNotThere) {
    const auto instance = open();
    Scan scan = counting_scan(100'000);
    scan.files.push_back({FileId{1}, write(*instance, counting_scan(10))});
    auto stream = start(*instance, {.sql = "SELECT x FROM scan_0", .scans = {scan}});
    ResultBatch batch;
    ASSERT_TRUE((*stream)->next(batch).value());
    for (const char* path : {"insula://f/0", "insula://f/1", "insula://out"}) {
        EXPECT_FALSE(
            run(*instance, {.sql = std::string("SELECT * FROM read_parquet('") + path + "')"})
                .has_value());
    }
}

TEST_F(Lockdown, PinnedFilesCannotBeOverwritten) {
    const auto instance = open();
    Scan scan = counting_scan(10);
    const auto file = write(*instance, scan);
    scan.files.push_back({FileId{1}, file});
    const std::string before = file->content();
    for (const char* path : {"insula://f/0", "insula://f/1"}) {
        EXPECT_FALSE(run(*instance,
                         {.sql = std::string("COPY (SELECT 1) TO '") + path + "' (FORMAT parquet)",
                          .scans = {scan}})
                         .has_value());
    }
    EXPECT_EQ(file->content(), before);
}

TEST_F(Lockdown, InstanceOwnsNoThread) {
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
    };
    const auto before = threads();
    const auto instance = open({.parallelism = 8});
    EXPECT_EQ(
        must(*instance, {.sql = "SELECT sum(x) FROM scan_0", .scans = {counting_scan(300'000)}}),
        Rows{"44999850000"});
    // One thread for the whole process looks after deadlines while queries run.
    EXPECT_LE(threads(), before + 1);
    const auto others = {open({.parallelism = 8}), open({.parallelism = 8})};
    for (const auto& other : others) must(*other, {.sql = "SELECT 1"});
    EXPECT_LE(threads(), before + 1);
}

TEST_F(Lockdown, ManyInstancesOpenQuickly) {
    const auto begin = std::clock();
    std::vector<std::shared_ptr<Instance>> instances;
    for (int i = 0; i < 50; ++i) instances.push_back(open({.memory_bytes_max = 32 << 20}));
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
#ifndef INSULA_SANITIZED
    EXPECT_LT(seconds, 50 * 0.015);
#else
    EXPECT_GT(seconds, 0);
#endif
    for (const auto& instance : instances)
        EXPECT_EQ(must(*instance, {.sql = "SELECT 1"}), Rows{"1"});
}

}  // namespace
}  // namespace insula::engine::test
