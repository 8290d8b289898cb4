// What the fields of a CSV column are: the narrowest type that all of them have as JSON would write
// them. "007" and "+1" are text, as in JSON. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "platform/csv/csv_reader.h"

namespace insula::csv {

enum class CsvType : uint8_t { integer, number, boolean, text };

std::optional<int64_t> parse_integer(std::string_view text);
// Finite ones only.
std::optional<double> parse_number(std::string_view text);
// Nothing stands between two delimiters; "" is an empty text.
inline bool is_absent(const CsvField& field) { return field.text.empty() && !field.quoted; }

class TypeGuess {
  public:
    void add(std::string_view text);
    CsvType type() const;
    // Whether some of the values alone would make another type, which does not come to be this one
    // when the others follow: text looks like numbers or truth values, or a number is an integer
    // that no double holds.
    bool depends_on_all() const;

  private:
    bool all_integers_ = true;
    bool all_numbers_ = true;
    bool all_booleans_ = true;
    bool some_narrow_ = false;         // an integer, a number or a boolean
    bool some_large_integer_ = false;  // beyond 2^53
};

}  // namespace insula::csv
