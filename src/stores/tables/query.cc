#include "stores/tables/query.h"

#include <algorithm>
#include <unordered_set>

namespace insula::tables {

namespace {

std::vector<SourceInput> inputs_of(const std::vector<SourceView>& views) {
    std::vector<SourceInput> inputs;
    inputs.reserve(views.size());
    for (const SourceView& view : views) {
        inputs.push_back({.source_id = view.source_id,
                          .schema = view.schema.get(),
                          .chunks = view.chunks,
                          .files = *view.files,
                          .chunk_zones = view.chunk_zones});
    }
    return inputs;
}

constexpr size_t kNamesBytesMax = 300;  // of sources in a message

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

}  // namespace

QueryRun::QueryRun(std::atomic<uint64_t>& running, Clock& clock)
    : running_(running), clock_(clock), started_(clock.steady_now()) {}

QueryRun::~QueryRun() { running_.fetch_sub(1); }

Result<bool> QueryRun::next(std::string& out, size_t bytes_wanted) {
    if (ended_) return false;
    if (!begun_) {
        const size_t before = out.size();
        render_begin(out);
        begun_ = true;
        bytes_wanted += out.size() - before;  // an opening without a row is not worth sending
    }
    engine::ResultBatch batch;
    while (stream_ && out.size() < bytes_wanted) {
        const Result<bool> more = stream_->next(batch);
        if (!more) {
            ended_ = true;
            return fail(error_of_files(more.error()));
        }
        if (!*more) break;
        rows_returned_ += batch.rows;
        if (const Status rendered = render(batch, out); !rendered) {
            ended_ = true;
            return fail(rendered.error());
        }
    }
    if (stream_ && out.size() >= bytes_wanted) return true;
    render_end(out);
    ended_ = true;
    return false;
}

// The engine cannot say which foreign file it found damaged; ours are checked before it sees them.
Error QueryRun::error_of_files(const Error& error) const {
    if (error.reason() != "malformed_parquet" || attached_.empty()) return error;
    std::string names;
    for (const std::string& name : attached_) {
        if (names.size() > kNamesBytesMax) {
            names += ", …";
            break;
        }
        names.append(names.empty() ? "\"" : ", \"").append(name).append("\"");
    }
    return Error(Code::failed_precondition, "attachment_unreadable",
                 "A Parquet file that is attached to " +
                     std::string(attached_.size() == 1 ? "the source " : "one of the sources ") +
                     names + " is damaged.")
        .with_hint(
            "Check the files with another Parquet reader and write them again. Until then "
            "name the other sources in \"sources\".")
        .with_detail(error.describe());
}

RequestStats QueryRun::stats() const {
    RequestStats stats{.files_read = pruned_.files_read, .files_skipped = pruned_.files_skipped};
    if (stream_) {
        const engine::ScanCost cost = stream_->cost();
        stats.rows_scanned = cost.rows;
        stats.bytes_scanned = cost.bytes;
    }
    stats.rows_returned = rows_returned_;
    stats.elapsed_ms =
        std::chrono::duration<double, std::milli>(clock_.steady_now() - started_).count();
    return stats;
}

void QueryRun::render_begin(std::string& out) {
    std::visit([&](auto& renderer) { renderer.begin(out); }, *renderer_);
}

Status QueryRun::render(const engine::ResultBatch& batch, std::string& out) {
    return std::visit(
        Overloaded{[&](SearchRenderer& renderer) { return renderer.append(batch, out); },
                   [&](auto& renderer) -> Status {
                       renderer.append(batch, out);
                       return {};
                   }},
        *renderer_);
}

void QueryRun::render_end(std::string& out) {
    std::visit(Overloaded{[](CsvRenderer&) {},  // its cost goes into trailers
                          [&](auto& renderer) { renderer.end(stats(), out); }},
               *renderer_);
}

Result<std::unique_ptr<QueryRun>> Queries::begin(Pace pace) {
    std::atomic<uint64_t>& running = pace == Pace::stream ? streams_ : pages_;
    if (running.fetch_add(1) >= streams_max_ && pace == Pace::stream) {
        running.fetch_sub(1);
        return fail(Error(Code::resource_exhausted, "too_many_streams",
                          "More streams are open than the server allows (" +
                              std::to_string(streams_max_) + ").")
                        .with_hint("Retry after a moment, or ask for pages: /data/search."));
    }
    return std::unique_ptr<QueryRun>(new QueryRun(running, store_.services().clock));
}

Result<std::vector<SourceView>> Queries::pin(const tenancy::RequestContext& context,
                                             const std::vector<std::string>& source_ids,
                                             QueryRun& run) const {
    std::vector<std::shared_ptr<Source>> sources;
    if (source_ids.empty()) {
        ASSIGN_OR_RETURN(sources, store_.list_permitted(context));
        if (sources.size() > kRequestSourcesMax) {
            return fail(invalid_argument("too_many_sources",
                                         "The tenant has " + std::to_string(sources.size()) +
                                             " sources; one request covers at most " +
                                             std::to_string(kRequestSourcesMax) + ".")
                            .with_hint("Name the sources that are meant in \"sources\"."));
        }
    }
    std::unordered_set<std::string_view> named;
    for (const std::string& id : source_ids) {
        if (!named.insert(id).second) continue;
        // Before it is looked for: what may not be read is not told from what is not there.
        RETURN_IF_ERROR(context.authorise(context.action, "source/" + id));
        ASSIGN_OR_RETURN(auto source, store_.find(context.tenant, id));
        sources.push_back(std::move(source));
    }
    for (const auto& source : sources) {
        RETURN_IF_ERROR(source->refresh(context.deadline, context.cancel));
        if (source->attached()) run.attached_.push_back(source->id());
    }
    return Source::pin(store_.services(), sources);
}

Status Queries::execute(const tenancy::RequestContext& context, engine::Query query,
                        QueryRun& run) {
    Services& services = store_.services();
    const uint64_t memory_max =
        services.limits_of(context.tenant)->query_memory_bytes.value_or(UINT64_MAX);
    ASSIGN_OR_RETURN(const auto engine, services.engines.acquire(context.tenant, memory_max));
    auto stream = engine->query(std::move(query), context.deadline, context.cancel);
    if (!stream) return fail(run.error_of_files(stream.error()));
    run.stream_ = *std::move(stream);
    return {};
}

Result<std::unique_ptr<QueryRun>> Queries::search(const tenancy::RequestContext& context,
                                                  const SearchRequest& request, OutputFormat format,
                                                  Pace pace) {
    ASSIGN_OR_RETURN(auto run, begin(pace));
    ASSIGN_OR_RETURN(const std::vector<SourceView> views, pin(context, request.sources, *run));
    SearchPlan plan;
    if (!views.empty()) {
        ASSIGN_OR_RETURN(plan, plan_search(request, inputs_of(views)));
    }
    run->pruned_ = plan.pruned;
    if (format == OutputFormat::csv) {
        run->renderer_.emplace(std::in_place_type<CsvRenderer>, plan.render);
    } else {
        run->renderer_.emplace(
            std::in_place_type<SearchRenderer>, plan.render,
            format == OutputFormat::json ? RecordFormat::envelope : RecordFormat::lines);
    }
    if (!views.empty()) RETURN_IF_ERROR(execute(context, std::move(plan.query), *run));
    return run;
}

Result<std::unique_ptr<QueryRun>> Queries::aggregate(const tenancy::RequestContext& context,
                                                     const AggregateRequest& request,
                                                     OutputFormat format, Pace pace) {
    ASSIGN_OR_RETURN(auto run, begin(pace));
    ASSIGN_OR_RETURN(const std::vector<SourceView> views, pin(context, request.sources, *run));
    auto planned = plan_aggregate(request, inputs_of(views));
    // A tenant without a source has no columns either: what asks for one has no answer yet, and
    // is not wrong; a count is 0.
    const bool nothing_there = views.empty() && !planned;
    if (!planned && !nothing_there) return fail(planned.error());
    AggregatePlan plan = nothing_there ? AggregatePlan{} : *std::move(planned);
    run->pruned_ = plan.pruned;
    if (format == OutputFormat::csv) {
        run->renderer_.emplace(std::in_place_type<CsvRenderer>, plan.render);
    } else {
        run->renderer_.emplace(std::in_place_type<AggregateRenderer>, plan.render);
    }
    if (!nothing_there) RETURN_IF_ERROR(execute(context, std::move(plan.query), *run));
    return run;
}

}  // namespace insula::tables
