// Parquet files as other programs write them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "duckdb.h"

namespace insula::engine::test {

// A Parquet file as another program would write it: the rows of `select`.
inline std::string foreign_parquet(const std::string& select, const std::string& options = "") {
    static std::atomic<int> count = 0;
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() /
        ("engine-test-" + std::to_string(getpid()) + "-" + std::to_string(++count) + ".parquet");
    duckdb_database database;
    duckdb_connection connection;
    EXPECT_EQ(duckdb_open(nullptr, &database), DuckDBSuccess);
    EXPECT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
    duckdb_result result;
    const std::string sql =
        "COPY (" + select + ") TO '" + path.string() + "' (FORMAT parquet" + options + ")";
    EXPECT_EQ(duckdb_query(connection, sql.c_str(), &result), DuckDBSuccess)
        << duckdb_result_error(&result);
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    std::filesystem::remove(path);
    return content.str();
}

// A file whose column x is marked as JSON and holds text that is none.
inline std::string parquet_with_bad_json() {
    std::string content = foreign_parquet("SELECT '[1234567]'::JSON AS x",
                                          ", COMPRESSION uncompressed, WRITE_BLOOM_FILTER false");
    for (size_t at = content.find("[1234567]"); at != std::string::npos;
         at = content.find("[1234567]")) {
        content.replace(at, 9, "no \"JSON\"");
    }
    return content;
}

}  // namespace insula::engine::test
