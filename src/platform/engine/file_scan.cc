#include "platform/engine/file_scan.h"

#include <cmath>
#include <limits>
#include <utility>

#include "duckdb/common/multi_file/multi_file_data.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/constant_filter.hpp"
#include "duckdb/planner/filter/in_filter.hpp"
#include "duckdb/planner/filter/null_filter.hpp"
#include "duckdb/planner/filter/optional_filter.hpp"
#include "parquet_reader.hpp"
#include "platform/engine/file_list.h"
#include "platform/engine/query_state.h"

namespace insula::engine {

namespace {

using duckdb::ClientContext;
using duckdb::ExpressionType;
using duckdb::idx_t;
using duckdb::LogicalTypeId;
using duckdb::make_uniq;
using duckdb::TableFilter;
using duckdb::TableFilterType;
using duckdb::Value;

duckdb::unique_ptr<TableFilter> never() {
    return make_uniq<duckdb::ConstantFilter>(
        ExpressionType::COMPARE_LESSTHAN,
        Value::DOUBLE(static_cast<double>(std::numeric_limits<int64_t>::min())));
}
duckdb::unique_ptr<TableFilter> always() { return make_uniq<duckdb::IsNotNullFilter>(); }

bool is_int64(double value) { return value >= -0x1p63 && value < 0x1p63; }

// The same question about an integer, asked with an integral constant.
duckdb::unique_ptr<TableFilter> integral(ExpressionType comparison, double value) {
    using enum ExpressionType;
    const bool below = std::isnan(value) ? false : value < -0x1p63;
    const bool above = std::isnan(value) || value >= 0x1p63;  // the engine orders NaN last
    switch (comparison) {
        case COMPARE_EQUAL:
            if (below || above || value != std::trunc(value)) return never();
            break;
        case COMPARE_NOTEQUAL:
            if (below || above || value != std::trunc(value)) return always();
            break;
        case COMPARE_GREATERTHAN:
        case COMPARE_GREATERTHANOREQUALTO:
            if (above) return never();
            if (below) return always();
            value = comparison == COMPARE_GREATERTHAN ? std::floor(value) : std::ceil(value);
            break;
        case COMPARE_LESSTHAN:
        case COMPARE_LESSTHANOREQUALTO:
            if (above) return always();
            if (below) return never();
            value = comparison == COMPARE_LESSTHAN ? std::ceil(value) : std::floor(value);
            break;
        default:
            return nullptr;
    }
    return make_uniq<duckdb::ConstantFilter>(comparison, Value::DOUBLE(value));
}

// The engine hands a filter on a float64 column down to a file's int64 column by rounding its
// constants, which gives wrong rows ("x > 1.5" would become "x > 2"). This asks the same with
// constants that need no rounding. Null means: drop the filter, it was only an aid.
duckdb::unique_ptr<TableFilter> for_integers(const TableFilter& filter);

template <class Conjunction>
duckdb::unique_ptr<TableFilter> each_for_integers(const Conjunction& filter) {
    auto result = make_uniq<Conjunction>();
    for (const auto& child : filter.child_filters) {
        if (auto converted = for_integers(*child)) {
            result->child_filters.push_back(std::move(converted));
        } else if (filter.filter_type == TableFilterType::CONJUNCTION_OR) {
            return nullptr;
        }
    }
    if (result->child_filters.empty()) return nullptr;
    return result;
}

duckdb::unique_ptr<TableFilter> for_integers(const TableFilter& filter) {
    switch (filter.filter_type) {
        case TableFilterType::CONSTANT_COMPARISON: {
            const auto& constant = filter.Cast<duckdb::ConstantFilter>();
            if (constant.constant.type().id() != LogicalTypeId::DOUBLE) return filter.Copy();
            auto result = integral(constant.comparison_type, constant.constant.GetValue<double>());
            return result ? std::move(result) : filter.Copy();
        }
        case TableFilterType::IN_FILTER: {
            duckdb::vector<Value> kept;
            for (const Value& value : filter.Cast<duckdb::InFilter>().values) {
                const double number = value.GetValue<double>();
                if (is_int64(number) && number == std::trunc(number)) kept.push_back(value);
            }
            if (kept.empty()) return never();
            return make_uniq<duckdb::InFilter>(std::move(kept));
        }
        case TableFilterType::CONJUNCTION_AND:
            return each_for_integers(filter.Cast<duckdb::ConjunctionAndFilter>());
        case TableFilterType::CONJUNCTION_OR:
            return each_for_integers(filter.Cast<duckdb::ConjunctionOrFilter>());
        case TableFilterType::OPTIONAL_FILTER: {
            const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
            auto converted = child ? for_integers(*child) : nullptr;
            if (!converted) return nullptr;
            return make_uniq<duckdb::OptionalFilter>(std::move(converted));
        }
        // Its constant changes while the query runs; it only ever speeds a query up.
        case TableFilterType::DYNAMIC_FILTER:
            return nullptr;
        // Does not depend on the type, or is evaluated on the converted column.
        default:
            return filter.Copy();
    }
}

int32_t field_id(ColumnId id) {
    // An id that no file can hold is one that every file lacks.
    return id.value < kRowIdField ? static_cast<int32_t>(id.value) : -1;
}

bool is_integer_in_file(const duckdb::BaseFileReader& reader, const Value& identifier) {
    for (const duckdb::MultiFileColumnDefinition& column : reader.columns) {
        if (!column.identifier.IsNull() && column.identifier == identifier) {
            return column.type.id() == LogicalTypeId::BIGINT;
        }
    }
    return false;
}

class FileScan final : public duckdb::MultiFileReader {
  public:
    explicit FileScan(const ScanSource* source = nullptr) : source_(source) {}

    duckdb::vector<std::string> ParsePaths(const Value& input) override {
        return {input.ToString()};
    }

    duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(
        ClientContext& context, const duckdb::vector<std::string>& paths,
        const duckdb::FileGlobInput&) override {
        const auto query = QueryState::find(context);
        const size_t index = std::stoull(paths.at(0));
        if (!query || index >= query->scans()) throw duckdb::BinderException("no such scan");
        source_ = &query->source(index);
        return duckdb::make_shared_ptr<FileList>(source_->paths, source_->file_bytes);
    }

    bool Bind(duckdb::MultiFileOptions&, duckdb::MultiFileList&,
              duckdb::vector<duckdb::LogicalType>& types, duckdb::vector<std::string>& names,
              duckdb::MultiFileReaderBindData& bind_data) override {
        types = source_->types;
        names = source_->names;
        bind_data.mapping = duckdb::MultiFileColumnMappingMode::BY_FIELD_ID;
        bind_data.schema.reserve(names.size());
        for (size_t i = 0; i < names.size(); ++i) {
            const bool row_id = i == source_->columns.size();
            duckdb::MultiFileColumnDefinition column(names[i], types[i]);
            column.identifier =
                Value::INTEGER(row_id ? kRowIdField : field_id(source_->columns[i].id));
            column.default_expression =
                make_uniq<duckdb::ConstantExpression>(Value(types[i]));  // typed null
            bind_data.schema.push_back(std::move(column));
        }
        return true;
    }

    duckdb::ReaderInitializeType InitializeReader(
        duckdb::MultiFileReaderData& reader_data, const duckdb::MultiFileBindData& bind_data,
        const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
        const duckdb::vector<duckdb::ColumnIndex>& column_ids,
        duckdb::optional_ptr<duckdb::TableFilterSet> filters, ClientContext& context,
        duckdb::MultiFileGlobalState& global) override {
        // The engine leaves the reader's count of rows unset.
        static_cast<duckdb::ParquetReader&>(*reader_data.reader).rows_read = 0;
        QueryState::find(context)->count_reader(reader_data.reader);
        duckdb::TableFilterSet adapted;
        if (filters && adapt(*filters, *reader_data.reader, columns, column_ids, adapted)) {
            filters = &adapted;
        }
        return MultiFileReader::InitializeReader(reader_data, bind_data, columns, column_ids,
                                                 filters, context, global);
    }

    duckdb::unique_ptr<MultiFileReader> Copy() const override {
        return make_uniq<FileScan>(source_);
    }

  private:
    // False if the filters can go down as they are.
    static bool adapt(const duckdb::TableFilterSet& filters, const duckdb::BaseFileReader& reader,
                      const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
                      const duckdb::vector<duckdb::ColumnIndex>& column_ids,
                      duckdb::TableFilterSet& adapted) {
        bool changed = false;
        for (const auto& [index, filter] : filters.filters) {
            const idx_t column = column_ids[index].GetPrimaryIndex();
            const bool converts = column < columns.size() &&
                                  columns[column].type.id() == LogicalTypeId::DOUBLE &&
                                  is_integer_in_file(reader, columns[column].identifier);
            auto converted = converts ? for_integers(*filter) : filter->Copy();
            changed |= converts;
            if (converted) adapted.filters.emplace(index, std::move(converted));
        }
        return changed;
    }

    const ScanSource* source_;  // in the QueryState, which outlives the query
};

duckdb::unique_ptr<duckdb::MultiFileReader> make_file_scan(const duckdb::TableFunction&) {
    return make_uniq<FileScan>();
}

}  // namespace

duckdb::TableFunction file_function(const duckdb::TableFunction& parquet_scan) {
    duckdb::TableFunction function = parquet_scan;
    function.name = kFileFunction;
    function.arguments = {duckdb::LogicalType::BIGINT};
    function.named_parameters.clear();
    function.get_multi_file_reader = make_file_scan;
    // These read the footer of one file and know nothing of ours.
    function.statistics = nullptr;
    function.get_partition_stats = nullptr;
    function.serialize = nullptr;
    function.deserialize = nullptr;
    return function;
}

duckdb::TableFunction unnumbered_file_function(const duckdb::TableFunction& parquet_scan) {
    duckdb::TableFunction function = file_function(parquet_scan);
    function.name = kUnnumberedFileFunction;
    function.get_partition_data = nullptr;
    return function;
}

uint64_t rows_read(const duckdb::BaseFileReader& reader) {
    return static_cast<const duckdb::ParquetReader&>(reader).rows_read;
}

}  // namespace insula::engine
