#include "cli/query_flags.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/exit_code.h"
#include "cli/filter_expression.h"
#include "cli/option_checks.h"
#include "cli/query_arguments.h"

namespace insula::cli {

using json::JsonValue;

void QueryFlags::add_to(CLI::App& command) {
    command.add_option("source", sources_, "one source or several; none: all of the tenant")
        ->type_name("SOURCE");
    command
        .add_option(
            "--filter", expressions_,
            "a condition, such as 'amount>=100' or \"country in (DE, FR) and not paid=true\"; "
            "all of several must hold")
        ->allow_extra_args(false)
        ->type_name("EXPRESSION");
    command
        .add_option("--filters", filters_,
                    "conditions in the interface's own form: {\"amount\": {\"gte\": 100}}")
        ->type_name("JSON");
    command.add_option("--order-by", order_by_, "columns, descending with a minus: a,-b")
        ->type_name("COLUMNS");
    command.add_option("--limit", limit_, "rows at most")
        ->check(refuse_no_whole_number)
        ->type_name("N");
}

Status QueryFlags::add_members(JsonValue::Object& request) const {
    if (!sources_.empty()) {
        JsonValue::Array sources;
        for (const std::string& source : sources_) sources.emplace_back(source);
        request.push_back({"sources", JsonValue(std::move(sources))});
    }
    ASSIGN_OR_RETURN(auto filters, read_filters(expressions_, filters_, "--filters"));
    if (filters) request.push_back({"filters", *std::move(filters)});
    if (!order_by_.empty()) {
        ASSIGN_OR_RETURN(JsonValue order, parse_order_by(order_by_));
        request.push_back({"order_by", std::move(order)});
    }
    if (limit_) request.push_back({"limit", JsonValue(*limit_)});
    return {};
}

Result<std::optional<JsonValue>> read_filters(const std::vector<std::string>& expressions,
                                              std::string_view json, std::string_view flag) {
    std::vector<JsonValue> filters;
    for (const std::string& expression : expressions) {
        ASSIGN_OR_RETURN(filters.emplace_back(), parse_filter_expression(expression));
    }
    if (!json.empty()) {
        auto parsed = JsonValue::parse(json, {.subject = flag});
        if (!parsed) return fail(usage_error(std::string(parsed.error().message())));
        if (!parsed->is_object()) {
            return fail(usage_error(std::string(flag) + " takes a JSON object.")
                            .with_hint("For example {\"amount\": {\"gte\": 100}}."));
        }
        filters.push_back(*std::move(parsed));
    }
    if (filters.empty()) return std::optional<JsonValue>();
    return std::optional<JsonValue>(all_of(std::move(filters)));
}

}  // namespace insula::cli
