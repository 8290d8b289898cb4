// Handlers about sources: add, list, remove.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "frontends/rest/rest_api.h"
#include "platform/json/json_value.h"
#include "platform/json/json_writer.h"
#include "platform/net/hop.h"

namespace insula::rest {

// Which part of the list of sources, in the order of their ids.
struct SourceListing {
    uint64_t limit = 0;
    std::optional<std::string> after;  // those behind this id
};

namespace {

using json::JsonCursor;
using json::JsonMember;

constexpr uint64_t kSourceBodyBytesMax = 1ull << 20;
constexpr size_t kTextBytesMax = 4096;
constexpr size_t kColumnListMax = 16;
constexpr uint64_t kFileMegabytesMax = 4096;
constexpr std::array<std::string_view, 10> kKnownKeys{"source_id",         "name",
                                                      "connection_string", "data_path",
                                                      "schema_definition", "partition_columns",
                                                      "index_columns",     "compression",
                                                      "max_file_size_mb",  "wal_enabled"};
constexpr std::array<std::string_view, 5> kCompressions{"none", "snappy", "zstd", "lz4", "gzip"};

// A page of the list ends behind the source with which it reaches this size.
constexpr size_t kListBytes = 16u << 20;
constexpr uint64_t kListedMax = 10'000;

struct TypeAlias {
    std::string_view name;
    ColumnType type;
};
// Names that dataframe users bring.
constexpr std::array kTypeAliases{TypeAlias{"boolean", ColumnType::boolean},
                                  TypeAlias{"int", ColumnType::int64},
                                  TypeAlias{"int32", ColumnType::int64},
                                  TypeAlias{"integer", ColumnType::int64},
                                  TypeAlias{"bigint", ColumnType::int64},
                                  TypeAlias{"float", ColumnType::float64},
                                  TypeAlias{"float32", ColumnType::float64},
                                  TypeAlias{"double", ColumnType::float64},
                                  TypeAlias{"str", ColumnType::string},
                                  TypeAlias{"text", ColumnType::string},
                                  TypeAlias{"object", ColumnType::json},
                                  TypeAlias{"datetime", ColumnType::timestamp},
                                  TypeAlias{"datetime64[ns]", ColumnType::timestamp}};

Result<ColumnType> read_type(const JsonCursor& cursor) {
    ASSIGN_OR_RETURN(const std::string_view name, cursor.string(kTextBytesMax));
    if (const auto type = parse_column_type(name)) return *type;
    for (const TypeAlias& alias : kTypeAliases) {
        if (alias.name == name) return alias.type;
    }
    return fail(cursor.error("unknown_type", "names an unknown type.")
                    .with_hint("Types: bool, int64, float64, string, date, timestamp, json."));
}

Result<std::vector<std::string>> read_names(const JsonCursor& cursor) {
    ASSIGN_OR_RETURN(const auto items, cursor.array(kColumnListMax));
    std::vector<std::string> names;
    for (size_t i = 0; i < items.size(); ++i) {
        ASSIGN_OR_RETURN(const std::string_view name, cursor.item(i).string(kTextBytesMax));
        names.emplace_back(name);
    }
    return names;
}

Status read_schema(const JsonCursor& cursor, tables::AddSourceRequest& request) {
    ASSIGN_OR_RETURN(const auto members, cursor.object(tables::kColumnsMax));
    for (const JsonMember& member : members) {
        ASSIGN_OR_RETURN(const ColumnType type, read_type(cursor.member(member)));
        request.schema.emplace_back(member.name, type);
    }
    return {};
}

Status read_compression(const JsonCursor& cursor, std::string& compression) {
    ASSIGN_OR_RETURN(const std::string_view name, cursor.string(kTextBytesMax));
    if (std::ranges::find(kCompressions, name) == kCompressions.end()) {
        return fail(cursor.error("unknown_compression", "names an unknown compression.")
                        .with_hint("Compressions: none, snappy, zstd, lz4, gzip."));
    }
    compression = name;
    return {};
}

Status read_text(const JsonCursor& cursor, std::string& text) {
    ASSIGN_OR_RETURN(const std::string_view read, cursor.string(kTextBytesMax));
    text = read;
    return {};
}

Status read_key(std::string_view key, const JsonCursor& cursor, tables::AddSourceRequest& request) {
    catalog::SourceOptions& options = request.options;
    if (key == "source_id") return read_text(cursor, request.source_id);
    if (key == "name") return read_text(cursor, options.name);
    if (key == "connection_string") return read_text(cursor, options.connection_string);
    if (key == "data_path") return read_text(cursor, options.data_path);
    if (key == "schema_definition") return read_schema(cursor, request);
    if (key == "compression") return read_compression(cursor, options.compression);
    if (key == "partition_columns") {
        ASSIGN_OR_RETURN(options.partition_columns, read_names(cursor));
        return {};
    }
    if (key == "index_columns") {
        ASSIGN_OR_RETURN(options.index_columns, read_names(cursor));
        return {};
    }
    if (key == "max_file_size_mb") {
        ASSIGN_OR_RETURN(const uint64_t megabytes, cursor.whole_number(1, kFileMegabytesMax));
        options.max_file_bytes = megabytes << 20;
        return {};
    }
    if (key == "wal_enabled") {
        ASSIGN_OR_RETURN(options.wal_enabled, cursor.boolean());
        return {};
    }
    std::string known;
    for (const std::string_view name : kKnownKeys)
        known.append(known.empty() ? "" : ", ").append(name);
    return fail(
        invalid_argument("unknown_key", "Unknown key \"" + std::string(key.substr(0, 100)) + "\".")
            .with_hint("Known keys: " + known + "."));
}

// A data path is obeyed only below a root that the operator allowed; rows live in the node's data
// directory either way, so that an empty list of roots refuses every path.
Status check_data_path(const std::string& path, const std::vector<std::string>& roots) {
    if (path.empty()) return {};
    const bool climbs = ("/" + path + "/").find("/../") != std::string::npos;
    const bool allowed = std::ranges::any_of(roots, [&](const std::string& root) {
        return path == root || path.starts_with(root.ends_with('/') ? root : root + "/");
    });
    if (allowed && !climbs) return {};
    return fail(
        Error(Code::unprocessable, "data_path_not_allowed",
              "The data_path is not below a directory that this server's operator allowed.")
            .with_hint("Leave data_path out: the server chooses where rows are stored. Operators "
                       "allow directories with server.allowed_data_roots."));
}

Result<tables::AddSourceRequest> read_request(std::string_view body,
                                              const std::vector<std::string>& roots) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(invalid_argument("empty_body", "The body is empty.")
                        .with_hint("Send a JSON object with \"source_id\"."));
    }
    ASSIGN_OR_RETURN(const json::JsonValue value, json::JsonValue::parse(body));
    const JsonCursor cursor(value);
    ASSIGN_OR_RETURN(const auto members, cursor.object(kKnownKeys.size() * 2));
    tables::AddSourceRequest request;
    for (const JsonMember& member : members) {
        RETURN_IF_ERROR(read_key(member.name, cursor.member(member), request));
    }
    if (request.source_id.empty()) {
        return fail(invalid_argument("missing_source_id", "The request names no \"source_id\"."));
    }
    RETURN_IF_ERROR(check_data_path(request.options.data_path, roots));
    return request;
}

// What of the request is kept and has no effect yet: said in the answer, never ignored in silence.
std::vector<std::string_view> notes_of(const catalog::SourceOptions& options) {
    std::vector<std::string_view> notes;
    if (!options.connection_string.empty()) {
        notes.emplace_back(
            "The source shows the files at connection_string, as they are now or become, and takes "
            "no writes. DELETE detaches it and leaves the files.");
        const catalog::SourceOptions defaults;
        if (options.partition_columns != defaults.partition_columns ||
            options.index_columns != defaults.index_columns ||
            options.compression != defaults.compression ||
            options.max_file_bytes != defaults.max_file_bytes ||
            options.wal_enabled != defaults.wal_enabled) {
            notes.emplace_back(
                "partition_columns, index_columns, compression, max_file_size_mb and wal_enabled "
                "have no effect on attached files.");
        }
        if (!options.data_path.empty()) {
            notes.emplace_back("data_path is kept and has no effect on attached files.");
        }
        return notes;
    }
    if (!options.data_path.empty()) {
        notes.emplace_back("data_path is kept; rows are stored in the server's data directory.");
    }
    return notes;
}

void write_source(json::JsonWriter& writer, const tables::Source& source,
                  std::span<const std::string_view> notes = {}) {
    const tables::SchemaPtr schema = source.schema();
    const tables::SourceStats stats = source.stats();
    const catalog::SourceOptions& options = source.options();
    writer.begin_object();
    writer.key("source_id").string(source.id());
    writer.key("name").string(options.name.empty() ? source.id() : options.name);
    writer.key("rows").uint64(stats.rows);
    writer.key("schema").begin_object();
    for (const catalog::Column& column : schema->columns()) {
        writer.key(column.name).string(column_type_name(column.type));
    }
    writer.end_object();
    const auto write_names = [&](std::string_view key, const std::vector<std::string>& names) {
        writer.key(key).begin_array();
        for (const std::string& name : names) writer.string(name);
        writer.end_array();
    };
    write_names("partition_columns", options.partition_columns);
    write_names("index_columns", options.index_columns);
    writer.key("compression").string(options.compression);
    writer.key("max_file_size_mb").uint64(options.max_file_bytes >> 20);
    writer.key("wal_enabled").boolean(options.wal_enabled);
    if (source.attached()) writer.key("connection_string").string(options.connection_string);
    writer.key("read_only").boolean(source.attached());
    writer.key("created_at").timestamp(stats.created_at);
    if (!notes.empty()) {
        writer.key("notes").begin_array();
        for (const std::string_view note : notes) writer.string(note);
        writer.end_array();
    }
    writer.end_object();
}

Result<SourceListing> read_listing(const net::RequestHead& request) {
    SourceListing listing{.limit = kListedMax, .after = std::nullopt};
    if (const auto limit = request.parameter("limit")) {
        const auto [end, error] =
            std::from_chars(limit->data(), limit->data() + limit->size(), listing.limit);
        const bool whole = error == std::errc() && end == limit->data() + limit->size();
        if (!whole || listing.limit == 0 || listing.limit > kListedMax) {
            return fail(invalid_argument("invalid_request",
                                         "The parameter \"limit\" must be a whole number between 1 "
                                         "and " +
                                             std::to_string(kListedMax) + "."));
        }
    }
    if (const auto after = request.parameter("after")) listing.after = *after;
    return listing;
}

}  // namespace

net::Task<void> RestApi::add_source(Call& call) {
    const Result<std::string> answer = co_await add_source_answer(call);
    if (answer) {
        respond_json(call, *answer, 201);
    } else {
        respond_error(call.exchange, answer.error(), call.context.request_id);
    }
}

net::Task<Result<std::string>> RestApi::add_source_answer(Call& call) {
    MemoryGrant memory;
    ASSIGN_OR_CO_RETURN(const std::string body,
                        co_await read_json(call, kSourceBodyBytesMax, memory));
    // Attached files are read by it, which may take as long as a query.
    co_return co_await net::on_pool(services_.query_workers, [&]() -> Result<std::string> {
        ASSIGN_OR_RETURN(auto request, read_request(body, options_.data_roots));
        RETURN_IF_ERROR(call.context.authorise(call.context.action, "source/" + request.source_id));
        request.audit = call.context.tell(call.context.action);
        ASSIGN_OR_RETURN(const auto source,
                         services_.tables.add_source(call.context.tenant, request,
                                                     call.context.deadline, call.context.cancel));
        std::string text;
        json::JsonWriter writer(text);
        write_source(writer, *source, notes_of(request.options));
        writer.newline();
        writer.finish();
        return text;
    });
}

net::Task<void> RestApi::list_sources(Call& call) {
    const auto wanted = read_listing(call.exchange.request());
    if (!wanted) {
        respond_error(call.exchange, wanted.error(), call.context.request_id);
        co_return;
    }
    Result<Page> page = co_await net::on_pool(services_.workers,
                                              [&] { return sources_page(call.context, *wanted); });
    if (!page) {
        respond_error(call.exchange, page.error(), call.context.request_id);
        co_return;
    }
    respond_json(call, std::move(page->text), 200, std::move(page->memory));
}

// Ends where the page is full, with where to go on.
Result<RestApi::Page> RestApi::sources_page(const tenancy::RequestContext& context,
                                            const SourceListing& wanted) {
    ASSIGN_OR_RETURN(const auto sources, services_.tables.list_permitted(context));
    Page page;
    json::JsonWriter writer(page.text);
    writer.begin_object().key("sources").begin_array();
    uint64_t listed = 0;
    std::string last;
    bool more = false;
    for (const auto& source : sources) {
        if (wanted.after && source->id() <= *wanted.after) continue;
        more = listed == wanted.limit || page.text.size() >= kListBytes;
        if (more) break;
        write_source(writer, *source);
        last = source->id();
        ++listed;
    }
    writer.end_array();
    if (more) writer.key("next").string(last);
    writer.end_object().newline();
    writer.finish();
    RETURN_IF_ERROR(count_page(page));
    return page;
}

net::Task<void> RestApi::remove_source(Call& call) {
    const Status removed = co_await net::on_pool(services_.workers, [&] {
        return services_.tables.remove_source(call.context.tenant, call.arguments.at(0),
                                              call.context.deadline,
                                              call.context.tell(call.context.action));
    });
    if (!removed) {
        respond_error(call.exchange, removed.error(), call.context.request_id);
        co_return;
    }
    std::string body;
    json::JsonWriter writer(body);
    writer.begin_object().key("source_id").string(call.arguments.at(0));
    writer.key("removed").boolean(true);
    writer.end_object().newline();
    writer.finish();
    respond_json(call, std::move(body));
}

}  // namespace insula::rest
