#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "platform/engine/sql_type.h"
#include "stores/tables/columns.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/planner/schema_union.h"
#include "stores/tables/planner/sql.h"

namespace insula::tables {

namespace {

// Result columns of several sources: those of one name and one type share a slot.
class Slots {
  public:
    explicit Slots(uint32_t first) : next_(first) {}
    uint32_t slot(std::string_view name, ColumnType type) {
        const auto [at, added] = by_column_.try_emplace({std::string(name), type}, next_);
        if (added) {
            types_.push_back(type);
            ++next_;
        }
        return at->second;
    }
    const std::vector<ColumnType>& types() const { return types_; }

  private:
    std::map<std::pair<std::string, ColumnType>, uint32_t> by_column_;
    std::vector<ColumnType> types_;
    uint32_t next_;
};

class SearchPlanner {
  public:
    SearchPlanner(const SearchRequest& request, std::span<const SourceInput> sources)
        : request_(request),
          sources_(sources),
          schemas_(sources),
          one_(sources.size() == 1),
          slots_(one_ ? 0 : 1),
          wanted_(sources.size()) {}

    Result<SearchPlan> run() {
        RETURN_IF_ERROR(resolve());
        size_t expressions = 0;
        for (size_t i = 0; i < sources_.size(); ++i) expressions += add_source(i);
        if (expressions + slots_.types().size() * sources_.size() > kPlanExpressionsMax) {
            return fail(
                invalid_argument("too_many_columns",
                                 "The sources of this request have too many columns together.")
                    .with_hint("Name the \"columns\" that are wanted, or ask fewer sources."));
        }
        if (!one_) plan_.render.source_slot = 0;
        plan_.render.include_document = request_.include_document;
        RETURN_IF_ERROR(one_ ? write_one() : write_union());
        plan_.query.sql = sql_.take_sql();
        plan_.query.parameters = sql_.take_parameters();
        return std::move(plan_);
    }

  private:
    Status resolve() {
        RETURN_IF_ERROR(schemas_.check(request_.filter));
        for (const OrderKey& key : request_.order_by) {
            ASSIGN_OR_RETURN(auto column, schemas_.resolve(key.column));
            if (column.type == ColumnType::json) {
                return fail(invalid_argument(
                    "kind_mismatch", fmt::format("order_by: the column \"{}\" is of type json, "
                                                 "which has no order.",
                                                 key.column)));
            }
            order_.push_back(std::move(column));
        }
        if (!request_.columns) return {};
        for (const std::string& name : *request_.columns) {
            ASSIGN_OR_RETURN(auto column, schemas_.resolve(name));
            projection_.push_back(std::move(column));
        }
        return {};
    }

    // Gives the source's columns their slots. Returns how many there are.
    size_t add_source(size_t source) {
        RenderSource render{.source_id = sources_[source].source_id};
        const auto add = [&](const catalog::Column& column, std::vector<RenderColumn>& out) {
            out.push_back({column.path, column.name, slot_of(source, column), column.type});
        };
        for (const UnitedColumn& column : projection_) {
            if (column.per_source[source] != nullptr)
                add(*column.per_source[source], render.fields);
        }
        const bool whole = !request_.columns.has_value();
        if (whole || request_.include_document) {
            for (const catalog::Column& column : sources_[source].schema->columns()) {
                if (whole) add(column, render.fields);
                if (request_.include_document) add(column, render.document);
            }
            const catalog::Column rest{
                .id = kRestColumn, .name = std::string(kRestColumnName), .type = ColumnType::json};
            render.rest_slot = slot_of(source, rest);
            render.rest_in_fields = whole;
        }
        const size_t count = wanted_[source].size();
        plan_.render.sources.push_back(std::move(render));
        return count;
    }

    uint32_t slot_of(size_t source, const catalog::Column& column) {
        const uint32_t slot = slots_.slot(column.name, column.type);
        wanted_[source].emplace(slot, column.id);
        return slot;
    }

    void write_limit() {
        if (request_.limit) sql_ << " LIMIT " << *request_.limit;
        if (request_.offset > 0) sql_ << " OFFSET " << request_.offset;
    }

    void write_direction(const OrderKey& key) {
        sql_ << (key.descending ? " DESC" : " ASC") << " NULLS LAST, ";
    }

    Status write_where(const ScanBuilder& scan) {
        return sql_.where(scan.filter(), [&](uint32_t index) { return scan.filter_column(index); });
    }

    Status write_one() {
        ScanBuilder scan(sources_[0]);
        std::string select;
        for (const auto& [slot, id] : wanted_[0]) {
            if (!select.empty()) select += ", ";
            select += scan.use(id, slots_.types()[slot]);
        }
        if (select.empty()) select = "true";  // records without fields still have a number
        RETURN_IF_ERROR(scan.bind(request_.filter, schemas_, 0));
        scan.prune(plan_.pruned);
        sql_ << "SELECT " << select << " FROM scan_0";
        RETURN_IF_ERROR(write_where(scan));
        if (!order_.empty()) {
            sql_ << " ORDER BY ";
            for (size_t i = 0; i < order_.size(); ++i) {
                const catalog::Column& column = *order_[i].per_source[0];
                sql_ << scan.use(column.id, column.type);
                write_direction(request_.order_by[i]);
            }
            sql_ << "_row_id";
        }
        write_limit();
        plan_.query.scans.push_back(scan.take());
        return {};
    }

    // Rows of all sources in one shape: src, the slots s1, s2, …, then the keys that they are
    // ordered by.
    Status write_union() {
        sql_ << "SELECT src";
        for (size_t i = 0; i < slots_.types().size(); ++i) sql_ << ", s" << i + 1;
        sql_ << " FROM (";
        std::string_view separator;
        for (size_t i = 0; i < sources_.size(); ++i) {
            ScanBuilder scan(sources_[i]);
            RETURN_IF_ERROR(scan.bind(request_.filter, schemas_, i));
            if (!scan.prune(plan_.pruned)) continue;
            sql_ << separator;
            RETURN_IF_ERROR(write_part(i, scan));
            separator = " UNION ALL ";
            plan_.query.scans.push_back(scan.take());
        }
        if (plan_.query.scans.empty()) write_nothing();
        sql_ << ") AS united";
        if (!order_.empty()) {
            sql_ << " ORDER BY ";
            for (size_t i = 0; i < order_.size(); ++i) {
                sql_ << "k" << i;
                write_direction(request_.order_by[i]);
                if (!mixed(i)) continue;
                sql_ << "x" << i;
                write_direction(request_.order_by[i]);
            }
            sql_ << "src, row_id";
        }
        write_limit();
        return {};
    }

    Status write_part(size_t source, ScanBuilder& scan) {
        sql_ << "SELECT CAST(" << source << " AS BIGINT) AS src";
        for (size_t i = 0; i < slots_.types().size(); ++i) {
            const ColumnType type = slots_.types()[i];
            const auto at = wanted_[source].find(static_cast<uint32_t>(i + 1));
            const bool has = at != wanted_[source].end();
            write_expression(has ? scan.use(at->second, type) : "NULL", type,
                             !has || is_text(type));
            sql_ << " AS s" << i + 1;
        }
        for (size_t i = 0; i < order_.size(); ++i) {
            const catalog::Column* column = order_[i].per_source[source];
            write_expression(column == nullptr ? "NULL" : scan.use(column->id, column->type),
                             order_[i].type, column == nullptr || column->type != order_[i].type);
            sql_ << " AS k" << i;
            if (!mixed(i)) continue;
            const bool exact = column != nullptr && column->type == ColumnType::int64;
            write_expression(exact ? scan.use(column->id, column->type) : "NULL", ColumnType::int64,
                             !exact);
            sql_ << " AS x" << i;
        }
        if (!order_.empty()) sql_ << ", _row_id AS row_id";
        sql_ << " FROM scan_" << plan_.query.scans.size();
        return write_where(scan);
    }

    void write_expression(std::string_view expression, ColumnType type, bool cast) {
        sql_ << ", ";
        if (!cast) {
            sql_ << expression;
            return;
        }
        sql_ << "CAST(" << expression << " AS " << engine::sql_type_name(type) << ")";
    }

    // Integers are ordered as floats beside another source's floats, and exactly among themselves:
    // by a second key.
    bool mixed(size_t key) const {
        return order_[key].type == ColumnType::float64 &&
               std::ranges::any_of(order_[key].per_source, [](const catalog::Column* column) {
                   return column != nullptr && column->type == ColumnType::int64;
               });
    }

    // No source has a row that could match.
    void write_nothing() {
        sql_ << "SELECT CAST(0 AS BIGINT) AS src";
        for (size_t i = 0; i < slots_.types().size(); ++i) {
            write_expression("NULL", slots_.types()[i], true);
            sql_ << " AS s" << i + 1;
        }
        for (size_t i = 0; i < order_.size(); ++i) sql_ << ", 0 AS k" << i << ", 0 AS x" << i;
        if (!order_.empty()) sql_ << ", 0 AS row_id";
        sql_ << " WHERE false";
    }

    const SearchRequest& request_;
    const std::span<const SourceInput> sources_;
    const SchemaUnion schemas_;
    const bool one_;
    Slots slots_;
    std::vector<UnitedColumn> order_;
    std::vector<UnitedColumn> projection_;
    std::vector<std::map<uint32_t, ColumnId>> wanted_;  // per source: slot -> column
    SqlBuilder sql_;
    SearchPlan plan_;
};

}  // namespace

Result<SearchPlan> plan_search(const SearchRequest& request, std::span<const SourceInput> sources) {
    RETURN_IF_ERROR(check_source_count(sources.size()));
    return SearchPlanner(request, sources).run();
}

}  // namespace insula::tables
