#include "platform/engine/upload_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "platform/engine/finite_json.h"
#include "platform/engine/parquet_sql.h"

namespace insula::engine {

namespace {

using duckdb::DecimalType;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;

// Decimal digits that a float64 carries, and an int64.
constexpr uint8_t kDoubleDigits = 15;
constexpr uint8_t kInt64Digits = 18;

std::string expression(const std::string& name, const LogicalType& type) {
    switch (type.id()) {
        case LogicalTypeId::DECIMAL:
            if (DecimalType::GetScale(type) == 0 && DecimalType::GetWidth(type) <= kInt64Digits) {
                return fmt::format("CAST({} AS BIGINT)", name);
            }
            if (DecimalType::GetWidth(type) <= kDoubleDigits) {
                return fmt::format("CAST({} AS DOUBLE)", name);
            }
            return fmt::format("CAST({} AS VARCHAR)", name);
        case LogicalTypeId::UBIGINT:
            return fmt::format("CAST({} AS BIGINT)", name);
        case LogicalTypeId::STRUCT:
        case LogicalTypeId::LIST:
        case LogicalTypeId::MAP:
        case LogicalTypeId::ARRAY:
            return fmt::format("CAST({}(CAST(to_json({}) AS VARCHAR)) AS JSON)", kFiniteJson, name);
        // Old writers do not mark their strings as text.
        case LogicalTypeId::BLOB:
            return fmt::format("coalesce(TRY(decode({0})), CAST({0} AS VARCHAR))", name);
        case LogicalTypeId::BOOLEAN:
        case LogicalTypeId::TINYINT:
        case LogicalTypeId::SMALLINT:
        case LogicalTypeId::INTEGER:
        case LogicalTypeId::BIGINT:
        case LogicalTypeId::UTINYINT:
        case LogicalTypeId::USMALLINT:
        case LogicalTypeId::UINTEGER:
        case LogicalTypeId::FLOAT:
        case LogicalTypeId::DOUBLE:
        case LogicalTypeId::DATE:
        case LogicalTypeId::TIMESTAMP:
        case LogicalTypeId::TIMESTAMP_SEC:
        case LogicalTypeId::TIMESTAMP_MS:
        case LogicalTypeId::TIMESTAMP_NS:
        case LogicalTypeId::TIMESTAMP_TZ:
            return name;
        case LogicalTypeId::VARCHAR:
            if (!type.IsJSONType()) return name;
            return fmt::format("CAST({}(CAST(json({}) AS VARCHAR)) AS JSON)", kFiniteJson, name);
        default:
            return fmt::format("CAST({} AS VARCHAR)", name);
    }
}

}  // namespace

UploadPlan::UploadPlan(std::string path, const duckdb::vector<std::string>& names,
                       const duckdb::vector<LogicalType>& types)
    : path_(std::move(path)) {
    for (size_t i = 0; i < names.size(); ++i) {
        names_.push_back(quote_name(names[i]));
        expressions_.push_back(expression(names_.back(), types[i]));
        if (types[i].id() == LogicalTypeId::UBIGINT) unsigned_.push_back(i);
    }
}

std::string UploadPlan::unsigned_maxima_sql(const std::string& path) const {
    std::vector<std::string> maxima;
    for (const size_t column : unsigned_) maxima.push_back(fmt::format("max({})", names_[column]));
    return fmt::format("SELECT {} FROM read_parquet({})", fmt::join(maxima, ", "),
                       quote_text(path));
}

void UploadPlan::unsigned_as_text(size_t n) {
    const size_t column = unsigned_.at(n);
    expressions_[column] = fmt::format("CAST({} AS VARCHAR)", names_[column]);
}

std::string UploadPlan::sql() const {
    std::vector<std::string> columns;
    for (size_t i = 0; i < names_.size(); ++i) {
        columns.push_back(fmt::format("{} AS {}", expressions_[i], names_[i]));
    }
    return fmt::format("SELECT {} FROM read_parquet({})", fmt::join(columns, ", "),
                       quote_text(path_));
}

}  // namespace insula::engine
