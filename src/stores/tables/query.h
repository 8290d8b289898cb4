// Searches and aggregates over pinned views: from a parsed request to rendered text, batch by
// batch. Blocking: called on worker threads. Queries is thread-safe; a QueryRun is used by one
// thread at a time.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "core/tenancy/request_context.h"
#include "platform/engine/engine.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/planner/request.h"
#include "stores/tables/render/aggregate_renderer.h"
#include "stores/tables/render/csv_renderer.h"
#include "stores/tables/render/search_renderer.h"
#include "stores/tables/table_store.h"

namespace insula::tables {

enum class OutputFormat : uint8_t { json, ndjson, csv };

// Who waits for whom while a query runs.
enum class Pace : uint8_t {
    page,    // it is read to its end at once
    stream,  // it waits between two pieces until its client has taken the first
};

// One query under way. Holds the rows and files that it was pinned on, and counts as running, until
// destroyed.
class QueryRun {
  public:
    using Renderer = std::variant<SearchRenderer, AggregateRenderer, CsvRenderer>;
    ~QueryRun();
    QueryRun(const QueryRun&) = delete;
    QueryRun& operator=(const QueryRun&) = delete;

    // Appends rendered text to `out` until it holds `bytes_wanted` or the answer is complete; false
    // once it is. After an error nothing more comes; what was appended before it may be part of a
    // record's list.
    Result<bool> next(std::string& out, size_t bytes_wanted);

    // Complete once next() has returned false.
    RequestStats stats() const;

  private:
    friend class Queries;
    QueryRun(std::atomic<uint64_t>& running, Clock& clock);
    void render_begin(std::string& out);
    Status render(const engine::ResultBatch& batch, std::string& out);
    void render_end(std::string& out);
    Error error_of_files(const Error& error) const;

    std::atomic<uint64_t>& running_;  // pages or streams
    Clock& clock_;
    const SteadyTime started_;
    PruneStats pruned_;
    std::vector<std::string> attached_;  // sources of the query that show attached files
    std::optional<Renderer> renderer_;
    std::unique_ptr<engine::ResultStream> stream_;  // null where there is nothing to read
    uint64_t rows_returned_ = 0;
    bool begun_ = false;
    bool ended_ = false;
};

class Queries {
  public:
    // `streams_max` streams at once; one more is resource_exhausted "too_many_streams". Pages are
    // bounded by the threads that read them. The store must outlive all runs.
    Queries(TableStore& store, size_t streams_max) : store_(store), streams_max_(streams_max) {}

    // The request's sources (all of the tenant's if it names none) are pinned at one journal
    // position.
    Result<std::unique_ptr<QueryRun>> search(const tenancy::RequestContext& context,
                                             const SearchRequest& request, OutputFormat format,
                                             Pace pace);
    Result<std::unique_ptr<QueryRun>> aggregate(const tenancy::RequestContext& context,
                                                const AggregateRequest& request,
                                                OutputFormat format, Pace pace);
    uint64_t running() const { return pages_.load() + streams_.load(); }

  private:
    Result<std::unique_ptr<QueryRun>> begin(Pace pace);
    Result<std::vector<SourceView>> pin(const tenancy::RequestContext& context,
                                        const std::vector<std::string>& source_ids,
                                        QueryRun& run) const;
    Status execute(const tenancy::RequestContext& context, engine::Query query, QueryRun& run);

    TableStore& store_;
    const size_t streams_max_;
    std::atomic<uint64_t> pages_{0};
    std::atomic<uint64_t> streams_{0};
};

}  // namespace insula::tables
