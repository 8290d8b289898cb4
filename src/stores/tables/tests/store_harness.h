// TestNode: the storage core of a node (catalog, journal, tables, engine) over any FileSystem,
// without network and, unless asked for, without threads: nothing happens but what a test calls.
// Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stores/tables/table_store.h"
#include "stores/tables/tests/documents.h"
#include "stores/tables/tests/planted_store_fault.h"

namespace insula::tables::durability {

inline constexpr std::string_view kDataDirectory = "data";

struct NodeSettings {
    TableLimits limits;
    journal::Options journal;
    uint64_t memtable_budget = 256ull << 20;
    StoreFault fault = StoreFault::none;
    bool background = false;  // flushes in a thread, as in the product
    bool replay = true;       // false: open() leaves replay() to the test
    // Null: those that all nodes share. A test whose queries keep what they read by the files' ids,
    // which are unique only within one data directory, brings its own.
    EngineHost* engines = nullptr;
    // Puts something between the store and the catalog; null: nothing.
    std::function<std::unique_ptr<catalog::Catalog>(std::unique_ptr<catalog::Catalog>)>
        wrap_catalog{};
};
// Tiny segments and records; the journal in manual mode.
NodeSettings small_settings();

struct FoundRow {
    uint64_t row_id = 0;
    Leaves leaves;
};
struct FoundSource {
    std::string source_id;
    std::vector<FoundRow> rows;
};

class TestNode {
  public:
    // As a server starts: what is half done is cleaned up, the journal replayed, a new stream
    // begun.
    static Result<std::unique_ptr<TestNode>> open(FileSystem& fs, Clock& clock,
                                                  const NodeSettings& settings);
    ~TestNode();  // without a clean stop

    static TenantId tenant();
    TableStore& store() { return *store_; }
    journal::Journal& journal() { return *journal_; }
    catalog::Catalog& catalog() { return *catalog_; }

    // Writes documents to a source, which is created if there is none; durable only once
    // outcome.lsn is.
    Result<WriteOutcome> write(std::string_view source_id, std::string body,
                               std::optional<RecordIdempotency> key = std::nullopt);
    Result<bool> flush(std::string_view source_id);
    // All rows that a query would see now, by source.
    Result<std::vector<FoundSource>> read_all();
    // What is wrong with the files below blob/ and tmp/, if anything: one that nothing names, one
    // that is named and missing.
    Result<std::optional<std::string>> wrong_files();
    // A clean stop.
    Status close();

  private:
    TestNode(FileSystem& fs, Clock& clock, const NodeSettings& settings);
    Status start();
    Result<std::vector<std::string>> files_below(const std::string& directory);

    const NodeSettings settings_;
    const std::unique_ptr<FileSystem> wrapped_;  // with the fault that is planted
    FileSystem& fs_;
    Clock& clock_;
    MemoryBudget memtables_;
    OpenFiles open_files_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<Services> services_;
    std::unique_ptr<TableStore> store_;
    std::unique_ptr<journal::Journal> journal_;
};

// The engines of all nodes of this process: opening one costs more than a whole test run.
EngineHost& shared_engines();

// The rows of a view, checked: every column of a chunk or file is one that the schema knows, of a
// type that it can be read as.
Result<std::vector<FoundRow>> read_rows(const SourceView& view);

}  // namespace insula::tables::durability
