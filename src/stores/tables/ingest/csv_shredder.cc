#include "stores/tables/ingest/csv_shredder.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "platform/csv/csv_reader.h"
#include "platform/csv/csv_type.h"
#include "platform/json/utf8.h"
#include "stores/tables/ingest/batch_builder.h"
#include "stores/tables/ingest/csv_types.h"

namespace insula::tables {

namespace {

struct Column {
    std::string name;
    csv::TypeGuess guess;
    std::optional<ColumnType> given;  // by the source, or declared
    ColumnType type = ColumnType::string;
    // Made with its type at the first value, which alone might make another column.
    bool to_be_made = false;
};

Status check_width(const std::vector<csv::CsvField>& row, size_t columns,
                   const csv::CsvReader& reader) {
    if (row.size() == columns) return {};
    return fail(invalid_argument(
        "malformed_csv", "The row at byte " + std::to_string(reader.row_offset()) + " has " +
                             std::to_string(row.size()) + " fields; the header has " +
                             std::to_string(columns) + "."));
}

// The type that the source has, or that was declared.
std::optional<ColumnType> given_type(std::string_view name, const Schema& schema,
                                     std::span<const DeclaredColumn> declared) {
    const auto node = schema.child(Schema::kRoot, name);
    if (node != Schema::kNone) {
        const uint32_t column = schema.node_column(node);
        if (column == Schema::kNone) return std::nullopt;
        return schema.column(column).type;
    }
    const auto found = std::ranges::find(declared, name, &DeclaredColumn::name);
    return found == declared.end() ? std::nullopt : std::optional(found->type);
}

Result<std::vector<Column>> read_header(csv::CsvReader& reader, const Schema& schema,
                                        std::span<const DeclaredColumn> declared) {
    std::vector<csv::CsvField> row;
    ASSIGN_OR_RETURN(const bool any, reader.next(row));
    if (!any) {
        return fail(invalid_argument("empty_body", "The body is empty.")
                        .with_hint("The first row of a CSV body names the columns."));
    }
    std::vector<Column> columns;
    std::unordered_set<std::string_view> names;
    for (const csv::CsvField& field : row) {
        if (!names.insert(field.text).second) {
            return fail(invalid_argument("duplicate_key",
                                         "The header names the column \"" +
                                             std::string(field.text.substr(0, 100)) + "\" twice."));
        }
        Column column{.name = std::string(field.text)};
        column.given = given_type(column.name, schema, declared);
        columns.push_back(std::move(column));
    }
    for (const DeclaredColumn& column : declared) {
        if (std::ranges::find(columns, column.name, &Column::name) != columns.end()) continue;
        return fail(invalid_argument("unknown_column", "The request declares a column \"" +
                                                           column.name +
                                                           "\" that the header does not have."));
    }
    return columns;
}

Result<std::vector<Column>> read_columns(std::string_view body, char delimiter,
                                         const Schema& schema,
                                         std::span<const DeclaredColumn> declared) {
    csv::CsvReader reader(body, delimiter);
    ASSIGN_OR_RETURN(std::vector<Column> columns, read_header(reader, schema, declared));
    const bool all_given =
        std::ranges::all_of(columns, [](const Column& column) { return column.given.has_value(); });
    std::vector<csv::CsvField> row;
    while (!all_given) {
        ASSIGN_OR_RETURN(const bool more, reader.next(row));
        if (!more) break;
        RETURN_IF_ERROR(check_width(row, columns.size(), reader));
        for (size_t i = 0; i < row.size(); ++i) {
            if (!columns[i].given && !csv::is_absent(row[i])) columns[i].guess.add(row[i].text);
        }
    }
    for (Column& column : columns) {
        column.type = column.given.value_or(column_type(column.guess.type()));
        const bool is_there = schema.child(Schema::kRoot, column.name) != Schema::kNone;
        column.to_be_made = !is_there && (column.given || column.type == ColumnType::float64);
    }
    return columns;
}

void put(BatchBuilder& builder, const BatchBuilder::Field& field, ColumnType type,
         std::string_view text) {
    switch (type) {
        case ColumnType::int64:
        case ColumnType::float64:
            if (const auto integer = csv::parse_integer(text))
                return builder.put_int(field, *integer);
            if (const auto number = csv::parse_number(text))
                return builder.put_double(field, *number);
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

Result<Batch> shred_csv(std::string_view body, char delimiter, SchemaPtr schema,
                        std::span<const DeclaredColumn> declared) {
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    if (!json::valid_utf8(body)) {
        return fail(invalid_argument("invalid_utf8", "The body is not valid UTF-8."));
    }
    ASSIGN_OR_RETURN(std::vector<Column> columns, read_columns(body, delimiter, *schema, declared));
    BatchBuilder builder(std::move(schema));
    csv::CsvReader reader(body, delimiter);
    std::vector<csv::CsvField> row;
    ASSIGN_OR_RETURN(bool more, reader.next(row));
    for (;;) {
        ASSIGN_OR_RETURN(more, reader.next(row));
        if (!more) break;
        RETURN_IF_ERROR(check_width(row, columns.size(), reader));
        builder.begin_row();
        for (size_t i = 0; i < row.size(); ++i) {
            if (csv::is_absent(row[i])) continue;
            if (std::exchange(columns[i].to_be_made, false)) {
                builder.declare(columns[i].name, columns[i].type, columns[i].given.has_value());
            }
            ASSIGN_OR_RETURN(const BatchBuilder::Field field, builder.field(columns[i].name));
            put(builder, field, columns[i].type, row[i].text);
        }
        RETURN_IF_ERROR(builder.end_row());
    }
    return builder.finish();
}

}  // namespace insula::tables
