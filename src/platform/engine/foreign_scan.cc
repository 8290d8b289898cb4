#include "platform/engine/foreign_scan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "duckdb/common/multi_file/multi_file_data.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "parquet_reader.hpp"
#include "platform/engine/file_list.h"
#include "platform/engine/foreign_columns.h"
#include "platform/engine/parquet_sql.h"

namespace insula::engine {

namespace {

// The engine's reader of several files, but that the files are those that the query has pinned.
class ForeignFiles final : public duckdb::MultiFileReader {
  public:
    duckdb::vector<std::string> ParsePaths(const duckdb::Value& input) override {
        return {input.ToString()};
    }

    duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(
        duckdb::ClientContext& context, const duckdb::vector<std::string>& paths,
        const duckdb::FileGlobInput&) override {
        const auto query = QueryState::find(context);
        const size_t index = std::stoull(paths.at(0));
        if (!query || index >= query->shapes()) throw duckdb::BinderException("no such files");
        const ForeignShape& shape = query->shape(index);
        return duckdb::make_shared_ptr<FileList>(shape.paths, shape.file_bytes);
    }

    duckdb::ReaderInitializeType InitializeReader(
        duckdb::MultiFileReaderData& reader_data, const duckdb::MultiFileBindData& bind_data,
        const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
        const duckdb::vector<duckdb::ColumnIndex>& column_ids,
        duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::ClientContext& context,
        duckdb::MultiFileGlobalState& global) override {
        // The engine leaves the reader's count of rows unset.
        static_cast<duckdb::ParquetReader&>(*reader_data.reader).rows_read = 0;
        QueryState::find(context)->count_reader(reader_data.reader);
        return MultiFileReader::InitializeReader(reader_data, bind_data, columns, column_ids,
                                                 filters, context, global);
    }

    duckdb::unique_ptr<MultiFileReader> Copy() const override {
        return duckdb::make_uniq<ForeignFiles>();
    }
};

duckdb::unique_ptr<duckdb::MultiFileReader> make_foreign_files(const duckdb::TableFunction&) {
    return duckdb::make_uniq<ForeignFiles>();
}

// All values that no column took, as one JSON object; null where there are none.
std::string rest_expression(const ForeignLayout& layout) {
    std::vector<std::string> members;
    for (size_t i = 0; i < layout.columns.size(); ++i) {
        const ForeignLayout::Column& column = layout.columns[i];
        const std::string name = fmt::format("f{}", i);
        const std::string json = column.id ? foreign_remainder(name, column.file_type, column.type)
                                           : foreign_json(name, column.file_type);
        if (json.empty()) continue;
        members.push_back(fmt::format("(CAST(to_json({}) AS VARCHAR) || ':' || {})",
                                      quote_text(column.name), json));
    }
    if (members.empty()) return "CAST(NULL AS VARCHAR)";
    return fmt::format("'{{' || nullif(concat_ws(',', {}), '') || '}}'", fmt::join(members, ", "));
}

std::string column_expression(const ScanColumn& column, const ForeignLayout& layout) {
    if (column.id == layout.rest) return rest_expression(layout);
    const auto at = std::ranges::find(layout.columns, column.id, &ForeignLayout::Column::id);
    if (at == layout.columns.end()) {
        return fmt::format("CAST(NULL AS {})", engine_type(column.type).ToString());
    }
    return foreign_value(fmt::format("f{}", at - layout.columns.begin()), at->file_type,
                         column.type);
}

std::string row_id_expression(const ForeignShape& shape) {
    if (shape.first_row_ids.size() == 1) {
        return fmt::format("CAST({} + file_row_number AS BIGINT)", shape.first_row_ids[0]);
    }
    return fmt::format(
        "CAST(list_extract([{}], CAST(file_index AS BIGINT) + 1) + file_row_number "
        "AS BIGINT)",
        fmt::join(shape.first_row_ids, ", "));
}

}  // namespace

duckdb::TableFunction unnumbered_foreign_function(const duckdb::TableFunction& parquet_scan) {
    duckdb::TableFunction function = foreign_function(parquet_scan);
    function.name = kUnnumberedForeignFunction;
    function.get_partition_data = nullptr;
    return function;
}

duckdb::TableFunction foreign_function(const duckdb::TableFunction& parquet_scan) {
    duckdb::TableFunction function = parquet_scan;
    function.name = kForeignFunction;
    function.arguments = {duckdb::LogicalType::BIGINT};
    function.named_parameters.clear();
    function.get_multi_file_reader = make_foreign_files;
    function.statistics = nullptr;
    function.get_partition_stats = nullptr;
    function.serialize = nullptr;
    function.deserialize = nullptr;
    return function;
}

std::string foreign_select(const ScanSource& source, size_t index, const char* function) {
    const ForeignShape& shape = *source.shapes.at(index);
    const ForeignLayout& layout = *shape.layout;
    std::vector<std::string> expressions;
    for (const ScanColumn& column : source.columns) {
        expressions.push_back(
            fmt::format("{} AS {}", column_expression(column, layout), quote_name(column.name)));
    }
    expressions.push_back(fmt::format("{} AS {}", row_id_expression(shape), kRowIdName));
    // The file's own names may be those of the engine's hidden columns, so all get another one.
    std::vector<std::string> names;
    for (size_t i = 0; i < layout.columns.size(); ++i) names.push_back(fmt::format("f{}", i));
    return fmt::format("SELECT {} FROM {}({}) AS f({})", fmt::join(expressions, ", "), function,
                       shape.number, fmt::join(names, ", "));
}

}  // namespace insula::engine
