// AggregateRenderer: groups to {"results":[{alias: value}],"stats":{…}}. Nulls are written as null.
// If there are more groups than the limit, "truncated":true stands before the stats. Used by one
// thread.
#pragma once

#include <string>
#include <vector>

#include "stores/tables/planner/render_plan.h"
#include "stores/tables/render/stats.h"

namespace insula::tables {

class AggregateRenderer {
  public:
    explicit AggregateRenderer(const AggregateRenderPlan& plan) : plan_(plan) {}

    void begin(std::string& out) const;
    void append(const engine::ResultBatch& batch, std::string& out);
    void end(RequestStats stats, std::string& out) const;

    uint64_t rows() const { return rows_; }
    bool truncated() const { return truncated_; }

  private:
    const AggregateRenderPlan plan_;
    uint64_t rows_ = 0;
    bool truncated_ = false;
};

}  // namespace insula::tables
