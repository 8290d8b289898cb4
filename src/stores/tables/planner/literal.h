// Literals of requests placed among the values of a column's type, without rounding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/json/json_value.h"

namespace insula::tables {

// Where a literal stands among the values of T: the greatest value that is not above it, if there
// is one, and whether that value equals it.
template <class T>
struct Floor {
    std::optional<T> value;
    bool exact = false;
};

// `number` is a number (JsonValue::is_number()).
Floor<int64_t> floor_int64(const json::JsonValue& number);
Floor<double> floor_float64(const json::JsonValue& number);
// `instant`: nanoseconds since 1970.
Floor<int64_t> floor_timestamp(__int128 instant);
Floor<int32_t> floor_date(__int128 instant);

// The number as a client would write it.
std::string number_text(const json::JsonValue& number);

}  // namespace insula::tables
