// insula aggregate: counts, sums and groups.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/answer_text.h"
#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/query_arguments.h"
#include "cli/query_flags.h"

namespace insula::cli {

namespace {

using json::JsonValue;

struct AggregateArguments {
    ClientFlags client;
    QueryFlags query;
    std::vector<std::string> aggregations;
    std::string group_by;
    std::vector<std::string> having;
};

Result<std::string> request_body(const AggregateArguments& arguments) {
    JsonValue::Object request;
    RETURN_IF_ERROR(arguments.query.add_members(request));
    JsonValue::Array aggregations;
    for (const std::string& text : arguments.aggregations) {
        ASSIGN_OR_RETURN(aggregations.emplace_back(), parse_aggregation(text));
    }
    if (aggregations.empty() && arguments.group_by.empty()) {
        return fail(usage_error("There is nothing to work out.")
                        .with_hint("Give --agg, such as --agg count or --agg sum:amount."));
    }
    if (!aggregations.empty()) {
        request.push_back({"aggregations", JsonValue(std::move(aggregations))});
    }
    if (!arguments.group_by.empty()) {
        ASSIGN_OR_RETURN(JsonValue groups, parse_group_by(arguments.group_by));
        request.push_back({"group_by", std::move(groups)});
    }
    ASSIGN_OR_RETURN(auto having, read_filters(arguments.having, {}, "--having"));
    if (having) request.push_back({"having", *std::move(having)});
    return JsonValue(std::move(request)).text();
}

net::ClientRequest csv_request(const std::string& body) {
    net::ClientRequest request;
    request.method = net::Method::post;
    request.target = "/data/aggregate";
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "text/csv"}};
    request.body = body;
    return request;
}

// NDJSON: a group a line, as other tools read it.
Status print_groups(const JsonValue::Array& groups) {
    for (const JsonValue& group : groups) RETURN_IF_ERROR(print(group.text() + "\n"));
    return {};
}

Status run(const AggregateArguments& arguments) {
    ASSIGN_OR_RETURN(const std::string body, request_body(arguments));
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    const OutputFormat output = arguments.client.output();
    if (output == OutputFormat::csv) return server.stream(csv_request(body), print);
    ASSIGN_OR_RETURN(const std::string answer,
                     server.send(net::Method::post, "/data/aggregate", body));
    if (output == OutputFormat::json) return print_line(answer);
    ASSIGN_OR_RETURN(const JsonValue value, parse_answer(answer));
    const JsonValue* results = value.find("results");
    if (results == nullptr || !results->is_array()) return fail(odd_answer());
    if (output == OutputFormat::ndjson) {
        RETURN_IF_ERROR(print_groups(results->array()));
    } else {
        TableBuilder builder;
        for (const JsonValue& group : results->array()) {
            builder.begin_row();
            builder.add_members(group);
        }
        RETURN_IF_ERROR(print(render_table(builder.table(), output_width())));
    }
    if (value.find("truncated") != nullptr) {
        warn("insula: There are more groups than the limit; raise it with --limit.");
    }
    if (const JsonValue* stats = value.find("stats")) remark_stats(*stats);
    return {};
}

}  // namespace

void add_aggregate(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("aggregate", "Count, sum and group rows");
    auto arguments = std::make_shared<AggregateArguments>();
    arguments->query.add_to(*command);
    command
        ->add_option("--agg", arguments->aggregations,
                     "TYPE[:COLUMN[:ALIAS]]; repeat it for several. Types: count, count_distinct, "
                     "sum, avg, min, max, stddev, variance, median")
        ->allow_extra_args(false)
        ->type_name("AGGREGATION");
    command
        ->add_option("--group-by", arguments->group_by,
                     "columns, times in buckets: country,ordered_at:1h or ordered_at:1mo:month")
        ->type_name("COLUMNS");
    command
        ->add_option("--having", arguments->having,
                     "a condition on the results, such as 'revenue>1000'; all of several must hold")
        ->allow_extra_args(false)
        ->type_name("EXPRESSION");
    arguments->client.add_to(*command);
    add_examples(
        *command,
        "  insula aggregate orders --agg count\n"
        "  insula aggregate orders --agg sum:amount:revenue --agg count::orders --group-by "
        "country\n"
        "  insula aggregate orders --agg avg:amount --group-by ordered_at:1d:day --order-by day\n"
        "  insula aggregate orders --agg sum:amount:revenue --group-by country --having "
        "'revenue>1000' \\\n"
        "      --filter 'paid=true' --order-by -revenue --limit 10 --output csv");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run(*arguments)); };
    });
}

}  // namespace insula::cli
