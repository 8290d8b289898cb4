#include "stores/tables/ingest/csv_shredder.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "platform/json/json_problem.h"
#include "stores/tables/ingest/batch_builder.h"
#include "stores/tables/ingest/csv_reader.h"

namespace insula::tables {

namespace {

struct Column {
    std::string name;
    bool known = false;  // the source has it: its type decides
    bool maybe_int = true;
    bool maybe_number = true;
    bool maybe_bool = true;
    ColumnType type = ColumnType::string;
};

std::optional<int64_t> as_int(std::string_view text) {
    const size_t first = text.starts_with('-') ? 1 : 0;
    // As JSON writes integers: no sign '+', no leading zeros.
    if (text.size() > first + 1 && text[first] == '0') return std::nullopt;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> as_number(std::string_view text) {
    // The scanner accepts exactly JSON's grammar; from_chars alone would take "inf" and "1.".
    if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9'))) {
        return std::nullopt;
    }
    if (json::find_json_problem(text)) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

bool is_absent(const CsvField& field) { return field.text.empty() && !field.quoted; }

void narrow(Column& column, std::string_view text) {
    if (column.maybe_int && !as_int(text)) column.maybe_int = false;
    if (column.maybe_number && !column.maybe_int && !as_number(text)) column.maybe_number = false;
    if (column.maybe_bool && text != "true" && text != "false") column.maybe_bool = false;
}

ColumnType inferred_type(const Column& column) {
    if (column.maybe_int) return ColumnType::int64;
    if (column.maybe_number) return ColumnType::float64;
    return column.maybe_bool ? ColumnType::boolean : ColumnType::string;
}

Status check_width(const std::vector<CsvField>& row, size_t columns, const CsvReader& reader) {
    if (row.size() == columns) return {};
    return fail(invalid_argument(
        "malformed_csv", "The row at byte " + std::to_string(reader.row_offset()) + " has " +
                             std::to_string(row.size()) + " fields; the header has " +
                             std::to_string(columns) + "."));
}

Result<std::vector<Column>> read_columns(std::string_view body, char delimiter,
                                         const Schema& schema) {
    CsvReader reader(body, delimiter);
    std::vector<CsvField> row;
    ASSIGN_OR_RETURN(const bool any, reader.next(row));
    if (!any) {
        return fail(invalid_argument("empty_body", "The body is empty.")
                        .with_hint("The first row of a CSV body names the columns."));
    }
    std::vector<Column> columns;
    bool all_known = true;
    for (const CsvField& field : row) {
        Column column{.name = std::string(field.text)};
        const auto node = schema.child(Schema::kRoot, column.name);
        if (node != Schema::kNone && schema.node_column(node) != Schema::kNone) {
            column.known = true;
            column.type = schema.column(schema.node_column(node)).type;
        }
        all_known = all_known && column.known;
        columns.push_back(std::move(column));
    }
    while (!all_known) {
        ASSIGN_OR_RETURN(const bool more, reader.next(row));
        if (!more) break;
        RETURN_IF_ERROR(check_width(row, columns.size(), reader));
        for (size_t i = 0; i < row.size(); ++i) {
            if (!columns[i].known && !is_absent(row[i])) narrow(columns[i], row[i].text);
        }
    }
    for (Column& column : columns) {
        if (!column.known) column.type = inferred_type(column);
    }
    return columns;
}

void put(BatchBuilder& builder, const BatchBuilder::Field& field, ColumnType type,
         std::string_view text) {
    switch (type) {
        case ColumnType::int64:
        case ColumnType::float64:
            if (const auto integer = as_int(text)) return builder.put_int(field, *integer);
            if (const auto number = as_number(text)) return builder.put_double(field, *number);
            break;
        case ColumnType::boolean:
            if (text == "true" || text == "false") return builder.put_bool(field, text == "true");
            break;
        case ColumnType::string:
        case ColumnType::date:
        case ColumnType::timestamp:
        case ColumnType::json:
            break;
    }
    builder.put_string(field, text);
}

}  // namespace

Result<Batch> shred_csv(std::string_view body, char delimiter, SchemaPtr schema) {
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    if (!simdjson::validate_utf8(body.data(), body.size())) {
        return fail(invalid_argument("invalid_utf8", "The body is not valid UTF-8."));
    }
    ASSIGN_OR_RETURN(const std::vector<Column> columns, read_columns(body, delimiter, *schema));
    BatchBuilder builder(std::move(schema));
    CsvReader reader(body, delimiter);
    std::vector<CsvField> row;
    ASSIGN_OR_RETURN(bool more, reader.next(row));
    for (;;) {
        ASSIGN_OR_RETURN(more, reader.next(row));
        if (!more) break;
        RETURN_IF_ERROR(check_width(row, columns.size(), reader));
        builder.begin_row();
        for (size_t i = 0; i < row.size(); ++i) {
            if (is_absent(row[i])) continue;
            ASSIGN_OR_RETURN(const BatchBuilder::Field field, builder.field(columns[i].name));
            put(builder, field, columns[i].type, row[i].text);
        }
        RETURN_IF_ERROR(builder.end_row());
    }
    return builder.finish();
}

}  // namespace insula::tables
