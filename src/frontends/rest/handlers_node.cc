// Handlers about the node: health, metrics, statistics, the log level.
#include "base/version.h"
#include "frontends/rest/error_response.h"
#include "frontends/rest/openapi.h"
#include "frontends/rest/rest_api.h"
#include "platform/json/json_value.h"
#include "platform/json/json_writer.h"
#include "platform/net/hop.h"
#include "platform/runtime/heap_profile.h"
#include "platform/runtime/log.h"

namespace insula::rest {

namespace {

constexpr uint64_t kSmallBodyBytesMax = 64 * 1024;

void write_time(json::JsonWriter& writer, std::string_view key, WallNanos time) {
    writer.key(key);
    if (time == 0) {
        writer.null();
    } else {
        writer.timestamp(time);
    }
}

void write_stats(json::JsonWriter& writer, const tables::SourceStats& stats) {
    writer.key("rows").uint64(stats.rows);
    writer.key("files").uint64(stats.files);
    writer.key("columns").uint64(stats.columns);
    writer.key("bytes_raw").uint64(stats.raw_bytes + stats.memtable_bytes);
    writer.key("bytes_stored").uint64(stats.stored_bytes);
    writer.key("memtable_rows").uint64(stats.memtable_rows);
    writer.key("memtable_bytes").uint64(stats.memtable_bytes);
    writer.key("index_bytes").uint64(0);
    write_time(writer, "created_at", stats.created_at);
    write_time(writer, "last_write", stats.last_write_at);
    write_time(writer, "last_flush", stats.last_flush_at);
    // Files are not merged yet: the key is there for those who read it.
    write_time(writer, "last_compaction", 0);
}

void write_scrub(json::JsonWriter& writer, const ScrubHealth& scrub) {
    writer.key("scrub").begin_object();
    writer.key("status").string(scrub.damaged_files > 0 ? "damaged" : scrub.on ? "ok" : "off");
    writer.key("damaged_files").uint64(scrub.damaged_files);
    write_time(writer, "last_pass", scrub.last_pass_at);
    writer.key("damage").begin_array();
    for (const std::string& what : scrub.damage) writer.string(what);
    writer.end_array();
    writer.end_object();
}

}  // namespace

net::Task<void> RestApi::health(Call& call) {
    if (services_.ready()) {
        call.exchange.respond({.status = 200, .content_type = "application/json"},
                              "{\"status\":\"ok\"}\n");
    } else {
        call.exchange.respond({.status = 503, .content_type = "application/json"},
                              "{\"status\":\"unavailable\"}\n");
    }
    co_return;
}

net::Task<void> RestApi::openapi(Call& call) {
    static const std::string document = openapi_document(routes());
    call.exchange.respond({.status = 200, .content_type = "application/json"}, document);
    co_return;
}

net::Task<void> RestApi::docs(Call& call) {
    static const std::string page = openapi_page(routes());
    call.exchange.respond(
        {.status = 200,
         .content_type = "text/html; charset=utf-8",
         .headers = {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
                     {"X-Content-Type-Options", "nosniff"}}},
        page);
    co_return;
}

net::Task<void> RestApi::health_details(Call& call) {
    const Status journal = services_.journal.health();
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object();
    writer.key("status").string(services_.ready() && journal ? "ok" : "unavailable");
    writer.key("version").string(version());
    writer.key("build").string(build_type());
    writer.key("journal").string(journal ? "ok" : journal.error().reason());
    const catalog::Catalog& catalog = services_.tables.services().catalog;
    writer.key("catalog").string(!catalog.check_owned()       ? "fenced"
                                 : catalog.health().reachable ? "ok"
                                                              : "unreachable");
    const DiskReserve::State disk = services_.disk.state();
    writer.key("disk").begin_object();
    writer.key("status").string(disk.refusing ? "full" : "ok");
    writer.key("available_bytes").uint64(disk.available_bytes);
    writer.key("reserve_bytes").uint64(disk.reserve_bytes);
    writer.end_object();
    write_scrub(writer, services_.scrub());
    writer.key("recovering_tenants").uint64(services_.tables.recovery().closed());
    writer.key("flush_failures").uint64(services_.tables.flush_failures());
    writer.key("queued_writes").uint64(services_.workers.queued());
    writer.key("queued_queries").uint64(services_.query_workers.queued());
    writer.end_object().newline();
    writer.finish();
    respond_json(call, std::move(body));
    co_return;
}

net::Task<void> RestApi::metrics(Call& call) {
    if (!options_.metrics_enabled) {
        respond_error(call.exchange, not_found("metrics_disabled", "Metrics are switched off."),
                      call.context.request_id);
        co_return;
    }
    auto text =
        co_await net::on_pool(services_.workers, [this] { return services_.registry.expose(); });
    if (!text) {
        respond_error(call.exchange, text.error(), call.context.request_id);
        co_return;
    }
    call.exchange.respond({.status = 200, .content_type = "text/plain; version=0.0.4"},
                          *std::move(text));
}

net::Task<void> RestApi::source_stats(Call& call) {
    const auto source = services_.tables.find(call.context.tenant, call.arguments.at(0));
    if (!source) {
        respond_error(call.exchange, source.error(), call.context.request_id);
        co_return;
    }
    const tables::SourceStats stats = (*source)->stats();
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object().key("source_id").string(stats.source_id);
    write_stats(writer, stats);
    writer.end_object().newline();
    writer.finish();
    respond_json(call, std::move(body));
}

net::Task<void> RestApi::tenant_stats(Call& call) {
    auto body = co_await net::on_pool(services_.workers, [&] { return tenant_stats_body(call); });
    if (!body) {
        respond_error(call.exchange, body.error(), call.context.request_id);
        co_return;
    }
    respond_json(call, *std::move(body));
}

// Of all sources, of which there may be many: on a worker.
Result<std::string> RestApi::tenant_stats_body(const Call& call) const {
    tables::SourceStats total{.created_at = call.actor->tenant().created_at};
    const auto sources = services_.tables.list(call.context.tenant);
    for (const auto& source : sources) {
        const tables::SourceStats stats = source->stats();
        total.rows += stats.rows;
        total.files += stats.files;
        total.columns += stats.columns;
        total.raw_bytes += stats.raw_bytes;
        total.stored_bytes += stats.stored_bytes;
        total.memtable_rows += stats.memtable_rows;
        total.memtable_bytes += stats.memtable_bytes;
        total.last_write_at = std::max(total.last_write_at, stats.last_write_at);
        total.last_flush_at = std::max(total.last_flush_at, stats.last_flush_at);
    }
    const journal::Usage journal = services_.journal.usage();
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object();
    writer.key("tenant_id").string(call.context.tenant.to_string());
    writer.key("tenant").string(call.context.tenant_slug);
    writer.key("sources").uint64(sources.size());
    write_stats(writer, total);
    // These three are the node's, which its tenants share.
    writer.key("journal_bytes").uint64(journal.bytes);
    writer.key("workers").uint64(services_.workers.threads() + services_.query_workers.threads());
    writer.key("queue_length")
        .uint64(services_.workers.queued() + services_.query_workers.queued());
    writer.end_object().newline();
    writer.finish();
    return body;
}

net::Task<void> RestApi::heap_profile(Call& call) {
    auto text = co_await net::on_pool(services_.workers, [] { return insula::heap_profile(); });
    if (!text) {
        respond_error(call.exchange, text.error(), call.context.request_id);
        co_return;
    }
    call.exchange.respond({.status = 200, .content_type = "text/plain"}, *std::move(text));
}

net::Task<void> RestApi::get_log_level(Call& call) {
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object().key("level").string(log::level());
    writer.end_object().newline();
    writer.finish();
    respond_json(call, std::move(body));
    co_return;
}

net::Task<void> RestApi::set_log_level(Call& call) {
    Status status;
    MemoryGrant memory;
    auto body = co_await read_json(call, kSmallBodyBytesMax, memory);
    if (!body) {
        status = fail(body.error());
    } else if (const auto parsed = json::JsonValue::parse(*body); !parsed) {
        status = fail(parsed.error());
    } else if (const json::JsonValue* level = parsed->find("level");
               level == nullptr || !level->is_string()) {
        status = fail(invalid_argument("invalid_request", "\"level\" must be a string.")
                          .with_hint("For example {\"level\": \"info,tables=debug\"}."));
    } else {
        status = log::set_level(level->string());
    }
    if (!status) {
        respond_error(call.exchange, status.error(), call.context.request_id);
        co_return;
    }
    log::info("log level changed",
              {{"level", log::level()}, {"principal", call.context.principal}});
    co_await get_log_level(call);
}

}  // namespace insula::rest
