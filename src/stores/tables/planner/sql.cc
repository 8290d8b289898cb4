#include "stores/tables/planner/sql.h"

#include "base/check.h"
#include "stores/tables/planner/plan.h"

namespace insula::tables {

namespace {

using Kind = BoundFilter::Kind;

std::string_view comparison_sql(Comparison comparison) {
    switch (comparison) {
        case Comparison::eq:
            return " = ";
        case Comparison::ne:
            return " <> ";
        case Comparison::lt:
            return " < ";
        case Comparison::lte:
            return " <= ";
        case Comparison::gt:
            return " > ";
        case Comparison::gte:
            return " >= ";
    }
    check_failed(__FILE__, __LINE__, "comparison", "unknown comparison");
}

// The engine pushes prefix() down into scans, which it does not do for starts_with().
std::string_view match_function(TextMatch match) {
    switch (match) {
        case TextMatch::prefix:
            return "prefix(";
        case TextMatch::suffix:
            return "suffix(";
        case TextMatch::contains:
            return "contains(";
        case TextMatch::pattern:
            return "regexp_full_match(";
        case TextMatch::exact:
            break;
    }
    check_failed(__FILE__, __LINE__, "match", "a match that is a function");
}

}  // namespace

void SqlBuilder::parameter(engine::Value value) {
    parameters_.push_back(std::move(value));
    *this << "$" << parameters_.size();
}

void SqlBuilder::filter(const BoundFilter& filter, const Columns& columns) {
    switch (filter.kind) {
        case Kind::always:
            *this << "true";
            return;
        case Kind::never:
            *this << "false";
            return;
        case Kind::all:
            return combine(filter, " AND ", columns);
        case Kind::any:
            return combine(filter, " OR ", columns);
        case Kind::negation:
            // Everything below a negation is monotone, so null stands for false there.
            *this << "(NOT coalesce(";
            this->filter(filter.children[0], columns);
            *this << ", false))";
            return;
        default:
            break;
    }
    std::string column = columns(filter.column);
    if (filter.type == ColumnType::json) column = "CAST(" + column + " AS VARCHAR)";
    switch (filter.kind) {
        case Kind::is_null:
            *this << "(" << column << " IS NULL)";
            return;
        case Kind::not_null:
            *this << "(" << column << " IS NOT NULL)";
            return;
        case Kind::compare:
            return compare(filter, column);
        case Kind::text:
            return text(filter, column);
        default:
            return list(filter, column);
    }
}

Status SqlBuilder::where(const BoundFilter& filter, const Columns& columns) {
    if (filter.kind == Kind::always) return {};
    *this << " WHERE ";
    this->filter(filter, columns);
    if (parameters_.size() <= kPlanParametersMax) return {};
    return fail(invalid_argument("too_many_filters",
                                 "The filters compare with too many values for this many sources.")
                    .with_hint("Ask fewer sources at once, or shorten the lists of values."));
}

void SqlBuilder::combine(const BoundFilter& filter, std::string_view with, const Columns& columns) {
    std::string_view separator = "(";
    for (const BoundFilter& child : filter.children) {
        *this << separator;
        this->filter(child, columns);
        separator = with;
    }
    *this << ")";
}

void SqlBuilder::compare(const BoundFilter& filter, const std::string& column) {
    *this << "(" << column << comparison_sql(filter.comparison);
    parameter(filter.values[0]);
    *this << ")";
}

void SqlBuilder::list(const BoundFilter& filter, const std::string& column) {
    *this << "(" << column << (filter.kind == Kind::in ? " IN " : " NOT IN ");
    std::string_view separator = "(";
    for (const engine::Value& value : filter.values) {
        *this << separator;
        parameter(value);
        separator = ", ";
    }
    *this << "))";
}

void SqlBuilder::text(const BoundFilter& filter, const std::string& column) {
    const std::string_view fold = filter.fold_case ? "lower(" : "";
    const std::string_view end = filter.fold_case ? ")" : "";
    const bool exact = filter.match == TextMatch::exact;
    *this << (exact ? "(" : match_function(filter.match));
    *this << fold << column << end << (exact ? " = " : ", ") << fold;
    parameter(filter.values[0]);
    *this << end;
    if (filter.match == TextMatch::pattern) *this << ", 's'";  // `.` is a newline too
    *this << ")";
}

}  // namespace insula::tables
