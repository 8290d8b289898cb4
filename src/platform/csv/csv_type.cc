#include "platform/csv/csv_type.h"

#include <charconv>
#include <cmath>

#include "platform/json/json_problem.h"

namespace insula::csv {

namespace {

// Up to here each integer is exact as a double.
constexpr int64_t kExactMax = int64_t{1} << 53;

}  // namespace

std::optional<int64_t> parse_integer(std::string_view text) {
    const size_t first = text.starts_with('-') ? 1 : 0;
    // As JSON writes integers: no sign '+', no leading zeros.
    if (text.size() > first + 1 && text[first] == '0') return std::nullopt;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> parse_number(std::string_view text) {
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

void TypeGuess::add(std::string_view text) {
    const bool boolean = text == "true" || text == "false";
    if (!boolean) all_booleans_ = false;
    some_narrow_ = some_narrow_ || boolean;
    // Once there is text, it only matters whether anything at all was narrower.
    if (!all_numbers_ && some_narrow_) return;
    const auto integer = parse_integer(text);
    if (integer) {
        some_narrow_ = true;
        if (*integer > kExactMax || *integer < -kExactMax) some_large_integer_ = true;
        return;
    }
    all_integers_ = false;
    if (parse_number(text)) {
        some_narrow_ = true;
    } else {
        all_numbers_ = false;
    }
}

CsvType TypeGuess::type() const {
    if (all_integers_) return CsvType::integer;
    if (all_numbers_) return CsvType::number;
    return all_booleans_ ? CsvType::boolean : CsvType::text;
}

bool TypeGuess::depends_on_all() const {
    switch (type()) {
        case CsvType::integer:
        case CsvType::boolean:
            return false;
        case CsvType::number:
            return some_large_integer_;
        case CsvType::text:
            return some_narrow_;
    }
    return false;
}

}  // namespace insula::csv
