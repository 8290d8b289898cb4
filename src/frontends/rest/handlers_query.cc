// POST /data/search, /data/search/stream, /data/aggregate.
#include "frontends/rest/error_response.h"
#include "frontends/rest/public_codes.h"
#include "frontends/rest/rest_api.h"
#include "platform/json/json_value.h"
#include "platform/net/hop.h"

namespace insula::rest {

namespace {

constexpr uint64_t kQueryBodyBytesMax = 4ull << 20;
// A page is put together in memory; what is larger is for the stream.
constexpr size_t kPageBytesMax = 128u << 20;
// A page grows, and is counted, by this much at a time.
constexpr size_t kPagePieceBytes = 1u << 20;
// One piece of a stream: large enough that hops cost nothing, small enough for a flat memory.
constexpr size_t kStreamPieceBytes = 256u << 10;
constexpr size_t kFirstPieceBytes = 1;  // the first rows go out as soon as they are there

std::string_view content_type(tables::OutputFormat format) {
    switch (format) {
        case tables::OutputFormat::json:
            return "application/json";
        case tables::OutputFormat::ndjson:
            return "application/x-ndjson";
        case tables::OutputFormat::csv:
            return "text/csv; charset=utf-8";
    }
    return "application/json";
}

// The first type of Accept that we can give; `preferred` where there is none or any will do.
tables::OutputFormat accepted_format(const net::RequestHead& request,
                                     tables::OutputFormat preferred) {
    std::string_view accept = request.header("accept").value_or("");
    while (!accept.empty()) {
        const size_t comma = std::min(accept.find(','), accept.size());
        std::string_view type = accept.substr(0, comma);
        accept.remove_prefix(std::min(comma + 1, accept.size()));
        type = type.substr(0, type.find(';'));
        const size_t from = type.find_first_not_of(' ');
        if (from == std::string_view::npos) continue;
        type = type.substr(from, type.find_last_not_of(' ') + 1 - from);
        if (net::equal_without_case(type, "application/json")) return tables::OutputFormat::json;
        if (net::equal_without_case(type, "text/csv")) return tables::OutputFormat::csv;
        if (net::equal_without_case(type, "application/x-ndjson") ||
            net::equal_without_case(type, "application/ndjson")) {
            return tables::OutputFormat::ndjson;
        }
    }
    return preferred;
}

std::string milliseconds(double value) {
    std::string text;
    json::JsonWriter writer(text);
    writer.float64(value);
    writer.finish();
    return text;
}

std::vector<net::Header> cost_trailers(const tables::RequestStats& stats) {
    return {{"X-Rows-Returned", std::to_string(stats.rows_returned)},
            {"X-Rows-Scanned", std::to_string(stats.rows_scanned)},
            {"X-Bytes-Scanned", std::to_string(stats.bytes_scanned)},
            {"X-Files-Read", std::to_string(stats.files_read)},
            {"X-Files-Skipped", std::to_string(stats.files_skipped)},
            {"X-Elapsed-Ms", milliseconds(stats.elapsed_ms)}};
}

std::vector<std::string> cost_trailer_names() {
    std::vector<std::string> names;
    for (const net::Header& trailer : cost_trailers({})) names.push_back(trailer.name);
    return names;
}

Error page_too_large() {
    return Error(Code::payload_too_large, "result_too_large",
                 "The page would be larger than " + std::to_string(kPageBytesMax >> 20) + " MiB.")
        .with_hint("Ask for fewer rows or columns, or use /data/search/stream.");
}

}  // namespace

net::Task<Result<RestApi::Page>> RestApi::read_query(Call& call, QueryKind kind) {
    Page body;
    ASSIGN_OR_CO_RETURN(body.text, co_await read_json(call, kQueryBodyBytesMax, body.memory));
    if (body.text.find_first_not_of(" \t\r\n") == std::string::npos) {
        co_return fail(invalid_argument("empty_body", "The body is empty.")
                           .with_hint("A query is a JSON object; {} asks for everything."));
    }
    call.context.deadline = Deadline::after(kind == QueryKind::stream ? options_.stream_deadline
                                                                      : options_.request_deadline);
    call.exchange.cancel_when_gone(call.context.cancel);
    co_return body;
}

Result<RestApi::RunPtr> RestApi::begin_query(const Call& call, std::string_view body,
                                             QueryKind kind, tables::OutputFormat format,
                                             tables::Pace pace) {
    ASSIGN_OR_RETURN(const json::JsonValue value,
                     json::JsonValue::parse(body, {.bytes_max = kQueryBodyBytesMax}));
    if (kind == QueryKind::aggregate) {
        ASSIGN_OR_RETURN(const auto request, tables::parse_aggregate(value));
        return services_.queries.aggregate(call.context, request, format, pace);
    }
    const auto mode =
        kind == QueryKind::stream ? tables::SearchMode::stream : tables::SearchMode::page;
    ASSIGN_OR_RETURN(const auto request, tables::parse_search(value, mode));
    return services_.queries.search(call.context, request, format, pace);
}

Result<RestApi::Page> RestApi::whole_page(tables::QueryRun& run) const {
    Page page;
    for (bool more = true; more;) {
        if (page.text.size() >= kPageBytesMax) return fail(page_too_large());
        const size_t wanted = std::min(page.text.size() + kPagePieceBytes, kPageBytesMax);
        ASSIGN_OR_RETURN(more, run.next(page.text, wanted));
        RETURN_IF_ERROR(count_page(page));
    }
    return page;
}

net::Task<void> RestApi::answer_page(Call& call, QueryKind kind, tables::OutputFormat format) {
    const Result<Page> body = co_await read_query(call, kind);
    if (!body) {
        respond_error(call.exchange, body.error(), call.context.request_id);
        co_return;
    }
    const auto search = call.actor->meter()->begin_search(*call.actor->limits());
    if (!search) {
        respond_error(call.exchange, search.error(), call.context.request_id);
        co_return;
    }
    // In one go: a query that waited for a worker between its start and its end would hold what it
    // was pinned on for nothing.
    Result<Page> page = co_await net::on_pool(services_.query_workers, [&]() -> Result<Page> {
        ASSIGN_OR_RETURN(const RunPtr run,
                         begin_query(call, body->text, kind, format, tables::Pace::page));
        return whole_page(*run);
    });
    if (!page) {
        respond_error(call.exchange, page.error(), call.context.request_id);
        co_return;
    }
    call.exchange.respond({.status = 200,
                           .content_type = std::string(content_type(format)),
                           .headers = {{"X-Request-Id", call.context.request_id}}},
                          std::move(page->text), std::move(page->memory));
}

net::Task<void> RestApi::search(Call& call) {
    const auto format = accepted_format(call.exchange.request(), tables::OutputFormat::json);
    if (format == tables::OutputFormat::csv) return answer_stream(call, QueryKind::search, format);
    return answer_page(call, QueryKind::search, format);
}

net::Task<void> RestApi::aggregate(Call& call) {
    const auto format = accepted_format(call.exchange.request(), tables::OutputFormat::json);
    if (format == tables::OutputFormat::csv)
        return answer_stream(call, QueryKind::aggregate, format);
    return answer_page(call, QueryKind::aggregate, tables::OutputFormat::json);
}

net::Task<void> RestApi::search_stream(Call& call) {
    const auto format = accepted_format(call.exchange.request(), tables::OutputFormat::ndjson);
    return answer_stream(
        call, QueryKind::stream,
        format == tables::OutputFormat::csv ? format : tables::OutputFormat::ndjson);
}

net::Task<void> RestApi::answer_stream(Call& call, QueryKind kind, tables::OutputFormat format) {
    Result<Page> body = co_await read_query(call, kind);
    if (!body) {
        respond_error(call.exchange, body.error(), call.context.request_id);
        co_return;
    }
    const auto search = call.actor->meter()->begin_search(*call.actor->limits());
    if (!search) {
        respond_error(call.exchange, search.error(), call.context.request_id);
        co_return;
    }
    Result<RunPtr> run = co_await net::on_pool(services_.query_workers, [&] {
        return begin_query(call, body->text, kind, format, tables::Pace::stream);
    });
    *body = {};
    if (!run) {
        respond_error(call.exchange, run.error(), call.context.request_id);
        co_return;
    }
    co_await send_stream(call, **run, format);
    // Ending a query may wait for lent threads: not on this thread. A pool that is stopped ends it
    // here.
    static_cast<void>(co_await net::on_pool(services_.query_workers, [&] { run->reset(); }));
}

net::Task<Result<bool>> RestApi::next_piece(Call& call, tables::QueryRun& run, std::string& piece,
                                            size_t wanted) {
    const tenancy::Limits& limits = *call.actor->limits();
    const Result<bool> next =
        co_await net::on_pool(services_.query_workers, [&] { return run.next(piece, wanted); });
    const uint64_t most = limits.streamed_bytes.value_or(UINT64_MAX);
    if (!next || call.bytes_counted + piece.size() <= most) co_return next;
    const tenancy::LimitField& field = *tenancy::find_limit("streamed_bytes");
    call.actor->meter()->count_refusal(field);
    piece.clear();
    co_return fail(tenancy::limit_refusal(field, limits));
}

net::Task<void> RestApi::pace(Call& call, size_t bytes) {
    const tenancy::Limits& limits = *call.actor->limits();
    tenancy::TenantMeter& meter = *call.actor->meter();
    meter.count_bytes(0, bytes, limits, std::chrono::steady_clock::now());
    call.bytes_counted += bytes;
    const auto wait = meter.pace(limits, std::chrono::steady_clock::now());
    if (wait.count() > 0) co_await pause(wait);
}

net::Task<void> RestApi::send_stream(Call& call, tables::QueryRun& run,
                                     tables::OutputFormat format) {
    const bool csv = format == tables::OutputFormat::csv;
    bool started = false;
    bool more = true;
    std::string piece;
    for (size_t wanted = kFirstPieceBytes; more; wanted = kStreamPieceBytes) {
        piece.clear();
        // The opening alone is no row: the piece ends behind the first batch.
        const Result<bool> next = co_await next_piece(call, run, piece, wanted);
        if (!next && !started) {
            respond_error(call.exchange, next.error(), call.context.request_id);
            co_return;
        }
        if (!started) {
            started = true;
            const Status begun = co_await call.exchange.start_stream(
                {.status = 200,
                 .content_type = std::string(content_type(format)),
                 .headers = {{"X-Request-Id", call.context.request_id}}},
                csv ? cost_trailer_names() : std::vector<std::string>());
            if (!begun) co_return;
        }
        if (!next) {
            const Error error = public_error(next.error());
            log_failure(error, call.context.request_id);
            // A stream without its last line was cut off; CSV has no line for an error.
            if (csv) co_return;
            tables::append_error_line(with_hint_of_code(error), call.context.request_id, piece);
            more = false;
        } else {
            more = *next;
        }
        const size_t bytes = piece.size();
        // Fails when the client has gone: the caller ends the query.
        if (!co_await call.exchange.write(std::move(piece))) co_return;
        if (more) co_await pace(call, bytes);
        piece = std::string();
    }
    static_cast<void>(co_await call.exchange.finish(csv ? cost_trailers(run.stats())
                                                        : std::vector<net::Header>()));
}

}  // namespace insula::rest
