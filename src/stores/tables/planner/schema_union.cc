#include "stores/tables/planner/schema_union.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "stores/tables/columns.h"

namespace insula::tables {

namespace {

// Names that a filter uses, each once.
void collect_names(const Filter& filter, std::vector<std::string_view>& names) {
    if (filter.kind == Filter::Kind::predicate) {
        if (std::ranges::find(names, std::string_view(filter.column)) == names.end()) {
            names.push_back(filter.column);
        }
    }
    for (const Filter& child : filter.children) collect_names(child, names);
}

}  // namespace

const catalog::Column* SchemaUnion::find(size_t source, std::string_view name) const {
    const Schema& schema = *sources_[source].schema;
    const uint32_t column = schema.find_name(name);
    return column == Schema::kNone ? nullptr : &schema.column(column);
}

Result<UnitedColumn> SchemaUnion::resolve(std::string_view name) const {
    UnitedColumn united{.name = std::string(name)};
    size_t first = sources_.size();
    for (size_t i = 0; i < sources_.size(); ++i) {
        const catalog::Column* column = find(i, name);
        united.per_source.push_back(column);
        if (column == nullptr) continue;
        if (first == sources_.size()) {
            first = i;
            united.type = column->type;
        } else if (united.type != column->type) {
            if (!is_number(united.type) || !is_number(column->type)) {
                return fail(
                    invalid_argument(
                        "kind_conflict",
                        fmt::format("The column \"{}\" is of type {} in \"{}\" and of type {} "
                                    "in \"{}\".",
                                    name, column_type_name(united.type), sources_[first].source_id,
                                    column_type_name(column->type), sources_[i].source_id))
                        .with_hint("Ask these sources in separate requests."));
            }
            united.type = ColumnType::float64;
        }
    }
    if (first == sources_.size()) return fail(unknown_column(name));
    return united;
}

Status SchemaUnion::check(const Filter& filter) const {
    std::vector<std::string_view> names;
    collect_names(filter, names);
    for (const std::string_view name : names) RETURN_IF_ERROR(resolve(name));
    return {};
}

Error SchemaUnion::unknown_column(std::string_view name) const {
    std::vector<std::string_view> known;
    for (const SourceInput& source : sources_) {
        for (const catalog::Column& column : source.schema->columns()) known.push_back(column.name);
    }
    std::ranges::sort(known);  // the nearest of equals must not depend on the order of sources
    const auto repeated = std::ranges::unique(known);
    known.erase(repeated.begin(), repeated.end());
    const Error error = invalid_argument(
        "unknown_column", fmt::format("No source of this request has a column \"{}\".", name));
    const std::string below = fmt::format("{}.", name);
    const auto nested = std::ranges::find_if(
        known, [&](std::string_view column) { return column.starts_with(below); });
    if (nested != known.end()) {
        return error.with_hint(
            fmt::format("It is an object; name a column in it, such as \"{}\".", *nested));
    }
    const std::string hint = did_you_mean(name, known);
    return hint.empty() ? error : error.with_hint(hint);
}

std::string ScanBuilder::use(ColumnId id, ColumnType type) {
    auto at = std::ranges::find(scan_.columns, id, &engine::ScanColumn::id);
    if (at == scan_.columns.end()) {
        scan_.columns.push_back({id, fmt::format("c{}", scan_.columns.size()), type});
        return scan_.columns.back().name;
    }
    return at->name;
}

Status ScanBuilder::bind(const Filter& filter, const SchemaUnion& schemas, size_t source) {
    std::vector<std::string_view> names;
    collect_names(filter, names);
    std::vector<FilterColumn> columns;
    for (const std::string_view name : names) {
        const catalog::Column* column = schemas.find(source, name);
        if (column == nullptr) continue;
        columns.push_back({.name = name, .id = column->id, .type = column->type});
    }
    ASSIGN_OR_RETURN(filter_, bind_filter(filter, columns));
    const bool constant =
        filter_.kind == BoundFilter::Kind::always || filter_.kind == BoundFilter::Kind::never;
    for (const FilterColumn& column : columns) {
        filter_names_.push_back(constant ? std::string() : use(column.id, column.type));
    }
    return {};
}

bool ScanBuilder::chunk_may_match(const Pruner& pruner, size_t chunk) const {
    if (chunk >= source_.chunk_zones.size() || !source_.chunk_zones[chunk]) return true;
    ChunkZones& zones = *source_.chunk_zones[chunk];
    const auto zone_of = [&](ColumnId column) { return &zones.zone(column); };
    return pruner.matches(zones.rows(), zone_of) != Matches::none;
}

bool ScanBuilder::prune(PruneStats& stats) {
    if (filter_.kind == BoundFilter::Kind::never) {
        stats.files_skipped += source_.files.size();
        return false;
    }
    const Pruner pruner(filter_);
    for (const FileEntry& file : source_.files) {
        if (!pruner.may_match(file.meta.rows, file.meta.zones)) {
            ++stats.files_skipped;
            continue;
        }
        ++stats.files_read;
        if (file.layout) {
            scan_.foreign.push_back({file.meta.id, file.file, file.first_row_id, file.layout});
        } else {
            scan_.files.push_back({file.meta.id, file.file});
        }
    }
    for (size_t i = 0; i < source_.chunks.size(); ++i) {
        if (chunk_may_match(pruner, i)) scan_.chunks.push_back(source_.chunks[i]);
    }
    return !scan_.chunks.empty() || !scan_.files.empty() || !scan_.foreign.empty();
}

Status check_source_count(size_t count) {
    if (count <= kRequestSourcesMax) return {};
    return fail(invalid_argument("too_many_sources",
                                 fmt::format("The request is about {} sources; at most {} are "
                                             "allowed.",
                                             count, kRequestSourcesMax))
                    .with_hint("Name them in \"sources\"."));
}

}  // namespace insula::tables
