// What the columns of a CSV file hold that is read in pieces, each with the header line: told of
// all pieces before the first is shredded. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/csv/csv_type.h"
#include "stores/tables/ingest/schema.h"

namespace insula::tables {

// The column that values of this type need at least.
ColumnType column_type(csv::CsvType type);

class CsvTypes {
  public:
    // invalid_argument: malformed_csv, invalid_utf8, empty_body. Rows of another width than the
    // header's are found when they are shredded.
    Status add(std::string_view piece, char delimiter);
    // `schema` with those of the columns that have values, where it has none of the name yet.
    SchemaPtr extend(const SchemaPtr& schema) const;

  private:
    struct Column {
        std::string name;
        csv::TypeGuess guess;
        bool any_value = false;
    };
    std::vector<Column> columns_;
};

}  // namespace insula::tables
