#include "cli/demo_script.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "cli/answer_text.h"
#include "cli/output.h"

namespace insula::cli {

namespace {

using json::JsonValue;

constexpr int64_t kOrders = 3;
constexpr double kRevenue = 450.75;

std::string replaced(std::string text, const std::string& source) {
    constexpr std::string_view kMark = "SOURCE";
    for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at)) {
        text.replace(at, kMark.size(), source);
        at += source.size();
    }
    return text;
}

class Script {
  public:
    Script(ServerConnection& server, const std::string& source)
        : server_(server), source_(source) {}

    // Prints the request and its answer; gives the answer.
    Result<std::string> step(std::string_view title, net::Method method, std::string_view target,
                             std::string_view body = {}) {
        const std::string shown_target = replaced(std::string(target), source_);
        const std::string sent = replaced(std::string(body), source_);
        RETURN_IF_ERROR(
            print(fmt::format("== {}\n{} {}\n", title, net::method_name(method), shown_target)));
        if (!sent.empty()) RETURN_IF_ERROR(print_line(sent));
        ASSIGN_OR_RETURN(std::string answer, server_.send(method, shown_target, sent));
        RETURN_IF_ERROR(print("-> "));
        RETURN_IF_ERROR(print_line(answer));
        RETURN_IF_ERROR(print("\n"));
        RETURN_IF_ERROR(flush_output());
        return answer;
    }

    Status add_and_write() {
        RETURN_IF_ERROR(step("Add a source", net::Method::post, "/sources/add", R"({
  "source_id": "SOURCE", "name": "Sales Data Source",
  "schema_definition": {"order_id": "string", "customer_id": "string", "amount": "float64",
                        "order_date": "datetime64[ns]"},
  "index_columns": ["customer_id", "order_date"], "compression": "snappy"
})"));
        added_ = true;
        ASSIGN_OR_RETURN(const std::string answer,
                         step("Write three orders", net::Method::post, "/data/write", R"({
  "source_id": "SOURCE",
  "records": [
    {"fields": {"order_id": "ORD_001", "customer_id": "CUST_001",
                "amount": 100.50, "order_date": "2024-01-15"}},
    {"fields": {"order_id": "ORD_002", "customer_id": "CUST_002",
                "amount": 250.00, "order_date": "2024-01-16"}},
    {"fields": {"order_id": "ORD_003", "customer_id": "CUST_001",
                "amount": 100.25, "order_date": "2024-01-17"}}
  ]
})"));
        ASSIGN_OR_RETURN(const JsonValue written, parse_answer(answer));
        return check(written.find("rows"), JsonValue(kOrders), "rows written");
    }

    Status search() {
        ASSIGN_OR_RETURN(const std::string answer,
                         step("Search for one customer's orders", net::Method::post, "/data/search",
                              R"({
  "sources": ["SOURCE"],
  "filters": {"customer_id": {"eq": "CUST_001"}},
  "limit": 10
})"));
        ASSIGN_OR_RETURN(const JsonValue found, parse_answer(answer));
        const JsonValue* stats = found.find("stats");
        return check(stats == nullptr ? nullptr : stats->find("rows_returned"),
                     JsonValue(int64_t{2}), "rows found");
    }

    Status aggregate() {
        ASSIGN_OR_RETURN(const std::string answer,
                         step("Count and sum", net::Method::post, "/data/aggregate", R"({
  "sources": ["SOURCE"],
  "aggregations": [
    {"type": "count", "alias": "total_orders"},
    {"type": "sum", "column": "amount", "alias": "total_revenue"}
  ]
})"));
        ASSIGN_OR_RETURN(const JsonValue value, parse_answer(answer));
        const JsonValue* results = value.find("results");
        if (results == nullptr || !results->is_array() || results->array().size() != 1) {
            return fail(odd_answer());
        }
        const JsonValue& group = results->array().front();
        RETURN_IF_ERROR(check(group.find("total_orders"), JsonValue(kOrders), "orders counted"));
        RETURN_IF_ERROR(check(group.find("total_revenue"), JsonValue(kRevenue), "revenue"));
        RETURN_IF_ERROR(step("By day, the best first", net::Method::post, "/data/aggregate", R"({
  "sources": ["SOURCE"],
  "aggregations": [{"type": "sum", "column": "amount", "alias": "revenue"}],
  "group_by": [{"column": "order_date", "bucket": "1d", "alias": "day"}],
  "order_by": [{"column": "revenue", "descending": true}]
})"));
        return {};
    }

    Status stream_and_statistics() {
        RETURN_IF_ERROR(step("Stream every row", net::Method::post, "/data/search/stream",
                             R"({"sources": ["SOURCE"]})"));
        RETURN_IF_ERROR(step("The source's statistics", net::Method::get, "/sources/SOURCE/stats"));
        RETURN_IF_ERROR(step("The tenant's statistics", net::Method::get, "/tenant/stats"));
        RETURN_IF_ERROR(step("Health", net::Method::get, "/health"));
        return {};
    }

    Status all() {
        RETURN_IF_ERROR(add_and_write());
        RETURN_IF_ERROR(search());
        RETURN_IF_ERROR(aggregate());
        return stream_and_statistics();
    }

    Status remove() {
        if (!added_) return {};
        RETURN_IF_ERROR(step("Remove the source", net::Method::delete_, "/sources/SOURCE"));
        return {};
    }

  private:
    static Status check(const JsonValue* value, const JsonValue& expected, std::string_view what) {
        if (value != nullptr && *value == expected) return {};
        return fail(Error(Code::internal, "demo_failed",
                          fmt::format("The demo expected {} {}; the answer has {}.", what,
                                      expected.text(), value == nullptr ? "none" : value->text())));
    }

    ServerConnection& server_;
    const std::string source_;
    bool added_ = false;
};

}  // namespace

Status run_demo_script(ServerConnection& server, const std::string& source) {
    Script script(server, source);
    Status ran = script.all();
    Status removed = script.remove();
    if (!ran) return ran;
    RETURN_IF_ERROR(removed);
    return print("Every answer is what was written.\n");
}

}  // namespace insula::cli
