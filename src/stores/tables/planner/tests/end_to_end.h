// Requests through planner, engine and renderer over random rows in chunks and files, to be
// compared with answers that are worked out row by row.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/json/json_value.h"
#include "stores/tables/columns.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/planner/tests/filter_oracle.h"
#include "stores/tables/planner/tests/sample_tables.h"

namespace insula::tables::test {

using json::JsonValue;

class MemoryFile;

// A table with its first rows in files and the others in chunks.
struct Stored {
    Table table;
    std::vector<FileEntry> files;
    std::vector<std::shared_ptr<MemoryFile>> contents;  // beside files
    std::vector<ChunkRows> chunks;
    std::vector<std::shared_ptr<ChunkZones>> chunk_zones;

    std::shared_ptr<const Schema> schema;

    SourceInput input() const {
        return {table.source_id, schema.get(), chunks, files, chunk_zones};
    }
    // As the planner sees them: `_rest` is no column of the schema.
    std::vector<catalog::Column> named() const {
        auto columns = table.columns;
        std::erase_if(columns, [](const auto& column) { return column.id == kRestColumn; });
        return columns;
    }
};

// Of a cell that is not null.
JsonValue cell_json(const Value& cell, ColumnType type);

// A column of each type, and the one of members that fit no column.
std::vector<catalog::Column> with_rest();

// Rows of every type, some with members that fit no column.
Table sample_table(Samples& samples, std::string name, size_t rows);

class EndToEnd : public testing::Test {
  protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite();

    static Stored store(Table table, size_t rows_in_files, size_t rows_a_file);

    // The records, or the results, of an answer. A request that fails fails the test.
    JsonValue search(const std::vector<Stored>& sources, const std::string& request);
    JsonValue aggregate(const std::vector<Stored>& sources, const std::string& request);

    // The record of a row as a search without a projection shows it.
    static JsonValue record(const Stored& stored, const Row& row);
    // Those of all rows for which the filter holds.
    static std::vector<std::string> expected(const std::vector<Stored>& sources,
                                             const Filter& filter);
    // Each record as text, members in the order of their names.
    static std::vector<std::string> lines(const JsonValue& records);
    // The first difference of two answers; empty if there is none.
    static std::string difference(const std::vector<std::string>& got,
                                  const std::vector<std::string>& want);

    uint64_t skipped_ = 0;         // files that the last search left out
    uint64_t chunks_skipped_ = 0;  // and chunks
    bool truncated_ = false;       // the last aggregate

  private:
    using Each = std::function<void(const engine::ResultBatch&)>;
    static void run(engine::Query query, const std::vector<Stored>& sources, const Each& each);
};

}  // namespace insula::tables::test
