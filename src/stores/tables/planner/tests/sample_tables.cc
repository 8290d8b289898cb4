#include "stores/tables/planner/tests/sample_tables.h"

#include <bit>
#include <cstdlib>
#include <optional>
#include <utility>

#include "platform/engine/tests/chunk_builder.h"
#include "platform/json/json_value.h"
#include "platform/json/time_text.h"

namespace insula::tables::test {

using json::JsonValue;

namespace {

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

}  // namespace

catalog::Column make_column(uint64_t id, std::vector<std::string> path, ColumnType type) {
    std::string name;
    for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
    return {.id = ColumnId{id}, .path = std::move(path), .name = std::move(name), .type = type};
}

std::vector<catalog::Column> every_type() {
    return {make_column(1, {"b"}, ColumnType::boolean),
            make_column(2, {"i"}, ColumnType::int64),
            make_column(3, {"n", "f"}, ColumnType::float64),
            make_column(4, {"s"}, ColumnType::string),
            make_column(5, {"n", "d"}, ColumnType::date),
            make_column(6, {"t"}, ColumnType::timestamp),
            make_column(7, {"j"}, ColumnType::json)};
}

Value Samples::value(ColumnType type) {
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

Table Samples::table(std::string source_id, std::vector<catalog::Column> columns, size_t rows) {
    Table table{std::move(source_id), std::move(columns), {}};
    for (size_t i = 0; i < rows; ++i) {
        Row& row = table.rows.emplace_back();
        for (const catalog::Column& column : table.columns) {
            row.push_back(below(5) == 0 ? Value{} : value(column.type));
        }
    }
    return table;
}

std::string Samples::filter(const std::vector<catalog::Column>& columns, int depth) {
    std::string text = "{";
    for (uint64_t parts = below(depth == 0 ? 2 : 3) + 1; parts > 0; --parts) {
        if (text.size() > 1) text += ",";
        text += part(columns, depth, parts);
    }
    return text + "}";
}

std::string Samples::part(const std::vector<catalog::Column>& columns, int depth, uint64_t number) {
    if (depth < 3 && number == 1) {
        switch (below(5)) {
            case 0:
                return R"("not":)" + filter(columns, depth + 1);
            case 1:
                return R"("and":[)" + filter(columns, depth + 1) + "," +
                       filter(columns, depth + 1) + "]";
            case 2:
                return R"("or":[)" + filter(columns, depth + 1) + "," + filter(columns, depth + 1) +
                       "]";
            default:
                break;
        }
    }
    // Parts of one object take turns, so that no key comes twice.
    const size_t first = number - 1;
    const catalog::Column& column = columns[first + 3 * below((columns.size() - first + 2) / 3)];
    return "\"" + column.name + "\":{" + predicate(column.type) + "}";
}

std::string Samples::literal(ColumnType type) {
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

std::string Samples::list(ColumnType type) {
    std::string text = "[";
    for (uint64_t count = below(4); count > 0; --count)
        text += literal(type) + (count > 1 ? "," : "");
    return text + "]";
}

std::string Samples::predicate(ColumnType type) {
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
            return pick<std::string>(
                       {R"("eq":)", R"("ne":)", R"("gt":)", R"("gte":)", R"("lt":)", R"("lte":)"}) +
                   literal(type);
    }
}

std::vector<ChunkRows> chunks_of(const Table& table, size_t begin, size_t end,
                                 uint32_t chunk_rows) {
    std::vector<ColumnSpec> specs;
    for (const catalog::Column& column : table.columns) specs.push_back({column.id, column.type});
    engine::test::ChunkBuilder builder(std::move(specs), chunk_rows, begin);
    for (size_t row = begin; row < end; ++row) builder.add(table.rows[row]);
    return builder.take();
}

std::vector<catalog::Zone> zones_of(const Table& table, size_t begin, size_t end) {
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
