// A slow evaluator of filters that shares no code with the planner: what its tests compare with.
#pragma once

#include <string>

#include "stores/tables/planner/filter.h"
#include "stores/tables/planner/tests/sample_tables.h"

namespace insula::tables::test {

// Ends the program if `text` is no filter.
Filter parsed_filter(const std::string& text);

// Whether the filter holds for a row of the table; a column that the table lacks is null.
bool holds(const Filter& filter, const Table& table, const Row& row);

}  // namespace insula::tables::test
