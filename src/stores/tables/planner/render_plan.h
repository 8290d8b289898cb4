// What turns the columns of a query's result into records: made by the planner, used by render/.
// Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/engine/engine.h"

namespace insula::tables {

// A value's place in a record, and the result column that it comes from.
struct RenderColumn {
    std::vector<std::string> path;
    std::string name;  // the path joined with dots
    uint32_t slot = 0;
    ColumnType type = ColumnType::int64;
};

struct RenderSource {
    std::string source_id;
    std::vector<RenderColumn> fields;
    std::vector<RenderColumn> document;  // every column, if the document is asked for
    std::optional<uint32_t> rest_slot;   // `_rest`, JSON text
    bool rest_in_fields = false;         // no projection: `fields` is the whole document
};

struct SearchRenderPlan {
    std::vector<RenderSource> sources;
    // The result column (int64) that says which of `sources` a row is of; absent if there is one.
    std::optional<uint32_t> source_slot;
    bool include_document = false;
};

struct AggregateRenderPlan {
    struct Column {
        std::string alias;
        engine::ResultType type = engine::ResultType::int64;
    };
    std::vector<Column> columns;  // in the order of the result's columns
    // The query asks for one group more, so that an answer that was cut short can say so.
    uint64_t limit = 0;
};

}  // namespace insula::tables
