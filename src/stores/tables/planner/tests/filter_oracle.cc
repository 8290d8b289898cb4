#include "stores/tables/planner/tests/filter_oracle.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "platform/json/json_value.h"
#include "platform/json/time_text.h"

namespace insula::tables::test {

using json::JsonValue;

namespace {

// Exact for 64-bit integers and doubles: x86's long double has a mantissa of 64 bits.
long double exact_number(const JsonValue& value) {
    switch (value.kind()) {
        case JsonValue::Kind::int64:
            return value.int64();
        case JsonValue::Kind::uint64:
            return value.uint64();
        case JsonValue::Kind::float64:
            return value.float64();
        default:
            return std::strtold(value.big_number().c_str(), nullptr);
    }
}

template <class T>
int order(const T& a, const T& b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

int compare_cell(const Value& cell, const JsonValue& literal) {
    if (const auto* value = std::get_if<bool>(&cell)) return order(*value, literal.boolean());
    if (const auto* value = std::get_if<int64_t>(&cell)) {
        return order<long double>(*value, exact_number(literal));
    }
    if (const auto* value = std::get_if<double>(&cell)) {
        return order<long double>(*value, exact_number(literal));
    }
    if (const auto* value = std::get_if<std::string>(&cell)) return order(*value, literal.string());
    const __int128 instant = *json::parse_instant(literal.string());
    if (const auto* value = std::get_if<DateValue>(&cell)) {
        return order(static_cast<__int128>(value->days) * json::kNanosPerDay, instant);
    }
    return order(static_cast<__int128>(std::get<TimestampValue>(cell).nanos), instant);
}

// LIKE by its definition; `text` and `pattern` in UTF-8, folded before if case is ignored.
bool like(std::string_view text, std::string_view pattern) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '%') {
        for (size_t i = 0; i <= text.size(); ++i) {
            if (like(text.substr(i), pattern.substr(1))) return true;
        }
        return false;
    }
    if (text.empty()) return false;
    if (pattern[0] == '_') {
        size_t length = 1;
        while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
            ++length;
        return like(text.substr(length), pattern.substr(1));
    }
    if (pattern[0] == '\\') pattern.remove_prefix(1);
    return text[0] == pattern[0] && like(text.substr(1), pattern.substr(1));
}

std::string folded(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

bool predicate_holds(const Filter& filter, const Value& cell) {
    if (filter.op == Operator::is_null) return cell.index() == 0;
    if (cell.index() == 0) return false;
    const auto compared = [&](size_t i) { return compare_cell(cell, filter.operands[i]); };
    const auto listed = [&] {
        for (size_t i = 0; i < filter.operands.size(); ++i) {
            if (compared(i) == 0) return true;
        }
        return false;
    };
    const auto text = [&] { return std::get<std::string>(cell); };
    const auto operand = [&] { return filter.operands[0].string(); };
    switch (filter.op) {
        case Operator::eq:
            return compared(0) == 0;
        case Operator::ne:
            return compared(0) != 0;
        case Operator::gt:
            return compared(0) > 0;
        case Operator::gte:
            return compared(0) >= 0;
        case Operator::lt:
            return compared(0) < 0;
        case Operator::lte:
            return compared(0) <= 0;
        case Operator::between:
            return compared(0) >= 0 && compared(1) <= 0;
        case Operator::in:
            return listed();
        case Operator::not_in:
            return !listed();
        case Operator::like:
            return like(text(), operand());
        case Operator::ilike:
            return like(folded(text()), folded(operand()));
        case Operator::prefix:
            return text().starts_with(operand());
        case Operator::contains:
            return text().find(operand()) != std::string::npos;
        case Operator::is_null:
        case Operator::not_null:
            break;
    }
    return true;
}

}  // namespace

Filter parsed_filter(const std::string& text) {
    const auto value = JsonValue::parse(text);
    if (!value) std::abort();
    auto filter = parse_filter(json::JsonCursor(*value));
    if (!filter) std::abort();
    return *std::move(filter);
}

bool holds(const Filter& filter, const Table& table, const Row& row) {
    const auto child_holds = [&](const Filter& child) { return holds(child, table, row); };
    switch (filter.kind) {
        case Filter::Kind::all:
            return std::ranges::all_of(filter.children, child_holds);
        case Filter::Kind::any:
            return std::ranges::any_of(filter.children, child_holds);
        case Filter::Kind::negation:
            return !child_holds(filter.children[0]);
        case Filter::Kind::predicate:
            break;
    }
    const catalog::Column* column = table.column(filter.column);
    return predicate_holds(filter, column == nullptr ? Value{} : table.cell(row, *column));
}

}  // namespace insula::tables::test
