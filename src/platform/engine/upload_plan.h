// How a client's Parquet file is read: one statement that turns each of its columns into a type of
// ours.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "duckdb/common/types.hpp"

namespace insula::engine {

class UploadPlan {
  public:
    UploadPlan(std::string path, const duckdb::vector<std::string>& names,
               const duckdb::vector<duckdb::LogicalType>& types);

    // Asks for the greatest value of each unsigned 64-bit column, in order; there must be one.
    std::string unsigned_maxima_sql(const std::string& path) const;
    size_t unsigned_columns() const { return unsigned_.size(); }
    // The n-th unsigned column holds a value beyond int64: it is read as text.
    void unsigned_as_text(size_t n);
    std::string sql() const;

  private:
    std::string path_;
    std::vector<std::string> names_;        // quoted
    std::vector<std::string> expressions_;  // one a column
    std::vector<size_t> unsigned_;
};

}  // namespace insula::engine
