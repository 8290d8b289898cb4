// CsvColumns: what the columns of a CSV input are over all of its rows. The server concludes the
// type of a new column from the batch that brings it; where some rows alone would make another
// type than all of them, each batch has to declare it. Used by one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/csv/csv_type.h"

namespace insula::cli {

class CsvColumns {
  public:
    explicit CsvColumns(char delimiter) : delimiter_(delimiter) {}

    // Whole rows behind their header, as BatchSplitter cuts them. What is not CSV is passed over
    // from its place on: the server refuses it, and says where.
    void add(std::string_view body);
    // "zip_code:string", in the order of the header.
    std::vector<std::string> declarations() const;

  private:
    struct Column {
        std::string name;
        csv::TypeGuess guess;
    };

    const char delimiter_;
    std::vector<Column> columns_;
};

}  // namespace insula::cli
