// CsvRenderer: results as RFC 4180 text with a header line. Nested columns go by their dotted
// names. A null is an empty field, an empty string "" in quotes. Times are as in JSON. Used by one
// thread.
//
// Search results of several sources begin with a column source_id; those without a projection end
// with a column _rest (JSON text of what fits no column).
#pragma once

#include <string>
#include <vector>

#include "stores/tables/planner/render_plan.h"

namespace insula::tables {

class CsvRenderer {
  public:
    explicit CsvRenderer(const SearchRenderPlan& plan);
    explicit CsvRenderer(const AggregateRenderPlan& plan);

    void begin(std::string& out) const;  // the header line
    void append(const engine::ResultBatch& batch, std::string& out);

    uint64_t rows() const { return rows_; }
    bool truncated() const { return truncated_; }

  private:
    struct Value {
        uint32_t slot;
        engine::ResultType type;
    };
    struct Column {
        std::string name;
        std::vector<Value> values;  // at most one of them is present in a row
    };

    void add(std::string_view name, Value value);

    std::vector<Column> columns_;
    std::vector<std::string> source_ids_;  // of several sources, as CSV fields
    uint32_t source_slot_ = 0;
    uint64_t limit_ = UINT64_MAX;
    uint64_t rows_ = 0;
    bool truncated_ = false;
};

}  // namespace insula::tables
