#include "stores/tables/planner/filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace insula::tables {

namespace {

using json::JsonCursor;
using json::JsonValue;

class FilterReader {
  public:
    Result<Filter> object(const JsonCursor& cursor, size_t depth) {
        if (depth > kFilterDepthMax) {
            return fail(
                cursor.error("too_many_filters",
                             fmt::format("is nested deeper than {} levels.", kFilterDepthMax)));
        }
        ASSIGN_OR_RETURN(const auto members, cursor.object(kFilterNodesMax));
        Filter all;
        for (const json::JsonMember& member : members) {
            const JsonCursor place = cursor.member(member);
            if (member.name == "and" || member.name == "or") {
                ASSIGN_OR_RETURN(auto list, alternatives(place, member.name == "or", depth));
                all.children.push_back(std::move(list));
            } else if (member.name == "not") {
                RETURN_IF_ERROR(count_node(place));
                Filter negation{.kind = Filter::Kind::negation};
                ASSIGN_OR_RETURN(auto inner, object(place, depth + 1));
                negation.children.push_back(std::move(inner));
                all.children.push_back(std::move(negation));
            } else {
                RETURN_IF_ERROR(column(place, member.name, all.children));
            }
        }
        if (all.children.size() == 1) return Filter(std::move(all.children.front()));
        return all;
    }

  private:
    Result<Filter> alternatives(const JsonCursor& cursor, bool any, size_t depth) {
        RETURN_IF_ERROR(count_node(cursor));
        if (cursor.value().is_object()) {
            return fail(
                cursor.must_be("an array of filters")
                    .with_hint(fmt::format(
                        "A column that is named so is written with a backslash: \"\\\\{}\".",
                        any ? "or" : "and")));
        }
        ASSIGN_OR_RETURN(const auto items, cursor.array(kFilterNodesMax));
        Filter list{.kind = any ? Filter::Kind::any : Filter::Kind::all};
        for (size_t i = 0; i < items.size(); ++i) {
            ASSIGN_OR_RETURN(auto child, object(cursor.item(i), depth + 1));
            list.children.push_back(std::move(child));
        }
        return list;
    }

    Status column(const JsonCursor& cursor, std::string_view name, std::vector<Filter>& out) {
        if (name.starts_with('\\')) name.remove_prefix(1);
        if (name.empty() || name.size() > kNameBytesMax) {
            return fail(invalid_argument("invalid_request",
                                         "A filter names a column of no name, or of "
                                         "a name that is too long."));
        }
        if (!cursor.value().is_object()) {
            return fail(cursor.must_be("an object of operators")
                            .with_hint("Write {\"column\": {\"eq\": value}}."));
        }
        ASSIGN_OR_RETURN(const auto operators, cursor.object(kOperatorNames.size()));
        if (operators.empty()) {
            return fail(cursor.error("invalid_request", "holds no operator.")
                            .with_hint("Operators: " + joined(kOperatorNames) + "."));
        }
        for (const json::JsonMember& member : operators) {
            Filter predicate{.kind = Filter::Kind::predicate, .column = std::string(name)};
            RETURN_IF_ERROR(read_operator(cursor.member(member), member.name, predicate));
            out.push_back(std::move(predicate));
        }
        return {};
    }

    Status read_operator(const JsonCursor& cursor, std::string_view name, Filter& out) {
        RETURN_IF_ERROR(count_node(cursor));
        const auto known = std::ranges::find(kOperatorNames, name);
        if (known == kOperatorNames.end()) {
            std::string hint = did_you_mean(name, kOperatorNames);
            if (!hint.empty()) hint += ' ';
            return fail(cursor.error("unknown_operator", "is no operator.")
                            .with_hint(hint + "Operators: " + joined(kOperatorNames) + "."));
        }
        out.op = static_cast<Operator>(known - kOperatorNames.begin());
        out.path = cursor.path();
        switch (out.op) {
            case Operator::is_null:
            case Operator::not_null:
                return null_test(cursor, out);
            case Operator::between:
                return between(cursor, out);
            case Operator::in:
            case Operator::not_in:
                return list(cursor, out);
            default:
                return operand(cursor, out);
        }
    }

    Status null_test(const JsonCursor& cursor, Filter& out) {
        ASSIGN_OR_RETURN(const bool wanted, cursor.boolean());
        if (!wanted) {
            out.op = out.op == Operator::is_null ? Operator::not_null : Operator::is_null;
        }
        return {};
    }

    Status between(const JsonCursor& cursor, Filter& out) {
        if (!cursor.value().is_array() || cursor.value().array().size() != 2) {
            return fail(
                cursor.error("invalid_request", "must be an array of two values: [low, high]."));
        }
        RETURN_IF_ERROR(operand(cursor.item(0), out));
        return operand(cursor.item(1), out);
    }

    Status list(const JsonCursor& cursor, Filter& out) {
        if (!cursor.value().is_array()) return fail(cursor.must_be("an array of values"));
        if (cursor.value().array().size() > kFilterListMax) {
            return fail(cursor.error("too_many_filters",
                                     fmt::format("has {} values; at most {} are allowed.",
                                                 cursor.value().array().size(), kFilterListMax)));
        }
        for (size_t i = 0; i < cursor.value().array().size(); ++i) {
            RETURN_IF_ERROR(operand(cursor.item(i), out));
        }
        return {};
    }

    Status operand(const JsonCursor& cursor, Filter& out) {
        const JsonValue& value = cursor.value();
        if (value.is_null()) {
            return fail(cursor.error("invalid_request", "is null.")
                            .with_hint("Rows without a value are found by {\"is_null\": true}."));
        }
        if (value.is_array() || value.is_object()) {
            return fail(cursor.must_be("a string, a number, true or false"));
        }
        if (++values_ > kFilterValuesMax) {
            return fail(
                cursor.error("too_many_filters",
                             fmt::format("is beyond the {} values that a request may compare "
                                         "with.",
                                         kFilterValuesMax)));
        }
        out.operands.push_back(value);
        return {};
    }

    Status count_node(const JsonCursor& cursor) {
        if (++nodes_ <= kFilterNodesMax) return {};
        return fail(cursor.error(
            "too_many_filters",
            fmt::format("is beyond the {} operators that a request may have.", kFilterNodesMax)));
    }

    size_t nodes_ = 0;
    size_t values_ = 0;
};

}  // namespace

Result<Filter> parse_filter(const JsonCursor& cursor) { return FilterReader().object(cursor, 1); }

}  // namespace insula::tables
