// SQL text with its parameters. Nothing that a client wrote gets into the text: columns go by the
// names that the planner gave them (c0, c1, …) and values are parameters.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/engine/engine.h"
#include "stores/tables/planner/bound_filter.h"

namespace insula::tables {

class SqlBuilder {
  public:
    SqlBuilder& operator<<(std::string_view text) {
        sql_ += text;
        return *this;
    }
    SqlBuilder& operator<<(uint64_t number) {
        sql_ += std::to_string(number);
        return *this;
    }
    // Adds a parameter and its name, "$3".
    void parameter(engine::Value value);
    // A boolean expression; `columns` gives the SQL of the column at an index of what the filter
    // was bound to.
    void filter(const BoundFilter& filter, const std::function<std::string(uint32_t)>& columns);

    // Writes " WHERE <filter>", or nothing if it always holds. Fails with too_many_filters above
    // kPlanParametersMax parameters.
    Status where(const BoundFilter& filter, const std::function<std::string(uint32_t)>& columns);

    std::string take_sql() { return std::move(sql_); }
    std::vector<engine::Value> take_parameters() { return std::move(parameters_); }

  private:
    using Columns = std::function<std::string(uint32_t)>;
    void combine(const BoundFilter& filter, std::string_view with, const Columns& columns);
    void compare(const BoundFilter& filter, const std::string& column);
    void list(const BoundFilter& filter, const std::string& column);
    void text(const BoundFilter& filter, const std::string& column);

    std::string sql_;
    std::vector<engine::Value> parameters_;
};

}  // namespace insula::tables
