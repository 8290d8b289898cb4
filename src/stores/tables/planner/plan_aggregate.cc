#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/nearest.h"
#include "platform/engine/sql_type.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/planner/result_type.h"
#include "stores/tables/planner/schema_union.h"
#include "stores/tables/planner/sql.h"

namespace insula::tables {

namespace {

using engine::ResultType;

// The type of an aggregate over a column of type `type`; nothing if it makes no sense there.
std::optional<ResultType> aggregate_type(AggregateType aggregate, ColumnType type) {
    switch (aggregate) {
        case AggregateType::count:
        case AggregateType::count_distinct:
            return ResultType::int64;
        case AggregateType::min:
        case AggregateType::max:
            if (type == ColumnType::json) return std::nullopt;
            return result_type_of(type);
        case AggregateType::sum:
            if (type == ColumnType::int64) return ResultType::int128;
            break;
        default:
            break;
    }
    if (!is_number(type)) return std::nullopt;
    return ResultType::float64;
}

std::string_view aggregate_function(AggregateType type) {
    switch (type) {
        case AggregateType::count:
            return "count(";
        case AggregateType::count_distinct:
            return "count(DISTINCT ";
        case AggregateType::sum:
            return "sum(";
        case AggregateType::avg:
            return "avg(";
        case AggregateType::min:
            return "min(";
        case AggregateType::max:
            return "max(";
        case AggregateType::stddev:
            return "stddev_samp(";
        case AggregateType::variance:
            return "var_samp(";
        case AggregateType::median:
            return "median(";
    }
    check_failed(__FILE__, __LINE__, "type", "unknown aggregate");
}

// SELECT * FROM (SELECT <keys and aggregates as r0, r1, …> FROM (<rows as x0, x1, …>) GROUP BY …)
// WHERE <having> ORDER BY … LIMIT …
class AggregatePlanner {
  public:
    AggregatePlanner(const AggregateRequest& request, std::span<const SourceInput> sources)
        : request_(request), sources_(sources), schemas_(sources) {}

    Result<AggregatePlan> run() {
        RETURN_IF_ERROR(schemas_.check(request_.filter));
        RETURN_IF_ERROR(add_keys());
        RETURN_IF_ERROR(add_aggregates());
        sql_ << "SELECT * FROM (SELECT ";
        for (size_t i = 0; i < results_.size(); ++i) {
            if (i > 0) sql_ << ", ";
            sql_ << results_[i] << " AS r" << i;
        }
        sql_ << " FROM (";
        RETURN_IF_ERROR(write_rows());
        sql_ << ") AS rows";
        for (size_t i = 0; i < request_.group_by.size(); ++i) {
            sql_ << (i == 0 ? " GROUP BY " : ", ") << i + 1;
        }
        sql_ << ") AS groups";
        RETURN_IF_ERROR(write_having());
        RETURN_IF_ERROR(write_order());
        sql_ << " LIMIT " << request_.limit + 1;
        plan_.render.limit = request_.limit;
        plan_.query.sql = sql_.take_sql();
        plan_.query.parameters = sql_.take_parameters();
        return std::move(plan_);
    }

  private:
    // The index of a column among x0, x1, …
    Result<size_t> input(const std::string& name) {
        const auto at = std::ranges::find(inputs_, name, &UnitedColumn::name);
        if (at != inputs_.end()) return static_cast<size_t>(at - inputs_.begin());
        ASSIGN_OR_RETURN(auto column, schemas_.resolve(name));
        inputs_.push_back(std::move(column));
        return inputs_.size() - 1;
    }

    void add_result(std::string expression, std::string alias, ResultType type) {
        results_.push_back(std::move(expression));
        plan_.render.columns.push_back({std::move(alias), type});
    }

    Status add_keys() {
        for (const GroupKey& key : request_.group_by) {
            ASSIGN_OR_RETURN(const size_t index, input(key.column));
            const ColumnType type = inputs_[index].type;
            std::string expression = fmt::format("x{}", index);
            if (key.bucket) {
                if (type != ColumnType::date && type != ColumnType::timestamp) {
                    return fail(invalid_argument(
                        "kind_mismatch",
                        fmt::format(
                            "group_by: the column \"{}\" is of type {}; only date and timestamp "
                            "columns have buckets of time.",
                            key.column, column_type_name(type))));
                }
                ASSIGN_OR_RETURN(expression, bucket_sql(*key.bucket, type, expression));
            }
            add_result(std::move(expression), key.alias, result_type_of(type));
        }
        return {};
    }

    Status add_aggregates() {
        for (const Aggregation& one : request_.aggregations) {
            if (!one.column) {
                add_result("count(*)", one.alias, ResultType::int64);
                continue;
            }
            ASSIGN_OR_RETURN(const size_t index, input(*one.column));
            const auto type = aggregate_type(one.type, inputs_[index].type);
            if (!type) {
                return fail(invalid_argument(
                    "kind_mismatch",
                    fmt::format("aggregations: {} does not apply to the column \"{}\" of "
                                "type {}.",
                                aggregate_name(one.type), *one.column,
                                column_type_name(inputs_[index].type))));
            }
            add_result(fmt::format("{}x{})", aggregate_function(one.type), index), one.alias,
                       *type);
        }
        return {};
    }

    Status write_rows() {
        std::string_view separator;
        for (size_t i = 0; i < sources_.size(); ++i) {
            ScanBuilder scan(sources_[i]);
            RETURN_IF_ERROR(scan.bind(request_.filter, schemas_, i));
            if (!scan.prune(plan_.pruned)) continue;
            sql_ << separator << "SELECT ";
            write_inputs([&](const UnitedColumn& column) {
                const catalog::Column* own = column.per_source[i];
                return own == nullptr ? std::string("NULL") : scan.use(own->id, own->type);
            });
            sql_ << " FROM scan_" << plan_.query.scans.size();
            RETURN_IF_ERROR(sql_.where(scan.filter(),
                                       [&](uint32_t index) { return scan.filter_column(index); }));
            separator = " UNION ALL ";
            plan_.query.scans.push_back(scan.take());
        }
        if (plan_.query.scans.empty()) {
            sql_ << "SELECT ";
            write_inputs([](const UnitedColumn&) { return std::string("NULL"); });
            sql_ << " WHERE false";
        }
        return {};
    }

    template <class Name>
    void write_inputs(Name name) {
        if (inputs_.empty()) sql_ << "true AS x";
        for (size_t i = 0; i < inputs_.size(); ++i) {
            sql_ << (i == 0 ? "CAST(" : ", CAST(") << name(inputs_[i]) << " AS "
                 << engine::sql_type_name(inputs_[i].type) << ") AS x" << i;
        }
    }

    size_t result_index(std::string_view alias) const {
        const auto& columns = plan_.render.columns;
        const auto at = std::ranges::find(columns, alias, &AggregateRenderPlan::Column::alias);
        return static_cast<size_t>(at - columns.begin());
    }

    Error unknown_alias(std::string_view where, std::string_view alias) const {
        std::vector<std::string_view> known;
        for (const auto& column : plan_.render.columns) known.push_back(column.alias);
        return invalid_argument("unknown_column",
                                fmt::format("{}: no result is named \"{}\".", where, alias))
            .with_hint(fmt::format("Results: {}.", joined(known)));
    }

    Status check_aliases(const Filter& filter) const {
        if (filter.kind == Filter::Kind::predicate &&
            result_index(filter.column) == plan_.render.columns.size()) {
            return fail(unknown_alias("having", filter.column));
        }
        for (const Filter& child : filter.children) RETURN_IF_ERROR(check_aliases(child));
        return {};
    }

    Status write_having() {
        if (!request_.having) return {};
        RETURN_IF_ERROR(check_aliases(*request_.having));
        std::vector<FilterColumn> columns;
        for (const auto& column : plan_.render.columns) {
            columns.push_back({.name = column.alias,
                               .type = stored_type_of(column.type),
                               .wide = column.type == ResultType::int128});
        }
        ASSIGN_OR_RETURN(const auto bound, bind_filter(*request_.having, columns));
        sql_ << " WHERE ";
        sql_.filter(bound, [](uint32_t index) { return fmt::format("r{}", index); });
        return {};
    }

    // By what was asked for, then by the keys, so that equal groups have an order too.
    Status write_order() {
        std::string_view separator = " ORDER BY ";
        std::vector<bool> used(results_.size(), false);
        const auto write = [&](size_t index, bool descending) {
            sql_ << separator << "r" << index << (descending ? " DESC" : " ASC") << " NULLS LAST";
            separator = ", ";
            used[index] = true;
        };
        for (const OrderKey& key : request_.order_by) {
            const size_t index = result_index(key.column);
            if (index == results_.size()) return fail(unknown_alias("order_by", key.column));
            write(index, key.descending);
        }
        for (size_t i = 0; i < request_.group_by.size(); ++i) {
            if (!used[i]) write(i, false);
        }
        return {};
    }

    const AggregateRequest& request_;
    const std::span<const SourceInput> sources_;
    const SchemaUnion schemas_;
    std::vector<UnitedColumn> inputs_;  // x0, x1, …
    std::vector<std::string> results_;  // expressions of r0, r1, … over them
    SqlBuilder sql_;
    AggregatePlan plan_;
};

}  // namespace

Result<AggregatePlan> plan_aggregate(const AggregateRequest& request,
                                     std::span<const SourceInput> sources) {
    RETURN_IF_ERROR(check_source_count(sources.size()));
    return AggregatePlanner(request, sources).run();
}

}  // namespace insula::tables
