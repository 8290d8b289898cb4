#include "stores/tables/files/content_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <span>

#include "platform/runtime/deadline.h"

namespace insula::tables {

namespace {

using catalog::Zone;

// Aggregates of one query; a file of many columns takes several.
constexpr size_t kColumnsPerQuery = 100;

class ContentChecker {
  public:
    ContentChecker(engine::Instance& engine, const catalog::DataFile& meta,
                   std::shared_ptr<engine::ReadableFile> file)
        : engine_(engine), meta_(meta), file_(std::move(file)) {}

    Status check_row_ids(uint64_t next_row_id, RowIdSet& seen) {
        uint64_t twice = 0;
        uint64_t missing = 0;
        uint64_t beyond = 0;
        ASSIGN_OR_RETURN(const auto stream, run("SELECT _row_id FROM scan_0", {}));
        engine::ResultBatch batch;
        for (;;) {
            ASSIGN_OR_RETURN(const bool any, stream->next(batch));
            if (!any) break;
            const auto& column = batch.columns.at(0);
            check_.rows += batch.rows;
            for (uint32_t row = 0; row < batch.rows; ++row) {
                if (!column.valid(row)) {
                    ++missing;
                    continue;
                }
                const auto id = static_cast<uint64_t>(column.values<int64_t>()[row]);
                beyond += id >= next_row_id ? 1 : 0;
                twice += seen.add(id) ? 0 : 1;
            }
        }
        if (check_.rows != meta_.rows) {
            wrong(fmt::format("it has {} rows, the catalog says {}", check_.rows, meta_.rows));
        }
        if (twice > 0) wrong(fmt::format("{} rows have the _row_id of another", twice));
        if (missing > 0) wrong(fmt::format("{} rows have no _row_id", missing));
        if (beyond > 0) {
            wrong(fmt::format("{} rows have a _row_id that was never given out (from {} on)",
                              beyond, next_row_id));
        }
        return {};
    }

    Status check_zones() {
        const std::span<const Zone> zones(meta_.zones);
        for (size_t first = 0; first < zones.size(); first += kColumnsPerQuery) {
            RETURN_IF_ERROR(check_zones(
                zones.subspan(first, std::min(kColumnsPerQuery, zones.size() - first))));
        }
        return {};
    }

    ContentCheck finish() { return std::move(check_); }

  private:
    Result<std::unique_ptr<engine::ResultStream>> run(std::string sql,
                                                      std::span<const Zone> zones) {
        engine::Scan scan;
        for (size_t i = 0; i < zones.size(); ++i) {
            scan.columns.push_back({zones[i].column, fmt::format("c{}", i), zones[i].type});
        }
        scan.files.push_back({meta_.id, file_});
        engine::Query query{.sql = std::move(sql)};
        query.scans.push_back(std::move(scan));
        return engine_.query(std::move(query), Deadline::never(), CancelToken());
    }

    Status check_zones(std::span<const Zone> zones) {
        std::string sql = "SELECT ";
        for (size_t i = 0; i < zones.size(); ++i) {
            const bool bounds = zones[i].type != ColumnType::json;
            sql += fmt::format("{}count(c{})", i == 0 ? "" : ", ", i);
            if (bounds) sql += fmt::format(", min(c{}), max(c{})", i, i);
        }
        ASSIGN_OR_RETURN(const auto stream, run(sql + " FROM scan_0", zones));
        engine::ResultBatch batch;
        ASSIGN_OR_RETURN(const bool any, stream->next(batch));
        if (!any || batch.rows != 1) return fail(internal_error("an aggregate gave no row"));
        size_t at = 0;
        for (const Zone& zone : zones) {
            const auto count = static_cast<uint64_t>(batch.columns.at(at++).values<int64_t>()[0]);
            check_nulls(zone, count);
            if (zone.type == ColumnType::json) continue;
            const auto& min = batch.columns.at(at++);
            const auto& max = batch.columns.at(at++);
            if (zone.has_bounds != (count > 0)) {
                wrong(zone, fmt::format("{} values, but {} bounds in the catalog", count,
                                        zone.has_bounds ? "there are" : "no"));
            } else if (count > 0) {
                check_bounds(zone, min, max);
            }
        }
        return {};
    }

    void check_nulls(const Zone& zone, uint64_t count) {
        const uint64_t nulls = check_.rows - std::min(count, check_.rows);
        if (nulls == zone.nulls) return;
        wrong(zone, fmt::format("{} nulls, the catalog says {}", nulls, zone.nulls));
    }

    using Column = engine::ResultBatch::Column;

    void check_bounds(const Zone& zone, const Column& min, const Column& max) {
        if (zone.type == ColumnType::string) {
            return check_texts(zone, min.values<StringRef>()[0].view(),
                               max.values<StringRef>()[0].view());
        }
        if (zone.type == ColumnType::float64) {
            return check_numbers(zone, min.values<double>()[0], max.values<double>()[0],
                                 std::bit_cast<double>(zone.min), std::bit_cast<double>(zone.max));
        }
        check_numbers(zone, integer(zone.type, min), integer(zone.type, max), zone.min, zone.max);
    }

    static int64_t integer(ColumnType type, const Column& column) {
        if (type == ColumnType::boolean) return column.values<uint8_t>()[0];
        if (type == ColumnType::date) return column.values<int32_t>()[0];
        return column.values<int64_t>()[0];
    }

    template <class T>
    void check_numbers(const Zone& zone, T min, T max, T zone_min, T zone_max) {
        if (min == zone_min && max == zone_max) return;
        wrong(zone, fmt::format("values from {} to {}, the catalog says {} to {}", min, max,
                                zone_min, zone_max));
    }

    // Long texts have bounds that are cut: the upper one is above all that begin as it does.
    void check_texts(const Zone& zone, std::string_view min, std::string_view max) {
        const bool min_fits = zone.min_text == min.substr(0, catalog::kZoneTextMax);
        const bool max_fits = max.size() <= catalog::kZoneTextMax
                                  ? zone.max_text == max
                                  : !zone.max_text || std::string_view(*zone.max_text) > max;
        if (min_fits && max_fits) return;
        wrong(zone, "texts beyond the bounds in the catalog, or not up to them");
    }

    void wrong(std::string what) { check_.wrong.push_back(std::move(what)); }
    void wrong(const Zone& zone, std::string_view what) {
        wrong(fmt::format("column {}: {}", zone.column.value, what));
    }

    engine::Instance& engine_;
    const catalog::DataFile& meta_;
    const std::shared_ptr<engine::ReadableFile> file_;
    ContentCheck check_;
};

}  // namespace

bool RowIdSet::add(uint64_t row_id) {
    auto& page = pages_[row_id / kPageIds];
    if (!page) page = std::make_unique<std::bitset<kPageIds>>();
    auto bit = (*page)[row_id % kPageIds];
    if (bit) return false;
    bit = true;
    return true;
}

Result<ContentCheck> check_content(engine::Instance& engine, const catalog::DataFile& meta,
                                   std::shared_ptr<engine::ReadableFile> file, uint64_t next_row_id,
                                   RowIdSet& seen) {
    ContentChecker checker(engine, meta, std::move(file));
    RETURN_IF_ERROR(checker.check_row_ids(next_row_id, seen));
    RETURN_IF_ERROR(checker.check_zones());
    return checker.finish();
}

}  // namespace insula::tables
