// insula search: rows of sources as a table, JSON, NDJSON or CSV.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/answer_text.h"
#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "cli/query_arguments.h"
#include "cli/query_flags.h"
#include "cli/record_stream.h"

namespace insula::cli {

namespace {

using json::JsonValue;

// The layout of a stream's table is that of its first rows: the others are not known yet.
constexpr size_t kLayoutRows = 1'000;
constexpr uint64_t kLimitDefault = 100;  // the server's, of a search that is no stream
// Ours stand in brackets: a source may have columns of any name.
constexpr const char* kSourceColumn = "(source)";
constexpr const char* kDocumentColumn = "(document)";

struct SearchArguments {
    ClientFlags client;
    QueryFlags query;
    std::string columns;
    std::optional<uint64_t> offset;
    bool document = false;
    bool stream = false;
};

Result<JsonValue::Object> request_body(const SearchArguments& arguments) {
    JsonValue::Object request;
    RETURN_IF_ERROR(arguments.query.add_members(request));
    if (!arguments.columns.empty()) {
        ASSIGN_OR_RETURN(JsonValue columns, parse_columns(arguments.columns));
        request.push_back({"columns", std::move(columns)});
    }
    if (arguments.offset) request.push_back({"offset", JsonValue(*arguments.offset)});
    if (arguments.document) {
        request.push_back(
            {"include", JsonValue(JsonValue::Array{JsonValue(std::string("document"))})});
    }
    return request;
}

// Records of an answer as rows of a table.
class RecordRows {
  public:
    explicit RecordRows(const SearchArguments& arguments)
        : show_source_(arguments.query.source_count() != 1) {
        if (arguments.columns.empty()) return;
        std::vector<std::string> columns;
        if (show_source_) columns.emplace_back(kSourceColumn);
        for (const std::string& name : split_names(arguments.columns, ','))
            columns.push_back(plain_name(name));
        if (arguments.document) columns.emplace_back(kDocumentColumn);
        builder_ = TableBuilder(std::move(columns));
    }

    void add(const JsonValue& record) {
        builder_.begin_row();
        const JsonValue* source = record.find("source_id");
        if (show_source_ && source != nullptr) builder_.add_value(kSourceColumn, *source);
        if (const JsonValue* fields = record.find("fields")) builder_.add_members(*fields);
        if (const JsonValue* document = record.find("document")) {
            builder_.add(kDocumentColumn, Cell::of_text(document->text()));
        }
    }
    TableBuilder& builder() { return builder_; }

  private:
    const bool show_source_;
    TableBuilder builder_;
};

// A table that is printed while its rows come in.
class StreamedTable {
  public:
    explicit StreamedTable(const SearchArguments& arguments) : rows_(arguments) {}

    Status line(std::string_view text) {
        ASSIGN_OR_RETURN(const JsonValue value, parse_answer(text));
        if (const JsonValue* stats = value.find("end")) {
            stats_ = *stats;
            return {};
        }
        const JsonValue* record = value.find("record");
        if (record == nullptr) return {};
        rows_.add(*record);
        return rows_.builder().table().rows.size() < kLayoutRows && !layout_ ? Status() : show();
    }

    Status finish() {
        RETURN_IF_ERROR(show());
        const std::vector<std::string>& missing = rows_.builder().left_out();
        if (!missing.empty()) {
            warn(fmt::format(
                "insula: {} columns that first came after {} rows are not shown, \"{}\" "
                "for one. Name them with --columns, or use --output ndjson.",
                missing.size(), kLayoutRows, missing.front()));
        }
        if (stats_.is_object()) remark_stats(stats_);
        return {};
    }

  private:
    Status show() {
        Table& table = rows_.builder().table();
        if (!layout_) {
            layout_.emplace(table, output_width());
            rows_.builder().close_columns();
            RETURN_IF_ERROR(print(layout_->header()));
        }
        for (const Row& row : table.rows) RETURN_IF_ERROR(print(layout_->row(row)));
        table.rows.clear();
        return {};
    }

    RecordRows rows_;
    std::optional<TableLayout> layout_;
    JsonValue stats_;
};

Status search_page(ServerConnection& server, const SearchArguments& arguments,
                   const std::string& body) {
    ASSIGN_OR_RETURN(const std::string answer,
                     server.send(net::Method::post, "/data/search", body));
    if (arguments.client.output() == OutputFormat::json) return print_line(answer);
    ASSIGN_OR_RETURN(const JsonValue value, parse_answer(answer));
    RecordRows rows(arguments);
    const JsonValue* records = value.find("records");
    if (records == nullptr || !records->is_array()) return fail(odd_answer());
    for (const JsonValue& record : records->array()) rows.add(record);
    RETURN_IF_ERROR(print(render_table(rows.builder().table(), output_width())));
    if (const JsonValue* stats = value.find("stats")) remark_stats(*stats);
    if (!arguments.query.limit() && records->array().size() == kLimitDefault) {
        remark("There may be more: --limit N, or --stream for all.");
    }
    return {};
}

Status search_stream(ServerConnection& server, const SearchArguments& arguments,
                     const std::string& body) {
    const OutputFormat output = arguments.client.output();
    const bool csv = output == OutputFormat::csv;
    net::ClientRequest request;
    request.method = net::Method::post;
    request.target = arguments.stream ? "/data/search/stream" : "/data/search";
    request.headers = {{"Content-Type", "application/json"},
                       {"Accept", csv ? "text/csv" : "application/x-ndjson"}};
    request.body = body;
    if (csv) return server.stream(std::move(request), print);
    StreamedTable table(arguments);
    RecordStream lines([&](std::string_view line) -> Status {
        return output == OutputFormat::table ? table.line(line) : print(std::string(line) + "\n");
    });
    Status streamed = server.stream(std::move(request),
                                    [&](std::string_view piece) { return lines.append(piece); });
    if (streamed) streamed = lines.finish();
    // What came is shown, also where the rest did not.
    if (output == OutputFormat::table) RETURN_IF_ERROR(table.finish());
    return streamed;
}

Status run(const SearchArguments& arguments) {
    ASSIGN_OR_RETURN(JsonValue::Object request, request_body(arguments));
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    const std::string body = JsonValue(std::move(request)).text();
    const OutputFormat output = arguments.client.output();
    const bool page = output == OutputFormat::table || output == OutputFormat::json;
    return page && !arguments.stream ? search_page(server, arguments, body)
                                     : search_stream(server, arguments, body);
}

}  // namespace

void add_search(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("search", "Find rows");
    auto arguments = std::make_shared<SearchArguments>();
    arguments->query.add_to(*command);
    command->add_option("--columns", arguments->columns, "columns to show: a,b.c")
        ->type_name("COLUMNS");
    command->add_option("--offset", arguments->offset, "rows to skip")
        ->check(refuse_no_whole_number)
        ->type_name("N");
    command->add_flag("--document", arguments->document, "with the documents as they were written");
    command->add_flag("--stream", arguments->stream,
                      "all rows, as they are found: no default limit, any number of rows");
    arguments->client.add_to(*command);
    add_examples(
        *command,
        "  insula search orders --filter 'amount>=100' --order-by -amount --limit 10\n"
        "  insula search orders --filter \"country in (DE, FR) and name prefix 'A'\"\n"
        "  insula search orders --filters '{\"or\": [{\"a\": {\"eq\": 1}}, {\"b\": {\"is_null\": "
        "true}}]}'\n"
        "  insula search orders refunds --columns order_id,amount --output csv > rows.csv\n"
        "  insula search orders --stream --output ndjson | jq -c '.record.fields // empty'\n"
        "\n"
        "Conditions: = != < <= > >=, in (a, b), not in (…), between a and b, like, ilike, prefix, "
        "contains,\n"
        "is null, is not null, joined by and, or, not and brackets. Text that looks like a number "
        "stands in quotes.");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run(*arguments)); };
    });
}

}  // namespace insula::cli
