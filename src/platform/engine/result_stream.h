// The engine's side of a ResultStream: runs one statement on a connection of its own (a second
// query on the same connection would end the first one's results early, without an error) on the
// thread that calls next().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "duckdb/common/types/data_chunk.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/main/pending_query_result.hpp"
#include "duckdb/main/query_result.hpp"
#include "duckdb/main/stream_query_result.hpp"
#include "platform/engine/engine_file_system.h"
#include "platform/engine/lent_threads.h"
#include "platform/engine/query_state.h"
#include "platform/engine/stop_watch.h"

namespace insula::engine {

// What a stream needs of its instance; keeps the instance alive.
struct StreamContext {
    std::shared_ptr<Instance> instance;
    duckdb::unique_ptr<duckdb::Connection> connection;
    duckdb::shared_ptr<QueryState> query;
    std::shared_ptr<SpillFiles> spill;
    std::shared_ptr<LentThreads> threads;
    std::shared_ptr<StopWatch> watch;
    // The statement reads a client's file: what is wrong with it is the client's error.
    bool untrusted_input = false;
    // The statement reads files of other programs beside our own: what the engine says about
    // damaged data is about one of them, since ours are checked before the engine sees them.
    bool foreign_files = false;
};

// Turns a failure inside the engine into ours.
Error engine_error(const duckdb::ErrorData& error, const StreamContext& context);

class EngineStream final : public ResultStream {
  public:
    static Result<std::unique_ptr<EngineStream>> start(StreamContext context,
                                                       const std::string& sql,
                                                       std::vector<Value> parameters);
    ~EngineStream() override;

    const std::vector<ResultColumn>& columns() const override { return columns_; }
    Result<bool> next(ResultBatch& batch) override;
    ScanCost cost() const override { return context_.query->cost(); }

  private:
    explicit EngineStream(StreamContext context) : context_(std::move(context)) {}

    Status prepare(const std::string& sql, std::vector<Value> parameters);
    Result<bool> fetch();
    Status run_to_first_result();
    Status run_to_next_chunk();
    Status check_stop();
    Status fail_with(const duckdb::ErrorData& error);
    Status convert(ResultBatch& batch);
    Status convert_column(size_t index, duckdb::Vector*& vector);
    Error timestamp_out_of_range(const std::string& column) const;
    void finish();

    StreamContext context_;
    std::vector<ResultColumn> columns_;
    duckdb::unique_ptr<duckdb::PendingQueryResult> pending_;
    duckdb::unique_ptr<duckdb::QueryResult> result_;
    duckdb::unique_ptr<duckdb::DataChunk> chunk_;
    // Where a column's type in the engine is not its type here: what it is converted to.
    duckdb::vector<duckdb::LogicalType> targets_;
    duckdb::DataChunk converted_;
    bool watched_ = false;
    bool done_ = false;
};

}  // namespace insula::engine
