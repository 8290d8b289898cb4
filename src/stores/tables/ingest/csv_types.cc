#include "stores/tables/ingest/csv_types.h"

#include <algorithm>

#include "platform/json/utf8.h"

namespace insula::tables {

ColumnType column_type(csv::CsvType type) {
    switch (type) {
        case csv::CsvType::integer:
            return ColumnType::int64;
        case csv::CsvType::number:
            return ColumnType::float64;
        case csv::CsvType::boolean:
            return ColumnType::boolean;
        case csv::CsvType::text:
            break;
    }
    return ColumnType::string;
}

Status CsvTypes::add(std::string_view piece, char delimiter) {
    if (!json::valid_utf8(piece)) {
        return fail(invalid_argument("invalid_utf8", "The body is not valid UTF-8."));
    }
    csv::CsvReader reader(piece, delimiter);
    std::vector<csv::CsvField> row;
    ASSIGN_OR_RETURN(bool more, reader.next(row));
    if (!more) return fail(invalid_argument("empty_body", "The body is empty."));
    if (columns_.empty()) {
        for (const csv::CsvField& field : row)
            columns_.push_back({.name = std::string(field.text)});
    }
    for (;;) {
        ASSIGN_OR_RETURN(more, reader.next(row));
        if (!more) return {};
        for (size_t i = 0; i < std::min(row.size(), columns_.size()); ++i) {
            if (csv::is_absent(row[i])) continue;
            columns_[i].guess.add(row[i].text);
            columns_[i].any_value = true;
        }
    }
}

SchemaPtr CsvTypes::extend(const SchemaPtr& schema) const {
    auto extended = std::make_shared<Schema>(*schema);
    for (const Column& column : columns_) {
        const bool is_there = extended->child(Schema::kRoot, column.name) != Schema::kNone;
        if (is_there || !column.any_value) continue;
        // One that may not become a column stands aside.
        static_cast<void>(extended->add({}, column.name, column_type(column.guess.type()), false));
    }
    return extended;
}

}  // namespace insula::tables
