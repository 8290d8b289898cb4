// POST /data/write: a body in one of five formats becomes rows of a source.
#include <array>

#include "frontends/rest/rest_api.h"
#include "platform/crypto/hash.h"
#include "platform/json/json_writer.h"
#include "platform/net/hop.h"
#include "platform/runtime/fail_point.h"
#include "stores/tables/ingest/csv_shredder.h"
#include "stores/tables/ingest/envelope_look.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/ingest/parquet_shredder.h"

namespace insula::rest {

enum class Format : uint8_t { json, ndjson, csv, tsv, parquet };

// The body and how to read it; lives in the handler's frame while others work on it.
struct WriteRequest {
    Format format = Format::json;
    std::string source_id;
    std::string body;
    std::optional<tables::RecordIdempotency> idempotency;
    bool envelope = false;
    bool source_is_settled = false;               // see settle_source()
    std::vector<tables::DeclaredColumn> columns;  // CSV and TSV only
};

namespace {

FailPoint write_done("rest.write.done");  // durable, and not yet answered

// Reading so little into columns takes less than a hop to another thread and back.
constexpr uint64_t kInlineBodyBytes = 16ull << 10;
// So long may a small write wait on the I/O thread, as for another writer's append. Where it would
// take longer (for memory, or for the journal's buffer) it begins anew on a worker.
constexpr std::chrono::milliseconds kInlinePatience{1};
// So often may the source be removed under one write before the write gives up.
constexpr int kRemovalsMax = 8;

struct MediaType {
    std::string_view name;
    Format format;
};
constexpr std::array kMediaTypes{
    MediaType{"application/json", Format::json},
    MediaType{"application/x-ndjson", Format::ndjson},
    MediaType{"application/ndjson", Format::ndjson},
    MediaType{"application/jsonl", Format::ndjson},
    MediaType{"application/x-jsonlines", Format::ndjson},
    MediaType{"text/csv", Format::csv},
    MediaType{"text/tab-separated-values", Format::tsv},
    MediaType{"application/vnd.apache.parquet", Format::parquet},
    MediaType{"application/x-parquet", Format::parquet},
    MediaType{"application/parquet", Format::parquet},
};

// "text/csv; charset=utf-8" -> "text/csv".
std::string_view media_type(std::string_view content_type) {
    content_type = content_type.substr(0, content_type.find(';'));
    const size_t end = content_type.find_last_not_of(" \t");
    return end == std::string_view::npos ? std::string_view{} : content_type.substr(0, end + 1);
}

Result<Format> request_format(const net::RequestHead& request) {
    const std::string_view name = media_type(request.header("content-type").value_or(""));
    for (const MediaType& type : kMediaTypes) {
        if (net::equal_without_case(name, type.name)) return type.format;
    }
    const std::string shown = name.empty() ? "no Content-Type" : "\"" + std::string(name) + "\"";
    return fail(
        Error(Code::unsupported_media, "unsupported_content_type",
              "Rows cannot be read from a body with " + shown + ".")
            .with_hint("Send Content-Type: application/json, application/x-ndjson, text/csv or "
                       "application/vnd.apache.parquet."));
}

Result<std::optional<tables::RecordIdempotency>> read_idempotency(const net::RequestHead& request) {
    const auto key = request.header("idempotency-key");
    if (!key) return std::nullopt;
    if (key->empty() || key->size() > tables::kIdempotencyKeyBytesMax) {
        return fail(invalid_argument("invalid_idempotency_key",
                                     "An Idempotency-Key has 1 to " +
                                         std::to_string(tables::kIdempotencyKeyBytesMax) +
                                         " bytes."));
    }
    return tables::RecordIdempotency{std::string(*key), 0};
}

// Each column=NAME:TYPE of the address.
Result<std::vector<tables::DeclaredColumn>> read_columns(const net::RequestHead& request,
                                                         Format format) {
    std::vector<tables::DeclaredColumn> columns;
    for (const net::QueryParameter& parameter : request.query) {
        if (parameter.name != "column") continue;
        if (format != Format::csv && format != Format::tsv) {
            return fail(invalid_argument("invalid_request",
                                         "Only CSV and TSV take columns from the address.")
                            .with_hint("POST /sources/add declares columns of any source."));
        }
        const size_t colon = parameter.value.rfind(':');
        const std::string_view type =
            parameter.value.substr(colon == std::string_view::npos ? 0 : colon + 1);
        const auto known = parse_column_type(type);
        if (colon == std::string_view::npos || colon == 0 || !known) {
            return fail(
                invalid_argument("unknown_type", "\"column=" + std::string(parameter.value) +
                                                     "\" names no column and type.")
                    .with_hint("Write column=NAME:TYPE. Types: bool, int64, float64, "
                               "string, date, timestamp, json."));
        }
        columns.push_back({std::string(parameter.value.substr(0, colon)), *known});
    }
    return columns;
}

Result<WriteRequest> read_head(const net::RequestHead& request) {
    WriteRequest write;
    ASSIGN_OR_RETURN(write.format, request_format(request));
    ASSIGN_OR_RETURN(write.idempotency, read_idempotency(request));
    ASSIGN_OR_RETURN(write.columns, read_columns(request, write.format));
    if (const auto source = request.parameter("source_id")) {
        write.source_id = *source;
    } else if (write.format == Format::json) {
        write.envelope = true;
    } else {
        return fail(invalid_argument("missing_source_id", "The request names no source.")
                        .with_hint("Add ?source_id=… to the address."));
    }
    return write;
}

Result<tables::Batch> shred(const WriteRequest& write, tables::TableStore& store,
                            const tenancy::RequestContext& context, tables::SchemaPtr schema) {
    switch (write.format) {
        case Format::json:
            return write.envelope ? tables::shred_envelope(write.body, std::move(schema))
                                  : tables::shred_json(write.body, std::move(schema));
        case Format::ndjson:
            return tables::shred_ndjson(write.body, std::move(schema));
        case Format::csv:
            return tables::shred_csv(write.body, ',', std::move(schema), write.columns);
        case Format::tsv:
            return tables::shred_csv(write.body, '\t', std::move(schema), write.columns);
        case Format::parquet: {
            ASSIGN_OR_RETURN(const auto engine, store.services().engines.acquire(context.tenant));
            return tables::shred_parquet(*engine,
                                         std::make_shared<tables::MemoryFile>(as_bytes(write.body)),
                                         std::move(schema), context.deadline, context.cancel);
        }
    }
    return fail(internal_error("a format without a reader"));
}

uint64_t body_hash(std::string_view body) {
    uint64_t hash = 0;
    std::memcpy(&hash, crypto::sha256(as_bytes(body)).data(), sizeof hash);
    return hash;
}

// Whose rows the body holds, where the address alone does not say. An envelope that is sent to the
// address of documents would be stored as one of them: where it names the same source it is taken
// as what it is, else it is refused.
Status settle_source(WriteRequest& write) {
    if (write.source_is_settled) return {};
    write.source_is_settled = true;
    if (write.envelope) {
        ASSIGN_OR_RETURN(write.source_id, tables::envelope_source(write.body));
        return {};
    }
    if (write.format != Format::json) return {};
    const auto found = tables::find_envelope(write.body);
    if (!found) return {};
    if (found->source_id == write.source_id) {
        write.envelope = true;
        return {};
    }
    constexpr std::string_view kDocuments =
        "the documents themselves as a JSON array; in one an object with \"records\" is a "
        "document.";
    if (!found->source_id) {
        return fail(
            invalid_argument("invalid_request",
                             "The body has the form of an envelope and names no source.")
                .with_hint("Add \"source_id\" to the body, or send " + std::string(kDocuments)));
    }
    return fail(
        invalid_argument("invalid_request",
                         "The body is an envelope for another source than the address "
                         "names.")
            .with_hint("Send the envelope without ?source_id, or " + std::string(kDocuments)));
}

// The source was removed between its look-up and the write.
bool lost_its_source(const Result<tables::WriteOutcome>& outcome) {
    return !outcome && (outcome.error().reason() == "source_not_found" ||
                        outcome.error().reason() == "source_removed");
}

// Blocking until `deadline`: on a worker, or with little patience on the I/O thread. Where the
// source is removed meanwhile, at most `removals_max` times, it is as if the write had come after
// that.
Result<tables::WriteOutcome> apply(WriteRequest& write, tables::TableStore& store,
                                   const tenancy::RequestContext& context, Deadline deadline,
                                   int removals_max) {
    RETURN_IF_ERROR(settle_source(write));
    const std::string resource = "source/" + write.source_id;
    RETURN_IF_ERROR(context.authorise(context.action, resource));
    if (write.idempotency) write.idempotency->body_hash = body_hash(write.body);
    const auto read = [&](tables::SchemaPtr schema) {
        return shred(write, store, context, std::move(schema));
    };
    const tables::WriteInput input{
        .shred = read,
        .idempotency = write.idempotency,
        .audit = {context.principal, context.request_id, context.remote_address}};
    for (int removals = 0;; ++removals) {
        auto source = store.find(context.tenant, write.source_id);
        if (!source) {
            RETURN_IF_ERROR(context.authorise("tables:CreateSource", resource));
            // A body that cannot be read must not leave an empty source behind.
            ASSIGN_OR_RETURN([[maybe_unused]] const tables::Batch checked,
                             read(std::make_shared<const tables::Schema>()));
            source = store.find_or_create(context.tenant, write.source_id, deadline,
                                          context.tell("tables:CreateSource"));
            if (!source) return fail(source.error());
        }
        auto outcome = (*source)->write(input, deadline);
        if (!lost_its_source(outcome) || removals == removals_max) return outcome;
    }
}

// Whether the write is done sooner here than by a hop to a worker, and certainly without the
// catalog: a new source needs a commit, the first key of a source a look at its older ones.
Result<bool> is_quick(WriteRequest& write, const tables::TableStore& store,
                      const tenancy::RequestContext& context) {
    if (write.body.size() > kInlineBodyBytes || write.format == Format::parquet ||
        write.idempotency) {
        return false;
    }
    RETURN_IF_ERROR(settle_source(write));
    const auto source = store.find(context.tenant, write.source_id);
    return source && (*source)->options().wal_enabled;
}

bool ran_out_of_patience(const Result<tables::WriteOutcome>& outcome) {
    return !outcome && (outcome.error().code() == Code::deadline_exceeded ||
                        outcome.error().code() == Code::resource_exhausted);
}

// The record is in the journal's order and may yet become durable, now or at the next start.
Error outcome_unknown(const Error& cause, bool has_key) {
    const bool late = cause.code() == Code::deadline_exceeded;
    return Error(cause.code(), "write_outcome_unknown",
                 late ? "The rows did not reach the disk in time; whether they will is not known."
                      : "Storage failed under this write; whether its rows were kept is not known.")
        .with_hint(has_key
                       ? "Send it again with the same Idempotency-Key: it is applied once, however "
                         "this one ends."
                       : "The rows may become visible later: look for them before you send them "
                         "again. With an Idempotency-Key a write can be repeated safely.")
        .with_detail(cause.describe());
}

std::string position_text(Lsn lsn) {
    return std::to_string(lsn.stream.value) + "-" + std::to_string(lsn.position);
}

std::string outcome_body(const WriteRequest& write, const tables::WriteOutcome& outcome,
                         double elapsed_ms) {
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object();
    writer.key("source_id").string(write.source_id);
    writer.key("rows").uint64(outcome.rows);
    writer.key("position").string(position_text(outcome.lsn));
    writer.key("duplicate").boolean(outcome.duplicate);
    writer.key("stats").begin_object();
    writer.key("bytes_received").uint64(write.body.size());
    writer.key("elapsed_ms").float64(elapsed_ms);
    writer.end_object().end_object().newline();
    writer.finish();
    return body;
}

double elapsed_ms(const net::Exchange& exchange) {
    const auto elapsed = std::chrono::steady_clock::now() - exchange.started();
    return static_cast<double>(
               std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count()) /
           1000.0;
}

}  // namespace

net::Task<void> RestApi::write(Call& call) {
    const Result<std::string> answer = co_await write_rows(call);
    if (answer) {
        respond_json(call, *answer);
    } else {
        respond_error(call.exchange, answer.error(), call.context.request_id);
    }
}

net::Task<Result<std::string>> RestApi::write_rows(Call& call) {
    ASSIGN_OR_CO_RETURN(WriteRequest write, read_head(call.exchange.request()));
    MemoryGrant memory;
    ASSIGN_OR_CO_RETURN(write.body, co_await read_body(call, options_.body_bytes_max, memory));
    call.context.deadline =
        Deadline::after(options_.request_deadline);  // the body has taken its own
    ASSIGN_OR_CO_RETURN(const tables::WriteOutcome outcome, co_await apply_somewhere(call, write));
    if (!outcome.durable) {
        const Status durable = co_await net::completion(
            [this, lsn = outcome.lsn](std::move_only_function<void(Status)> done) {
                services_.journal.on_durable(lsn, std::move(done));
            },
            call.context.deadline);
        if (!durable) {
            co_return fail(outcome_unknown(durable.error(), write.idempotency.has_value()));
        }
    }
    write_done.reach();
    co_return outcome_body(write, outcome, elapsed_ms(call.exchange));
}

// On the I/O thread where that is done sooner than a hop, else on a worker.
net::Task<Result<tables::WriteOutcome>> RestApi::apply_somewhere(Call& call, WriteRequest& write) {
    ASSIGN_OR_CO_RETURN(const bool quick, is_quick(write, services_.tables, call.context));
    if (quick) {
        auto outcome =
            apply(write, services_.tables, call.context, Deadline::after(kInlinePatience), 0);
        if (!ran_out_of_patience(outcome) && !lost_its_source(outcome)) co_return outcome;
    }
    co_return co_await net::on_pool(services_.workers, [&] {
        return apply(write, services_.tables, call.context, call.context.deadline, kRemovalsMax);
    });
}

}  // namespace insula::rest
