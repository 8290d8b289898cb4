// Rows of every type, chunks made of them, and a slow evaluator of filters that shares no code with
// the planner: what the tests of planner and renderers compare with.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/catalog/types.h"
#include "platform/engine/engine.h"
#include "platform/json/json_value.h"
#include "platform/json/time_text.h"
#include "stores/tables/planner/filter.h"

namespace insula::tables::test {

using engine::DateValue;
using engine::TimestampValue;
using engine::Value;
using json::JsonValue;
using Row = std::vector<Value>;  // one for each column; monostate is null

struct Table {
    std::string source_id;
    std::vector<catalog::Column> columns;
    std::vector<Row> rows;

    const catalog::Column* column(std::string_view name) const {
        const auto at = std::ranges::find(columns, name, &catalog::Column::name);
        return at == columns.end() ? nullptr : &*at;
    }
    const Value& cell(const Row& row, const catalog::Column& column) const {
        return row[static_cast<size_t>(&column - columns.data())];
    }
};

inline catalog::Column make_column(uint64_t id, std::vector<std::string> path, ColumnType type) {
    std::string name;
    for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
    return {.id = ColumnId{id}, .path = std::move(path), .name = std::move(name), .type = type};
}

// One column of each type, two of them nested.
inline std::vector<catalog::Column> every_type() {
    return {make_column(1, {"b"}, ColumnType::boolean),
            make_column(2, {"i"}, ColumnType::int64),
            make_column(3, {"n", "f"}, ColumnType::float64),
            make_column(4, {"s"}, ColumnType::string),
            make_column(5, {"n", "d"}, ColumnType::date),
            make_column(6, {"t"}, ColumnType::timestamp),
            make_column(7, {"j"}, ColumnType::json)};
}

class Samples {
  public:
    explicit Samples(uint64_t seed) : random_(seed) {}

    uint64_t below(uint64_t bound) { return random_() % bound; }
    template <class T>
    T pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }

    Value value(ColumnType type) {
        switch (type) {
            case ColumnType::boolean:
                return below(2) == 0;
            case ColumnType::int64:
                return pick(kIntegers);
            case ColumnType::float64:
                return pick(kFloats);
            case ColumnType::string:
                return pick(kTexts);
            case ColumnType::date:
                return DateValue{static_cast<int32_t>(below(6)) + 19'000};
            case ColumnType::timestamp:
                return TimestampValue{static_cast<int64_t>(19'000 + below(4)) * json::kNanosPerDay +
                                      pick<int64_t>({0, 1, 3'600'000'000'000, -1})};
            case ColumnType::json:
                return pick<std::string>({"[1,2]", R"({"k":"ab"})", "[]"});
        }
        std::abort();
    }

    Table table(std::string source_id, std::vector<catalog::Column> columns, size_t rows) {
        Table table{std::move(source_id), std::move(columns), {}};
        for (size_t i = 0; i < rows; ++i) {
            Row& row = table.rows.emplace_back();
            for (const catalog::Column& column : table.columns) {
                row.push_back(below(5) == 0 ? Value{} : value(column.type));
            }
        }
        return table;
    }

    // A random filter as JSON text, over the columns given.
    std::string filter(const std::vector<catalog::Column>& columns, int depth = 0) {
        std::string text = "{";
        for (uint64_t parts = below(depth == 0 ? 2 : 3) + 1; parts > 0; --parts) {
            if (text.size() > 1) text += ",";
            text += part(columns, depth, parts);
        }
        return text + "}";
    }

  private:
    // `number`, from 1 to 3, keeps keys apart within an object.
    std::string part(const std::vector<catalog::Column>& columns, int depth, uint64_t number) {
        if (depth < 3 && number == 1) {
            switch (below(5)) {
                case 0:
                    return R"("not":)" + filter(columns, depth + 1);
                case 1:
                    return R"("and":[)" + filter(columns, depth + 1) + "," +
                           filter(columns, depth + 1) + "]";
                case 2:
                    return R"("or":[)" + filter(columns, depth + 1) + "," +
                           filter(columns, depth + 1) + "]";
                default:
                    break;
            }
        }
        // Parts of one object take turns, so that no key comes twice.
        const size_t first = number - 1;
        const catalog::Column& column =
            columns[first + 3 * below((columns.size() - first + 2) / 3)];
        return "\"" + column.name + "\":{" + predicate(column.type) + "}";
    }

    std::string literal(ColumnType type) {
        switch (type) {
            case ColumnType::boolean:
                return below(2) == 0 ? "true" : "false";
            case ColumnType::int64:
            case ColumnType::float64:
                return pick(kNumbers);
            case ColumnType::date:
            case ColumnType::timestamp:
                return '"' + pick(kTimes) + '"';
            default:
                return JsonValue(pick(kTexts)).text();
        }
    }

    std::string list(ColumnType type) {
        std::string text = "[";
        for (uint64_t count = below(4); count > 0; --count)
            text += literal(type) + (count > 1 ? "," : "");
        return text + "]";
    }

    std::string predicate(ColumnType type) {
        if (below(8) == 0) return pick<std::string>({R"("is_null":true)", R"("not_null":true)"});
        if (type == ColumnType::json || (type == ColumnType::string && below(2) == 0)) {
            switch (below(4)) {
                case 0:
                    return R"("prefix":)" + literal(type);
                case 1:
                    return R"("contains":)" + literal(type);
                case 2:
                    return R"("like":)" + JsonValue(pick(kPatterns)).text();
                default:
                    return R"("ilike":)" + JsonValue(pick(kPatterns)).text();
            }
        }
        if (type == ColumnType::boolean) {
            return (below(2) == 0 ? R"("eq":)" : R"("ne":)") + literal(type);
        }
        switch (below(4)) {
            case 0:
                return R"("in":)" + list(type);
            case 1:
                return R"("not_in":)" + list(type);
            case 2:
                return R"("between":[)" + literal(type) + "," + literal(type) + "]";
            default:
                return pick<std::string>({R"("eq":)", R"("ne":)", R"("gt":)", R"("gte":)",
                                          R"("lt":)", R"("lte":)"}) +
                       literal(type);
        }
    }

    const std::vector<int64_t> kIntegers{
        -3, -1, 0, 1, 2, 3, 9007199254740992, 9007199254740993, INT64_MIN, INT64_MAX};
    const std::vector<double> kFloats{-1.5,
                                      -1.0,
                                      0.0,
                                      0.5,
                                      1.0,
                                      1.5,
                                      9007199254740992.0,
                                      9007199254740994.0,
                                      1e300,
                                      -1e300,
                                      18446744073709551616.0};
    const std::vector<std::string> kNumbers{"-3",
                                            "0",
                                            "1",
                                            "2",
                                            "0.0",
                                            "0.5",
                                            "1.5",
                                            "-0.5",
                                            "9007199254740992",
                                            "9007199254740993",
                                            "9007199254740992.0",
                                            "9223372036854775807",
                                            "-9223372036854775808",
                                            "9223372036854775808",
                                            "18446744073709551615",
                                            "18446744073709551616",
                                            "-99999999999999999999",
                                            "1e300",
                                            "-1e301"};
    const std::vector<std::string> kTexts{"",
                                          "a",
                                          "A",
                                          "ab",
                                          "abc",
                                          "a%b",
                                          "a_b",
                                          "Rom",
                                          "München",
                                          "x\"y'z\\",
                                          "a longer text than twelve bytes",
                                          "ab\ncd"};
    const std::vector<std::string> kPatterns{"",      "%",     "a",       "a%",
                                             "%b",    "%b%",   "a_c",     "_",
                                             "%\\%%", "a\\_b", "M_nchen", "%longer%twelve%",
                                             "AB%",   "ab%d",  "%%",      "_%"};
    const std::vector<std::string> kTimes{"2022-01-08",           "2022-01-09",
                                          "2022-01-10T00:00:00Z", "2022-01-10T00:00:00.000000001Z",
                                          "2022-01-09T01:00:00Z", "2022-01-10T02:00:00+02:00",
                                          "0001-01-01",           "9999-12-31"};
    std::mt19937_64 random_;
};

// Rows [begin, end) as chunks of at most `chunk_rows` rows; `_row_id` is the row's index.
inline std::vector<ChunkRows> chunks_of(const Table& table, size_t begin, size_t end,
                                        uint32_t chunk_rows) {
    std::vector<ColumnSpec> specs;
    for (const catalog::Column& column : table.columns) specs.push_back({column.id, column.type});
    std::vector<ChunkRows> chunks;
    for (size_t first = begin; first < end; first += chunk_rows) {
        const auto rows = static_cast<uint32_t>(std::min<size_t>(chunk_rows, end - first));
        const auto chunk = std::make_shared<Chunk>(specs, rows);
        for (size_t c = 0; c < specs.size(); ++c) {
            ChunkColumn& column = chunk->writable_columns()[c];
            for (uint32_t r = 0; r < rows; ++r) {
                const Value& value = table.rows[first + r][c];
                column.valid[r] = value.index() == 0 ? 0 : 1;
                switch (specs[c].type) {
                    case ColumnType::boolean:
                        column.values<uint8_t>()[r] =
                            value.index() == 0 ? 0 : std::get<bool>(value);
                        break;
                    case ColumnType::int64:
                        column.values<int64_t>()[r] =
                            value.index() == 0 ? 0 : std::get<int64_t>(value);
                        break;
                    case ColumnType::float64:
                        column.values<double>()[r] =
                            value.index() == 0 ? 0 : std::get<double>(value);
                        break;
                    case ColumnType::date:
                        column.values<int32_t>()[r] =
                            value.index() == 0 ? 0 : std::get<DateValue>(value).days;
                        break;
                    case ColumnType::timestamp:
                        column.values<int64_t>()[r] =
                            value.index() == 0 ? 0 : std::get<TimestampValue>(value).nanos;
                        break;
                    case ColumnType::string:
                    case ColumnType::json:
                        column.values<StringRef>()[r] =
                            value.index() == 0 ? StringRef()
                                               : chunk->store(std::get<std::string>(value));
                        break;
                }
            }
        }
        chunk->add_rows(rows);
        chunks.push_back({chunk, rows, first});
    }
    return chunks;
}

inline Filter parsed_filter(const std::string& text) {
    const auto value = JsonValue::parse(text);
    if (!value) std::abort();
    auto filter = parse_filter(json::JsonCursor(*value));
    if (!filter) std::abort();
    return *std::move(filter);
}

// Exact for 64-bit integers and doubles: x86's long double has a mantissa of 64 bits.
inline long double exact_number(const JsonValue& value) {
    switch (value.kind()) {
        case JsonValue::Kind::int64:
            return value.int64();
        case JsonValue::Kind::uint64:
            return value.uint64();
        case JsonValue::Kind::float64:
            return value.float64();
        default:
            return std::strtold(value.big_integer().c_str(), nullptr);
    }
}

template <class T>
int order(const T& a, const T& b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

inline int compare_cell(const Value& cell, const JsonValue& literal) {
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
inline bool like(std::string_view text, std::string_view pattern) {
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

inline std::string folded(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

inline bool predicate_holds(const Filter& filter, const Value& cell) {
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

inline bool holds(const Filter& filter, const Table& table, const Row& row) {
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

// Bounds as the catalog holds them, over rows [begin, end).
inline std::vector<catalog::Zone> zones_of(const Table& table, size_t begin, size_t end) {
    std::vector<catalog::Zone> zones;
    for (const catalog::Column& column : table.columns) {
        catalog::Zone zone{.column = column.id, .type = column.type};
        std::optional<std::string> low;
        std::optional<std::string> high;
        std::optional<double> low_float;
        std::optional<double> high_float;
        for (size_t r = begin; r < end; ++r) {
            const Value& cell = table.cell(table.rows[r], column);
            if (cell.index() == 0) {
                ++zone.nulls;
                continue;
            }
            const bool first = !zone.has_bounds;
            zone.has_bounds = true;
            if (const auto* text = std::get_if<std::string>(&cell)) {
                low = first ? *text : std::min(*low, *text);
                high = first ? *text : std::max(*high, *text);
            } else if (const auto* number = std::get_if<double>(&cell)) {
                low_float = first ? *number : std::min(*low_float, *number);
                high_float = first ? *number : std::max(*high_float, *number);
            } else {
                int64_t integer = 0;
                if (const auto* flag = std::get_if<bool>(&cell)) integer = *flag;
                if (const auto* value = std::get_if<int64_t>(&cell)) integer = *value;
                if (const auto* value = std::get_if<DateValue>(&cell)) integer = value->days;
                if (const auto* value = std::get_if<TimestampValue>(&cell)) integer = value->nanos;
                zone.min = first ? integer : std::min(zone.min, integer);
                zone.max = first ? integer : std::max(zone.max, integer);
            }
        }
        if (low_float) {
            zone.min = std::bit_cast<int64_t>(*low_float);
            zone.max = std::bit_cast<int64_t>(*high_float);
        }
        if (low) {
            // Cut far shorter than the catalog does, so that cutting matters.
            zone.min_text = low->substr(0, 2);
            zone.max_text = *high;
            if (high->size() > 2) zone.max_text = high->substr(0, 1) + "\xf4\x8f\xbf\xbf";
        }
        zones.push_back(std::move(zone));
    }
    return zones;
}

}  // namespace insula::tables::test
