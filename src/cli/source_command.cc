// insula source add|list|show|remove.
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
#include "platform/json/json_writer.h"

namespace insula::cli {

namespace {

using json::JsonValue;

struct AddArguments {
    ClientFlags client;
    std::string source;
    std::string name;
    std::string connection_string;
    std::vector<std::string> columns;
    std::string partition_by;
    std::string index;
    std::string compression;
    std::optional<uint64_t> max_file_size_mb;
    bool no_wal = false;
};

struct NameArguments {
    ClientFlags client;
    std::vector<std::string> sources;
};

Status add_names(JsonValue::Object& request, std::string key, const std::string& text) {
    if (text.empty()) return {};
    ASSIGN_OR_RETURN(JsonValue names, parse_columns(text));
    request.push_back({std::move(key), std::move(names)});
    return {};
}

Result<std::string> add_body(const AddArguments& arguments) {
    JsonValue::Object request;
    request.push_back({"source_id", JsonValue(arguments.source)});
    if (!arguments.name.empty()) request.push_back({"name", JsonValue(arguments.name)});
    if (!arguments.connection_string.empty()) {
        request.push_back({"connection_string", JsonValue(arguments.connection_string)});
    }
    JsonValue::Object schema;
    for (const std::string& column : arguments.columns) {
        ASSIGN_OR_RETURN(schema.emplace_back(), parse_column_type(column));
    }
    if (!schema.empty()) request.push_back({"schema_definition", JsonValue(std::move(schema))});
    RETURN_IF_ERROR(add_names(request, "partition_columns", arguments.partition_by));
    RETURN_IF_ERROR(add_names(request, "index_columns", arguments.index));
    if (!arguments.compression.empty()) {
        request.push_back({"compression", JsonValue(arguments.compression)});
    }
    if (arguments.max_file_size_mb) {
        request.push_back({"max_file_size_mb", JsonValue(*arguments.max_file_size_mb)});
    }
    if (arguments.no_wal) request.push_back({"wal_enabled", JsonValue(false)});
    return JsonValue(std::move(request)).text();
}

// One line a source: its columns are many, and `show` has them.
void add_source_row(TableBuilder& builder, const JsonValue& source) {
    builder.begin_row();
    for (const char* key : {"source_id", "name", "rows"}) {
        if (const JsonValue* value = source.find(key)) builder.add_value(key, *value);
    }
    const JsonValue* schema = source.find("schema");
    const size_t columns = schema == nullptr || !schema->is_object() ? 0 : schema->object().size();
    builder.add("columns", Cell::of_count(columns));
    for (const char* key : {"compression", "created_at"}) {
        if (const JsonValue* value = source.find(key)) builder.add_value(key, *value);
    }
}

Status print_source(OutputFormat output, const std::string& answer) {
    ASSIGN_OR_RETURN(const JsonValue source, parse_answer(answer));
    TableBuilder builder;
    add_source_row(builder, source);
    return print_result(output, builder.table(), answer);
}

Status run_add(const AddArguments& arguments) {
    ASSIGN_OR_RETURN(const std::string body, add_body(arguments));
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    ASSIGN_OR_RETURN(const std::string answer,
                     server.send(net::Method::post, "/sources/add", body));
    return print_source(arguments.client.output(), answer);
}

// All pages of the list, as one.
Result<JsonValue> list_sources(ServerConnection& server) {
    JsonValue::Array all;
    std::string target = "/sources";
    for (;;) {
        ASSIGN_OR_RETURN(const std::string answer, server.get(target));
        ASSIGN_OR_RETURN(const JsonValue page, parse_answer(answer));
        const JsonValue* sources = page.find("sources");
        if (sources == nullptr || !sources->is_array()) return fail(odd_answer());
        all.insert(all.end(), sources->array().begin(), sources->array().end());
        const JsonValue* next = page.find("next");
        if (next == nullptr) break;
        // A page that leads on and holds nothing would lead on for ever.
        if (!next->is_string() || sources->array().empty()) return fail(odd_answer());
        target = "/sources?after=" + net::percent_encode(next->string());
    }
    JsonValue::Object list;
    list.push_back({"sources", JsonValue(std::move(all))});
    return JsonValue(std::move(list));
}

Status run_list(const ClientFlags& client) {
    ASSIGN_OR_RETURN(ServerConnection server, client.connect());
    ASSIGN_OR_RETURN(const JsonValue list, list_sources(server));
    const JsonValue::Array& sources = list.find("sources")->array();
    TableBuilder builder;
    std::string lines;
    for (const JsonValue& source : sources) {
        add_source_row(builder, source);
        lines.append(source.text()).append("\n");
    }
    if (sources.empty()) remark("There are no sources yet: `insula write SOURCE FILE` makes one.");
    if (client.output() == OutputFormat::ndjson) return print(lines);
    return print_result(client.output(), builder.table(), list.text());
}

std::string source_target(const std::string& source) {
    return "/sources/" + net::percent_encode(source);
}

// Statistics as name and value, then the columns with their types.
Status print_shown(const JsonValue& source, const JsonValue& stats) {
    TableBuilder properties;
    const auto add = [&](const json::JsonMember& member) {
        properties.begin_row();
        properties.add("property", Cell::of_text(member.name));
        properties.add_value("value", member.value);
    };
    const JsonValue* schema = nullptr;
    for (const json::JsonMember& member : source.object()) {
        const JsonValue* newer = stats.find(member.name);
        if (member.name == "schema") {
            schema = &member.value;
        } else {
            add(newer == nullptr ? member : json::JsonMember{member.name, *newer});
        }
    }
    for (const json::JsonMember& member : stats.object()) {
        if (source.find(member.name) == nullptr) add(member);
    }
    RETURN_IF_ERROR(print(render_table(properties.table(), output_width())));
    if (schema == nullptr || !schema->is_object() || schema->object().empty()) return {};
    TableBuilder columns;
    for (const json::JsonMember& column : schema->object()) {
        columns.begin_row();
        columns.add("column", Cell::of_text(column.name));
        columns.add_value("type", column.value);
    }
    return print("\n" + render_table(columns.table(), output_width()));
}

Status show_source(ServerConnection& server, const ClientFlags& client, const std::string& name) {
    ASSIGN_OR_RETURN(const std::string stats_text, server.get(source_target(name) + "/stats"));
    ASSIGN_OR_RETURN(const JsonValue stats, parse_answer(stats_text));
    ASSIGN_OR_RETURN(const JsonValue list, list_sources(server));
    JsonValue shown{JsonValue::Object()};
    for (const JsonValue& source : list.find("sources")->array()) {
        const JsonValue* id = source.find("source_id");
        if (id != nullptr && *id == JsonValue(name)) shown = source;
    }
    if (!stats.is_object()) return fail(odd_answer());
    if (client.output() == OutputFormat::table) return print_shown(shown, stats);
    JsonValue::Object both;
    both.push_back({"source", shown});
    both.push_back({"stats", stats});
    TableBuilder builder;
    builder.begin_row();
    builder.add_members(stats);
    return print_result(client.output(), builder.table(), JsonValue(std::move(both)).text());
}

Status run_show(const NameArguments& arguments) {
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    return show_source(server, arguments.client, arguments.sources.front());
}

Status run_remove(const NameArguments& arguments) {
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    for (const std::string& name : arguments.sources) {
        ASSIGN_OR_RETURN(const std::string answer,
                         server.send(net::Method::delete_, source_target(name)));
        ASSIGN_OR_RETURN(const JsonValue value, parse_answer(answer));
        TableBuilder builder;
        builder.begin_row();
        builder.add_members(value);
        RETURN_IF_ERROR(print_result(arguments.client.output(), builder.table(), answer));
    }
    return {};
}

void add_add(CLI::App& parent, Action& action) {
    CLI::App* command = parent.add_subcommand("add", "Add a source")->alias("create");
    auto arguments = std::make_shared<AddArguments>();
    command->add_option("source", arguments->source, "its id")->required()->type_name("SOURCE");
    command->add_option("--name", arguments->name, "a name for people")->type_name("TEXT");
    command
        ->add_option("--connection-string", arguments->connection_string,
                     "attach existing files, read-only: file://sales, file://sales/*.parquet")
        ->type_name("ADDRESS");
    command
        ->add_option("--column", arguments->columns,
                     "NAME:TYPE; repeat it for several. Types: bool, int64, float64, string, date, "
                     "timestamp, json. Others come with the rows")
        ->allow_extra_args(false)
        ->type_name("COLUMN");
    command->add_option("--partition-by", arguments->partition_by, "columns: a,b")
        ->type_name("COLUMNS");
    command->add_option("--index", arguments->index, "columns: a,b")->type_name("COLUMNS");
    command->add_option("--compression", arguments->compression, "none, snappy, zstd, lz4 or gzip")
        ->type_name("NAME");
    command->add_option("--max-file-size-mb", arguments->max_file_size_mb, "of its Parquet files")
        ->check(refuse_no_whole_number)
        ->type_name("N");
    command->add_flag("--no-wal", arguments->no_wal,
                      "answer writes when they are in files, without the journal");
    arguments->client.add_to(*command);
    add_examples(*command,
                 "  insula source add orders\n"
                 "  insula source add zipcodes --column zip_code:string --column latitude:float64\n"
                 "  insula source add sales --connection-string 'file://sales/*.parquet'\n"
                 "  insula source add events --column at:timestamp --partition-by at --compression "
                 "snappy");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run_add(*arguments)); };
    });
}

void add_list(CLI::App& parent, Action& action) {
    CLI::App* command = parent.add_subcommand("list", "List sources");
    auto client = std::make_shared<ClientFlags>();
    client->add_to(*command);
    add_examples(*command,
                 "  insula source list\n"
                 "  insula source list --output json | jq -r '.sources[].source_id'");
    command->callback(
        [client, &action] { action = [client] { return client_exit_code(run_list(*client)); }; });
}

void add_show(CLI::App& parent, Action& action) {
    CLI::App* command = parent.add_subcommand("show", "Show a source's columns and statistics");
    auto arguments = std::make_shared<NameArguments>();
    command->add_option("source", arguments->sources, "the source")
        ->required()
        ->expected(1)
        ->type_name("SOURCE");
    arguments->client.add_to(*command);
    add_examples(*command, "  insula source show orders");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run_show(*arguments)); };
    });
}

void add_remove(CLI::App& parent, Action& action) {
    CLI::App* command =
        parent.add_subcommand("remove", "Remove sources and their rows, for good")->alias("delete");
    auto arguments = std::make_shared<NameArguments>();
    command->add_option("source", arguments->sources, "one source or several")
        ->required()
        ->type_name("SOURCE");
    arguments->client.add_to(*command);
    add_examples(*command,
                 "  insula source remove orders\n"
                 "  insula source remove orders_2022 orders_2023");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run_remove(*arguments)); };
    });
}

}  // namespace

void add_source(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("source", "Add, list, show and remove sources");
    command->require_subcommand(1);
    add_add(*command, action);
    add_list(*command, action);
    add_show(*command, action);
    add_remove(*command, action);
    add_examples(*command,
                 "  insula source list\n"
                 "  insula source add orders --column ordered_at:timestamp");
}

}  // namespace insula::cli
