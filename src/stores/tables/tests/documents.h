// Documents whose content follows from a number, so that a row that comes back can be checked by
// itself. They stir the schema: columns that come and go, integers that become fractions, values of
// another kind than their column's, explicit nulls, nested objects, arrays, integers that no double
// holds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "platform/json/json_value.h"

namespace insula::tables::durability {

// Path with dots -> the value as canonical text: 5 and 5.0 are the same.
using Leaves = std::map<std::string, std::string>;

// `life` is written into the document: which life of its source it belongs to.
json::JsonValue document(uint64_t id, uint64_t life);
// What a row of document(id, life) must hold, no more and no less. Kept: asking again is cheap.
const Leaves& expected_leaves(uint64_t id, uint64_t life);

void add_leaves(const json::JsonValue& value, const std::string& path, Leaves& leaves);
std::string canonical_number(int64_t value);
std::string canonical_number(double value);

// The number under `name`; nothing if there is none.
std::optional<uint64_t> number_of(const Leaves& leaves, const std::string& name);
std::string text_of(const Leaves& leaves);

}  // namespace insula::tables::durability
