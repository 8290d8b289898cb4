// RestApi: the REST door to the tables of a node. One pipeline for all routes: match, admit by the
// gate, run, answer errors in one shape, log and count. Called on I/O threads; everything that may
// block runs on `workers` or `query_workers`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/audit/audit_trail.h"
#include "core/tenancy/gate.h"
#include "core/tenancy/logins.h"
#include "frontends/rest/cors.h"
#include "frontends/rest/routes.h"
#include "platform/fs/disk_reserve.h"
#include "platform/net/exchange.h"
#include "platform/net/http_server.h"
#include "platform/net/task.h"
#include "platform/runtime/memory_budget.h"
#include "platform/runtime/metrics.h"
#include "platform/runtime/random.h"
#include "platform/runtime/thread_pool.h"
#include "stores/tables/query.h"
#include "stores/tables/table_store.h"

namespace insula::rest {

struct RestOptions {
    uint64_t body_bytes_max = 256ull << 20;
    std::chrono::milliseconds request_deadline{60'000};
    std::chrono::milliseconds stream_deadline{
        600'000};  // also bounded by what a pinned file is kept
    bool metrics_enabled = true;
    bool access_log = true;  // a line of the log for each request
    CorsOptions cors;
    // Entries of the audit log for changes of data, and for reads. Administration and what is
    // refused have theirs in any case.
    bool audit_changes = true;
    bool audit_reads = false;
    std::vector<std::string> data_roots;  // where sources' data_path may point; empty: nowhere
};

// What reading stored data again in the background has found.
struct ScrubHealth {
    bool on = false;
    WallNanos last_pass_at = 0;  // 0: not all was read yet
    uint64_t damaged_files = 0;
    std::vector<std::string> damage;  // the first of it: "FILE: offset N: what"
};

// Everything outlives the api.
struct RestServices {
    const tenancy::Gate& gate;
    tenancy::Administration& administration;
    tenancy::Logins& logins;
    tenancy::Meters& meters;
    audit::AuditTrail& audit;
    tables::TableStore& tables;
    tables::Queries& queries;
    journal::Journal& journal;
    ThreadPool& workers;        // parsing and writing
    ThreadPool& query_workers;  // searches and aggregates
    MemoryBudget& bodies;       // of requests
    MemoryBudget& answers;      // pages that clients have not taken yet
    DiskReserve& disk;
    metrics::Registry& registry;
    Random& random;
    std::function<bool()> ready;
    std::function<ScrubHealth()> scrub = [] { return ScrubHealth(); };
};

struct WriteRequest;
struct SourceListing;

// What was last asked of a request's rights, for the audit log. The decision's texts are the
// actor's.
struct Judged {
    std::string resource;
    policy::Decision decision;
    // Of a login, whose route is open.
    std::string_view action;
    std::optional<TenantId> tenant;
};

// One request on its way through the pipeline.
struct Call {
    net::Exchange& exchange;
    const Route& route;
    std::vector<std::string> arguments;  // of the path
    tenancy::RequestContext context;
    std::optional<tenancy::Actor> actor;  // of a route that is not open
    uint64_t bytes_counted = 0;           // of the answer, by the tenant's meter
    Judged judged{};
    std::string refusal{};  // the code of the error where it was refused
};

class RestApi {
  public:
    RestApi(RestOptions options, RestServices services);
    ~RestApi();

    net::Task<void> handle(net::Exchange& exchange);
    // The answer that the HTTP server gives where no handler does; logged as requests are.
    net::ErrorAnswer answer_error(const net::FailedRequest& failed);

    // Handlers of the route table.
    net::Task<void> health(Call& call);
    net::Task<void> openapi(Call& call);
    net::Task<void> docs(Call& call);
    net::Task<void> login(Call& call);
    net::Task<void> health_details(Call& call);
    net::Task<void> metrics(Call& call);
    net::Task<void> write(Call& call);
    net::Task<void> search(Call& call);
    net::Task<void> search_stream(Call& call);
    net::Task<void> aggregate(Call& call);
    net::Task<void> add_source(Call& call);
    net::Task<void> list_sources(Call& call);
    net::Task<void> remove_source(Call& call);
    net::Task<void> source_stats(Call& call);
    net::Task<void> tenant_stats(Call& call);
    net::Task<void> heap_profile(Call& call);
    net::Task<void> get_log_level(Call& call);
    net::Task<void> set_log_level(Call& call);
    // Runs the route's operation.
    net::Task<void> administrate(Call& call);

  private:
    struct RouteMetrics;

    void answer_preflight(net::Exchange& exchange, const RouteMatch& match,
                          const std::string& request_id) const;
    net::Task<void> admit_and_run(Call& call);
    static net::Task<void> hold_back(const Error& refusal);
    static net::Task<void> pause(std::chrono::nanoseconds duration);
    static void meter(const Call& call);
    // On a worker: a password takes its time.
    Result<tenancy::IssuedToken> log_in(Call& call, std::string_view body);
    net::Task<Status> admit(Call& call);
    static Status authorise(Call& call, std::string_view action, std::string_view resource);
    net::Task<Status> wait_for_tenant(Call& call);
    // What the audit log says of a request that may be carried out; of one that was refused, or
    // that reads, the log is told after it. In audit.cc.
    static audit::Entry audit_entry(const Call& call);
    void tell_audit(Call& call);
    std::string new_request_id();
    void finish(net::Exchange& exchange, const Route* route,
                const tenancy::RequestContext& context);

    // The body, counted in `memory`.
    net::Task<Result<std::string>> read_body(Call& call, uint64_t bytes_max, MemoryGrant& memory);
    // The same where only JSON will do.
    net::Task<Result<std::string>> read_json(Call& call, uint64_t bytes_max, MemoryGrant& memory);
    net::Task<Result<std::string>> write_rows(Call& call);
    net::Task<Result<tables::WriteOutcome>> apply_somewhere(Call& call, WriteRequest& write);
    net::Task<Result<std::string>> add_source_answer(Call& call);
    Result<std::string> tenant_stats_body(const Call& call) const;

    enum class QueryKind : uint8_t { search, stream, aggregate };
    using RunPtr = std::unique_ptr<tables::QueryRun>;
    // A body in memory, of a query or of an answer that a client may take its time to receive.
    struct Page {
        MemoryGrant memory;
        std::string text;
    };
    // Counts what `page` holds by now.
    Status count_page(Page& page) const;
    // The body of a query, and its deadline.
    net::Task<Result<Page>> read_query(Call& call, QueryKind kind);
    // On a query worker.
    Result<RunPtr> begin_query(const Call& call, std::string_view body, QueryKind kind,
                               tables::OutputFormat format, tables::Pace pace);
    Result<Page> whole_page(tables::QueryRun& run) const;
    Result<Page> sources_page(const tenancy::RequestContext& context, const SourceListing& wanted);
    net::Task<void> answer_page(Call& call, QueryKind kind, tables::OutputFormat format);
    net::Task<void> answer_stream(Call& call, QueryKind kind, tables::OutputFormat format);
    net::Task<void> send_stream(Call& call, tables::QueryRun& run, tables::OutputFormat format);
    net::Task<Result<bool>> next_piece(Call& call, tables::QueryRun& run, std::string& piece,
                                       size_t wanted);
    // Counts a piece of a streamed answer, and waits as long as the tenant's rate asks for.
    static net::Task<void> pace(Call& call, size_t bytes);

    const RestOptions options_;
    const Cors cors_;
    RestServices services_;
    std::unique_ptr<RouteMetrics> route_metrics_;
    const uint64_t request_id_base_;
    std::atomic<uint64_t> next_request_{0};
};

// Answers that most handlers give.
void respond_json(Call& call, std::string body, int status = 200, MemoryGrant memory = {});
// What the tenant is not told, for the operator: failures of the server, not of the request.
void log_failure(const Error& error, std::string_view request_id);
// Answers with what public_error() makes of `failure`.
void respond_error(net::Exchange& exchange, const Error& failure, std::string_view request_id);

}  // namespace insula::rest
