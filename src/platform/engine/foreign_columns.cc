#include "platform/engine/foreign_columns.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "platform/engine/finite_json.h"
#include "platform/engine/sql_type.h"

namespace insula::engine {

namespace {

// Decimal digits that a float64 carries, and an int64.
constexpr unsigned kDoubleDigits = 15;
constexpr unsigned kInt64Digits = 18;

// How values of a Parquet column are read.
enum class Form {
    boolean,
    small_integer,  // each value is exact in a float64
    integer,
    wide_integer,  // some values are beyond int64
    real,
    decimal_integer,
    decimal_real,
    date,
    timestamp,       // of a wider range than ours; may be infinite
    milliseconds,    // the same, or seconds
    nanoseconds,     // ours
    timestamp_zone,  // of a wider range, in UTC
    text,
    json,
    bytes,
    nested,
    other,
};

constexpr std::array kForms{
    std::pair<std::string_view, Form>{"BOOLEAN", Form::boolean},
    std::pair<std::string_view, Form>{"TINYINT", Form::small_integer},
    std::pair<std::string_view, Form>{"SMALLINT", Form::small_integer},
    std::pair<std::string_view, Form>{"INTEGER", Form::small_integer},
    std::pair<std::string_view, Form>{"UTINYINT", Form::small_integer},
    std::pair<std::string_view, Form>{"USMALLINT", Form::small_integer},
    std::pair<std::string_view, Form>{"UINTEGER", Form::small_integer},
    std::pair<std::string_view, Form>{"BIGINT", Form::integer},
    std::pair<std::string_view, Form>{"UBIGINT", Form::wide_integer},
    std::pair<std::string_view, Form>{"HUGEINT", Form::wide_integer},
    std::pair<std::string_view, Form>{"UHUGEINT", Form::wide_integer},
    std::pair<std::string_view, Form>{"FLOAT", Form::real},
    std::pair<std::string_view, Form>{"DOUBLE", Form::real},
    std::pair<std::string_view, Form>{"DATE", Form::date},
    std::pair<std::string_view, Form>{"TIMESTAMP", Form::timestamp},
    std::pair<std::string_view, Form>{"TIMESTAMP_S", Form::milliseconds},
    std::pair<std::string_view, Form>{"TIMESTAMP_MS", Form::milliseconds},
    std::pair<std::string_view, Form>{"TIMESTAMP_NS", Form::nanoseconds},
    std::pair<std::string_view, Form>{"TIMESTAMP WITH TIME ZONE", Form::timestamp_zone},
    std::pair<std::string_view, Form>{"VARCHAR", Form::text},
    std::pair<std::string_view, Form>{"JSON", Form::json},
    std::pair<std::string_view, Form>{"BLOB", Form::bytes},
};

// "DECIMAL(18,3)" -> 18 and 3.
Form decimal_form(std::string_view file_type) {
    const char* const end = file_type.data() + file_type.size();
    unsigned width = 0;
    unsigned scale = 0;
    const auto first = std::from_chars(file_type.data() + file_type.find('(') + 1, end, width);
    if (first.ec != std::errc() || first.ptr == end) return Form::other;
    if (std::from_chars(first.ptr + 1, end, scale).ec != std::errc()) return Form::other;
    if (scale == 0 && width <= kInt64Digits) return Form::decimal_integer;
    return width <= kDoubleDigits ? Form::decimal_real : Form::other;
}

Form form_of(std::string_view file_type) {
    for (const auto& [name, form] : kForms) {
        if (name == file_type) return form;
    }
    if (file_type.ends_with(']') || file_type.starts_with("STRUCT(") ||
        file_type.starts_with("MAP(")) {
        return Form::nested;
    }
    return file_type.starts_with("DECIMAL(") ? decimal_form(file_type) : Form::other;
}

ColumnType type_of(Form form) {
    switch (form) {
        case Form::boolean:
            return ColumnType::boolean;
        case Form::small_integer:
        case Form::integer:
        case Form::wide_integer:
        case Form::decimal_integer:
            return ColumnType::int64;
        case Form::real:
        case Form::decimal_real:
            return ColumnType::float64;
        case Form::date:
            return ColumnType::date;
        case Form::timestamp:
        case Form::milliseconds:
        case Form::nanoseconds:
        case Form::timestamp_zone:
            return ColumnType::timestamp;
        case Form::json:
        case Form::nested:
            return ColumnType::json;
        case Form::text:
        case Form::bytes:
        case Form::other:
            break;
    }
    return ColumnType::string;
}

// A value in the type that it has for us; null where that type cannot hold it.
std::string natural(std::string_view column, Form form) {
    switch (form) {
        case Form::small_integer:
        case Form::decimal_integer:
            return fmt::format("CAST({} AS BIGINT)", column);
        case Form::wide_integer:
            return fmt::format("TRY_CAST({} AS BIGINT)", column);
        // JSON has no NaN and no infinity, and neither have we: absent, like a null.
        case Form::real:
            return fmt::format("CASE WHEN isfinite({0}) THEN CAST({0} AS DOUBLE) END", column);
        case Form::decimal_real:
            return fmt::format("CAST({} AS DOUBLE)", column);
        case Form::timestamp:
            return fmt::format("CASE WHEN isfinite({0}) THEN TRY(CAST({0} AS TIMESTAMP_NS)) END",
                               column);
        case Form::milliseconds:
            return fmt::format("TRY(CAST({} AS TIMESTAMP_NS))", column);
        case Form::timestamp_zone:
            return natural(fmt::format("CAST({} AS TIMESTAMP)", column), Form::timestamp);
        // The engine has checked that it is one, but not that numbers are those of JSON.
        case Form::json:
            return fmt::format("{}(CAST(json({}) AS VARCHAR))", kFiniteJson, column);
        // Old writers do not mark their strings as text.
        case Form::bytes:
            return fmt::format("coalesce(TRY(decode({0})), CAST({0} AS VARCHAR))", column);
        case Form::nested:
            return fmt::format("{}(CAST(to_json({}) AS VARCHAR))", kFiniteJson, column);
        case Form::other:
            return fmt::format("CAST({} AS VARCHAR)", column);
        case Form::boolean:
        case Form::integer:
        case Form::date:
        case Form::nanoseconds:
        case Form::text:
            break;
    }
    return std::string(column);
}

// Whether natural() may be null where the value is not, and is not meant to be absent.
bool natural_is_partial(Form form) {
    return form == Form::wide_integer || form == Form::timestamp || form == Form::milliseconds ||
           form == Form::timestamp_zone;
}

struct Conversion {
    std::string sql;
    bool partial = false;  // null for some values that are not
};

Conversion convert(std::string_view column, std::string_view file_type, ColumnType type) {
    const Form form = form_of(file_type);
    const std::string value = natural(column, form);
    const ColumnType from = type_of(form);
    const bool partial = natural_is_partial(form);
    if (from == type) return {value, partial};
    if (type == ColumnType::json) return {foreign_json(column, file_type), false};
    if (from == ColumnType::int64 && type == ColumnType::float64) {
        if (form == Form::small_integer) return {fmt::format("CAST({} AS DOUBLE)", value), false};
        return {fmt::format("CASE WHEN TRY_CAST(CAST({0} AS DOUBLE) AS BIGINT) = {0} "
                            "THEN CAST({0} AS DOUBLE) END",
                            value),
                true};
    }
    if (from == ColumnType::float64 && type == ColumnType::int64) {
        return {fmt::format("CASE WHEN {0} = trunc({0}) AND NOT ({0} = 0 AND signbit({0})) "
                            "THEN TRY_CAST({0} AS BIGINT) END",
                            value),
                true};
    }
    const bool to_time =
        type == ColumnType::timestamp && (from == ColumnType::date || from == ColumnType::string);
    if (to_time) return {fmt::format("TRY(CAST({} AS TIMESTAMP_NS))", value), true};
    if (type == ColumnType::date && from == ColumnType::string) {
        return {fmt::format("TRY_CAST({} AS DATE)", value), true};
    }
    return {"NULL", true};
}

}  // namespace

ColumnType foreign_type(std::string_view file_type) { return type_of(form_of(file_type)); }

std::string foreign_value(std::string_view column, std::string_view file_type, ColumnType type) {
    const std::string sql = convert(column, file_type, type).sql;
    if (sql != "NULL") return sql;
    return fmt::format("CAST(NULL AS {})", sql_type_name(type));
}

std::string foreign_remainder(std::string_view column, std::string_view file_type,
                              ColumnType type) {
    const Conversion conversion = convert(column, file_type, type);
    if (!conversion.partial) return {};
    const std::string json = foreign_json(column, file_type);
    if (conversion.sql == "NULL") return json;
    return fmt::format("CASE WHEN {} IS NULL THEN {} END", conversion.sql, json);
}

std::string foreign_json(std::string_view column, std::string_view file_type) {
    const Form form = form_of(file_type);
    switch (form) {
        case Form::boolean:
        case Form::small_integer:
        case Form::integer:
        case Form::wide_integer:
        case Form::decimal_integer:
        case Form::decimal_real:
            return fmt::format("CAST({} AS VARCHAR)", column);
        case Form::real:
            return fmt::format("CASE WHEN isfinite({0}) THEN CAST(to_json({0}) AS VARCHAR) END",
                               column);
        case Form::json:
        case Form::nested:
            return natural(column, form);
        case Form::bytes:
            return fmt::format("CAST(to_json({}) AS VARCHAR)", natural(column, form));
        case Form::timestamp:
            return fmt::format("CASE WHEN isfinite({}) THEN {} END", column,
                               foreign_json(column, "TIMESTAMP_NS"));
        // As RFC 3339 has it.
        case Form::milliseconds:
        case Form::nanoseconds:
            return fmt::format("'\"' || replace(CAST({} AS VARCHAR), ' ', 'T') || 'Z\"'", column);
        case Form::timestamp_zone:
            return foreign_json(fmt::format("CAST({} AS TIMESTAMP)", column), "TIMESTAMP");
        case Form::date:
        case Form::text:
        case Form::other:
            break;
    }
    return fmt::format("CAST(to_json(CAST({} AS VARCHAR)) AS VARCHAR)", column);
}

}  // namespace insula::engine
