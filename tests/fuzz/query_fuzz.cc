// Search and aggregate requests, from their text to the SQL that the engine gets.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "fuzz_target.h"
#include "stores/tables/ingest/schema.h"
#include "stores/tables/planner/plan.h"

namespace insula::tables {
namespace {

constexpr std::string_view kSqlPunctuation = " _(),.$*<>='+-%/";

catalog::Column column(uint64_t id, std::vector<std::string> path, ColumnType type) {
    catalog::Column made{.id = ColumnId{id}, .type = type};
    made.name = column_name(path);
    made.path = std::move(path);
    return made;
}

const Schema& wide_source() {
    static const Schema schema(std::vector<catalog::Column>{
        column(1, {"b"}, ColumnType::boolean), column(2, {"i"}, ColumnType::int64),
        column(3, {"f"}, ColumnType::float64), column(4, {"s"}, ColumnType::string),
        column(5, {"d"}, ColumnType::date), column(6, {"t"}, ColumnType::timestamp),
        column(7, {"o", "j"}, ColumnType::json), column(8, {"x'; DROP"}, ColumnType::int64)});
    return schema;
}

const Schema& other_source() {
    static const Schema schema(std::vector<catalog::Column>{
        column(1, {"i"}, ColumnType::float64), column(2, {"s"}, ColumnType::string),
        column(3, {"own"}, ColumnType::string)});
    return schema;
}

// A source without rows would be left out of the plan.
const std::vector<ChunkRows>& one_row() {
    static const std::vector<ChunkRows> rows{
        {std::make_shared<Chunk>(std::span<const ColumnSpec>(), 1), 1, 0}};
    return rows;
}

std::vector<SourceInput> sources(size_t count) {
    std::vector<SourceInput> all{
        {.source_id = "wide", .schema = &wide_source(), .chunks = one_row()},
        {.source_id = "other", .schema = &other_source(), .chunks = one_row()}};
    all.resize(count);
    return all;
}

void check_refusal(const Error& error) {
    INSULA_FUZZ_EXPECT(error.code() == Code::invalid_argument, error.describe());
    INSULA_FUZZ_EXPECT(!error.message().empty(), "an error says what is wrong");
}

// Nothing that a client sent stands in the SQL itself: names are ours, values are parameters.
void check_sql(const engine::Query& query) {
    const bool ours = std::ranges::all_of(query.sql, [](unsigned char c) {
        return (c < 0x80 && std::isalnum(c) != 0) ||
               kSqlPunctuation.find(static_cast<char>(c)) != std::string_view::npos;
    });
    INSULA_FUZZ_EXPECT(ours, query.sql);
    INSULA_FUZZ_EXPECT(query.sql.find("DROP") == std::string::npos, query.sql);
    const auto quotes = std::ranges::count(query.sql, '\'');
    INSULA_FUZZ_EXPECT(quotes % 2 == 0, query.sql);
}

}  // namespace

INSULA_FUZZ_TARGET(query, input) {
    const auto body = json::JsonValue::parse(as_text(input));
    if (!body) return check_refusal(body.error());
    for (const SearchMode mode : {SearchMode::page, SearchMode::stream}) {
        const auto request = parse_search(*body, mode);
        if (!request) {
            check_refusal(request.error());
            continue;
        }
        for (const size_t count : {1, 2}) {
            const auto inputs = sources(count);
            const auto plan = plan_search(*request, inputs);
            plan ? check_sql(plan->query) : check_refusal(plan.error());
        }
    }
    const auto request = parse_aggregate(*body);
    if (!request) return check_refusal(request.error());
    for (const size_t count : {1, 2}) {
        const auto inputs = sources(count);
        const auto plan = plan_aggregate(*request, inputs);
        plan ? check_sql(plan->query) : check_refusal(plan.error());
    }
}

}  // namespace insula::tables
