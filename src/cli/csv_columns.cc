#include "cli/csv_columns.h"

#include "platform/csv/csv_reader.h"

namespace insula::cli {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The server's names.
std::string_view type_name(csv::CsvType type) {
    switch (type) {
        case csv::CsvType::integer:
            return "int64";
        case csv::CsvType::number:
            return "float64";
        case csv::CsvType::boolean:
            return "bool";
        case csv::CsvType::text:
            return "string";
    }
    return "string";
}

}  // namespace

void CsvColumns::add(std::string_view body) {
    if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
    csv::CsvReader reader(body, delimiter_);
    std::vector<csv::CsvField> row;
    auto more = reader.next(row);
    if (columns_.empty() && more && *more) {
        for (const csv::CsvField& field : row) columns_.push_back({std::string(field.text), {}});
    }
    for (;;) {
        more = reader.next(row);
        if (!more || !*more || row.size() != columns_.size()) return;
        for (size_t i = 0; i < row.size(); ++i) {
            if (!csv::is_absent(row[i])) columns_[i].guess.add(row[i].text);
        }
    }
}

std::vector<std::string> CsvColumns::declarations() const {
    std::vector<std::string> declarations;
    for (const Column& column : columns_) {
        if (!column.guess.depends_on_all()) continue;
        declarations.push_back(column.name + ":" + std::string(type_name(column.guess.type())));
    }
    return declarations;
}

}  // namespace insula::cli
