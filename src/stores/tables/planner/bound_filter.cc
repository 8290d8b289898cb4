#include "stores/tables/planner/bound_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "platform/json/time_text.h"
#include "stores/tables/planner/literal.h"
#include "stores/tables/planner/pattern.h"

namespace insula::tables {

namespace {

using json::JsonValue;
using Kind = BoundFilter::Kind;

std::string_view value_kind(const JsonValue& value) {
    switch (value.kind()) {
        case JsonValue::Kind::boolean:
            return "a boolean";
        case JsonValue::Kind::string:
            return "a string";
        default:
            return "a number";
    }
}

// One predicate on a column that the source has.
class Binder {
  public:
    Binder(const Filter& filter, const FilterColumn& column, uint32_t index)
        : filter_(filter), column_(column), index_(index) {}

    Result<BoundFilter> bind() const {
        switch (filter_.op) {
            case Operator::is_null:
                return leaf(Kind::is_null);
            case Operator::not_null:
                return leaf(Kind::not_null);
            case Operator::like:
            case Operator::ilike:
            case Operator::prefix:
            case Operator::contains:
                return text();
            case Operator::in:
            case Operator::not_in:
                return list();
            case Operator::between:
                return between();
            default:
                return compare(comparison(), filter_.operands[0]);
        }
    }

  private:
    BoundFilter leaf(Kind kind) const {
        BoundFilter out;
        out.kind = kind;
        out.column = index_;
        out.column_id = column_.id;
        out.type = column_.type;
        return out;
    }

    Comparison comparison() const {
        switch (filter_.op) {
            case Operator::eq:
                return Comparison::eq;
            case Operator::ne:
                return Comparison::ne;
            case Operator::gt:
                return Comparison::gt;
            case Operator::gte:
                return Comparison::gte;
            case Operator::lt:
                return Comparison::lt;
            case Operator::lte:
                return Comparison::lte;
            default:
                check_failed(__FILE__, __LINE__, "op", "an operator that compares");
        }
    }

    Error mismatch(std::string_view complaint) const {
        return invalid_argument(
            "kind_mismatch", fmt::format("{}: the column \"{}\" is of type {}; {}", filter_.path,
                                         column_.name, column_type_name(column_.type), complaint));
    }
    Error not_a(std::string_view wanted, const JsonValue& value) const {
        return mismatch(
            fmt::format("it is compared with {}, not with {}.", wanted, value_kind(value)));
    }
    Error operator_mismatch() const {
        return mismatch(fmt::format("\"{}\" does not apply to it.", operator_name(filter_.op)));
    }

    // The comparison with a literal that stands where `floor` says, told in values of the column's
    // type.
    template <class Wrap, class T>
    BoundFilter place(Comparison how, const Floor<T>& floor) const {
        if (!floor.exact) {
            if (how == Comparison::eq) return leaf(Kind::never);
            if (how == Comparison::ne) return leaf(Kind::not_null);
            const bool below = how == Comparison::lt || how == Comparison::lte;
            if (!floor.value) return leaf(below ? Kind::never : Kind::not_null);
            how = below ? Comparison::lte : Comparison::gt;
        }
        BoundFilter out = leaf(Kind::compare);
        out.comparison = how;
        out.values.emplace_back(Wrap{*floor.value});
        return out;
    }

    Result<BoundFilter> compare(Comparison how, const JsonValue& value) const {
        switch (column_.type) {
            case ColumnType::int64:
            case ColumnType::float64:
                return compare_number(how, value);
            case ColumnType::date:
            case ColumnType::timestamp:
                return compare_time(how, value);
            case ColumnType::string: {
                if (!value.is_string()) return fail(not_a("strings", value));
                BoundFilter out = leaf(Kind::compare);
                out.comparison = how;
                out.values.emplace_back(value.string());
                return out;
            }
            case ColumnType::boolean: {
                if (how != Comparison::eq && how != Comparison::ne)
                    return fail(operator_mismatch());
                if (value.kind() != JsonValue::Kind::boolean) {
                    return fail(not_a("true or false", value));
                }
                BoundFilter out = leaf(Kind::compare);
                out.comparison = how;
                out.values.emplace_back(value.boolean());
                return out;
            }
            case ColumnType::json:
                return fail(
                    operator_mismatch().with_hint("Columns of arrays or mixed values know is_null, "
                                                  "not_null, like, ilike, prefix and "
                                                  "contains, which look at their JSON text."));
        }
        check_failed(__FILE__, __LINE__, "type", "unknown column type");
    }

    Result<BoundFilter> compare_number(Comparison how, const JsonValue& value) const {
        if (!value.is_number()) return fail(not_a("numbers", value));
        if (column_.type == ColumnType::float64) return place<double>(how, floor_float64(value));
        const Floor<int64_t> floor = floor_int64(value);
        const bool outside =
            !floor.value || (!floor.exact && *floor.value == std::numeric_limits<int64_t>::max());
        if (column_.wide && outside) {
            return fail(invalid_argument(
                "number_out_of_range",
                fmt::format("{}: {} is beyond 64 bits.", filter_.path, number_text(value))));
        }
        return place<int64_t>(how, floor);
    }

    Result<BoundFilter> compare_time(Comparison how, const JsonValue& value) const {
        const bool date = column_.type == ColumnType::date;
        const std::string_view example = date ? "\"2024-01-15\"" : "\"2024-01-15T10:20:30Z\"";
        if (!value.is_string()) {
            return fail(not_a(fmt::format("a string such as {}", example), value));
        }
        const auto instant = json::parse_instant(value.string());
        if (!instant) {
            return fail(
                mismatch(fmt::format("\"{}\" is no time. Write it as {}.",
                                     std::string_view(value.string()).substr(0, 64), example)));
        }
        if (date) return place<engine::DateValue>(how, floor_date(*instant));
        return place<engine::TimestampValue>(how, floor_timestamp(*instant));
    }

    Result<BoundFilter> between() const {
        BoundFilter out = leaf(Kind::all);
        if (column_.type == ColumnType::boolean) return fail(operator_mismatch());
        ASSIGN_OR_RETURN(auto low, compare(Comparison::gte, filter_.operands[0]));
        ASSIGN_OR_RETURN(auto high, compare(Comparison::lte, filter_.operands[1]));
        out.children.push_back(std::move(low));
        out.children.push_back(std::move(high));
        return out;
    }

    Result<BoundFilter> list() const {
        const bool negated = filter_.op == Operator::not_in;
        BoundFilter out = leaf(negated ? Kind::not_in : Kind::in);
        if (column_.type == ColumnType::json) return fail(operator_mismatch());
        for (const JsonValue& operand : filter_.operands) {
            ASSIGN_OR_RETURN(auto equal, compare(Comparison::eq, operand));
            if (equal.kind == Kind::compare) out.values.push_back(std::move(equal.values[0]));
        }
        if (out.values.empty()) return leaf(negated ? Kind::not_null : Kind::never);
        return out;
    }

    Result<BoundFilter> text() const {
        if (!is_text(column_.type)) return fail(operator_mismatch());
        const JsonValue& operand = filter_.operands[0];
        if (!operand.is_string()) return fail(not_a("strings", operand));
        BoundFilter out = leaf(Kind::text);
        if (filter_.op == Operator::prefix || filter_.op == Operator::contains) {
            const bool prefix = filter_.op == Operator::prefix;
            out.match = prefix ? TextMatch::prefix : TextMatch::contains;
            if (prefix) out.literal_prefix = operand.string();
            if (operand.string().empty()) return leaf(Kind::not_null);
            out.values.emplace_back(operand.string());
            return out;
        }
        if (operand.string().size() > kPatternBytesMax) {
            return fail(invalid_argument(
                "invalid_pattern",
                fmt::format("{}: the pattern has {} bytes; at most {} are allowed.", filter_.path,
                            operand.string().size(), kPatternBytesMax)));
        }
        return pattern(operand.string(), std::move(out));
    }

    Result<BoundFilter> pattern(const std::string& text, BoundFilter out) const {
        ASSIGN_OR_RETURN(auto pattern, parse_pattern(text));
        out.match = pattern.match;
        out.fold_case = filter_.op == Operator::ilike;
        if (!out.fold_case) out.literal_prefix = std::move(pattern.literal_prefix);
        if (out.match == TextMatch::contains && pattern.text.empty()) return leaf(Kind::not_null);
        if (out.match == TextMatch::exact && !out.fold_case) out.kind = Kind::compare;
        out.values.emplace_back(std::move(pattern.text));
        return out;
    }

    const Filter& filter_;
    const FilterColumn& column_;
    const uint32_t index_;
};

BoundFilter constant(bool value) {
    BoundFilter out;
    out.kind = value ? Kind::always : Kind::never;
    return out;
}

// Drops children that decide nothing; one that decides everything takes the place of all.
BoundFilter combined(std::vector<BoundFilter> children, bool any) {
    const Kind neutral = any ? Kind::never : Kind::always;
    const Kind decisive = any ? Kind::always : Kind::never;
    if (std::ranges::any_of(children, [&](const auto& child) { return child.kind == decisive; })) {
        return constant(any);
    }
    std::erase_if(children, [&](const BoundFilter& child) { return child.kind == neutral; });
    if (children.empty()) return constant(!any);
    if (children.size() == 1) return BoundFilter(std::move(children[0]));
    BoundFilter out;
    out.kind = any ? Kind::any : Kind::all;
    out.children = std::move(children);
    return out;
}

BoundFilter negated(BoundFilter child) {
    if (child.kind == Kind::always || child.kind == Kind::never) {
        return constant(child.kind == Kind::never);
    }
    if (child.kind == Kind::is_null || child.kind == Kind::not_null) {
        child.kind = child.kind == Kind::is_null ? Kind::not_null : Kind::is_null;
        return child;
    }
    if (child.kind == Kind::negation) return BoundFilter(std::move(child.children[0]));
    BoundFilter out;
    out.kind = Kind::negation;
    out.children.push_back(std::move(child));
    return out;
}

Result<BoundFilter> bind_predicate(const Filter& filter, std::span<const FilterColumn> columns) {
    const auto at =
        std::ranges::find(columns, std::string_view(filter.column), &FilterColumn::name);
    if (at == columns.end()) return constant(filter.op == Operator::is_null);
    ASSIGN_OR_RETURN(auto bound,
                     Binder(filter, *at, static_cast<uint32_t>(at - columns.begin())).bind());
    if (bound.kind != Kind::all) return bound;
    return combined(std::move(bound.children), false);
}

}  // namespace

Result<BoundFilter> bind_filter(const Filter& filter, std::span<const FilterColumn> columns) {
    if (filter.kind == Filter::Kind::predicate) return bind_predicate(filter, columns);
    std::vector<BoundFilter> children;
    children.reserve(filter.children.size());
    for (const Filter& child : filter.children) {
        ASSIGN_OR_RETURN(auto bound, bind_filter(child, columns));
        children.push_back(std::move(bound));
    }
    if (filter.kind == Filter::Kind::negation) return negated(std::move(children[0]));
    return combined(std::move(children), filter.kind == Filter::Kind::any);
}

}  // namespace insula::tables
