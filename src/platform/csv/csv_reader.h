// CSV by RFC 4180: records of fields, quoted where they hold the delimiter, quotes or line ends.
// One pass forward over text that outlives the reader. Not thread-safe.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace insula::csv {

inline constexpr size_t kCsvFieldsMax = 10'000;  // of a row

struct CsvField {
    std::string_view text;  // unescaped; valid until the next row
    bool quoted = false;
};

class CsvReader {
  public:
    CsvReader(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

    // False at the end. Empty lines are skipped. Fails with malformed_csv, naming the byte offset,
    // and with too_many_columns beyond kCsvFieldsMax.
    Result<bool> next(std::vector<CsvField>& row);
    size_t row_offset() const { return row_offset_; }  // of the row that next() gave

  private:
    Result<CsvField> field();
    Result<CsvField> quoted_field();
    bool at_line_end() const {
        return at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r';
    }
    void skip_line_end();

    std::string_view text_;
    const char delimiter_;
    size_t at_ = 0;
    size_t row_offset_ = 0;
    std::deque<std::string> unescaped_;  // of the current row
};

}  // namespace insula::csv
