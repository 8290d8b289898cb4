#include "stores/tables/planner/prune.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>

namespace insula::tables {

namespace {

using catalog::Zone;
using Kind = BoundFilter::Kind;

constexpr Matches negate(Matches matches) {
    if (matches == Matches::some) return Matches::some;
    return matches == Matches::none ? Matches::all : Matches::none;
}

// What a comparison holds for, given that the values lie within bounds: `low` and `high` compare
// the bounds with the literal (negative: below it). Bounds need not be values themselves (texts are
// cut): they only prove that no value is beyond them.
struct Position {
    int low = 0;
    int high = 0;
};

Matches compare_position(Comparison comparison, const Position& at) {
    const bool all_below = at.high < 0;
    const bool all_above = at.low > 0;
    const bool all_equal = at.low == 0 && at.high == 0;
    switch (comparison) {
        case Comparison::eq:
            if (all_below || all_above) return Matches::none;
            return all_equal ? Matches::all : Matches::some;
        case Comparison::ne:
            if (all_below || all_above) return Matches::all;
            return all_equal ? Matches::none : Matches::some;
        case Comparison::lt:
            if (all_below) return Matches::all;
            return at.low >= 0 ? Matches::none : Matches::some;
        case Comparison::lte:
            if (at.high <= 0) return Matches::all;
            return all_above ? Matches::none : Matches::some;
        case Comparison::gt:
            if (all_above) return Matches::all;
            return at.high <= 0 ? Matches::none : Matches::some;
        case Comparison::gte:
            if (at.low >= 0) return Matches::all;
            return all_below ? Matches::none : Matches::some;
    }
    return Matches::some;
}

template <class T>
Position position_of(T low, T high, T literal) {
    const auto side = [&](T bound) { return bound < literal ? -1 : bound > literal ? 1 : 0; };
    return {side(low), side(high)};
}

// Text bounds are cut: min_text is at most, max_text at least every value, and neither need be one.
Position text_position(const Zone& zone, std::string_view literal) {
    Position at{.low = -1, .high = 1};
    const int low = zone.min_text.compare(literal);
    at.low = low < 0 ? -1 : low > 0 ? 1 : 0;
    if (zone.max_text) {
        const int high = zone.max_text->compare(literal);
        at.high = high < 0 ? -1 : high > 0 ? 1 : 0;
    }
    return at;
}

// Bounds of a column that was int64 when the file was written and is float64 now are exact as
// floats.
double float_bound(const Zone& zone, int64_t bound) {
    return zone.type == ColumnType::int64 ? static_cast<double>(bound)
                                          : std::bit_cast<double>(bound);
}

bool comparable(ColumnType zone, ColumnType filter) {
    return zone == filter || (zone == ColumnType::int64 && filter == ColumnType::float64);
}

std::optional<Position> position(const Zone& zone, ColumnType type, const engine::Value& literal) {
    if (!zone.has_bounds || !comparable(zone.type, type)) return std::nullopt;
    switch (type) {
        case ColumnType::boolean:
            return position_of<int64_t>(zone.min, zone.max, std::get<bool>(literal) ? 1 : 0);
        case ColumnType::int64:
            return position_of(zone.min, zone.max, std::get<int64_t>(literal));
        case ColumnType::float64:
            return position_of(float_bound(zone, zone.min), float_bound(zone, zone.max),
                               std::get<double>(literal));
        case ColumnType::date:
            return position_of<int64_t>(zone.min, zone.max,
                                        std::get<engine::DateValue>(literal).days);
        case ColumnType::timestamp:
            return position_of(zone.min, zone.max, std::get<engine::TimestampValue>(literal).nanos);
        case ColumnType::string:
        case ColumnType::json:
            return text_position(zone, std::get<std::string>(literal));
    }
    return std::nullopt;
}

// Over the rows whose column has a value.
Matches match_values(const BoundFilter& filter, const Zone& zone) {
    switch (filter.kind) {
        case Kind::compare: {
            const auto at = position(zone, filter.type, filter.values[0]);
            return at ? compare_position(filter.comparison, *at) : Matches::some;
        }
        case Kind::in:
        case Kind::not_in: {
            Matches in = Matches::none;
            for (const engine::Value& value : filter.values) {
                const auto at = position(zone, filter.type, value);
                in = std::max(in, at ? compare_position(Comparison::eq, *at) : Matches::some);
                if (in == Matches::all) break;
            }
            return filter.kind == Kind::in ? in : negate(in);
        }
        case Kind::text: {
            if (filter.literal_prefix.empty() || !zone.has_bounds || !is_text(zone.type)) {
                return Matches::some;
            }
            const std::string_view prefix = filter.literal_prefix;
            // All values lie above every text that begins with the prefix, or below.
            if (std::string_view(zone.min_text).substr(0, prefix.size()) > prefix)
                return Matches::none;
            if (zone.max_text && *zone.max_text < prefix) return Matches::none;
            return Matches::some;
        }
        default:
            return Matches::some;
    }
}

class Evaluation {
  public:
    Evaluation(uint64_t rows, const Pruner::ZoneOf& zone_of) : rows_(rows), zone_of_(zone_of) {}

    Matches run(const BoundFilter& filter) const {
        switch (filter.kind) {
            case Kind::always:
                return Matches::all;
            case Kind::never:
                return Matches::none;
            case Kind::negation:
                return negate(run(filter.children[0]));
            case Kind::all:
                return all(filter);
            case Kind::any:
                return any(filter);
            default:
                return leaf(filter);
        }
    }

  private:
    Matches all(const BoundFilter& filter) const {
        Matches least = Matches::all;
        for (const BoundFilter& child : filter.children) {
            least = std::min(least, run(child));
            if (least == Matches::none) break;
        }
        return least;
    }

    Matches any(const BoundFilter& filter) const {
        Matches most = Matches::none;
        for (const BoundFilter& child : filter.children) {
            most = std::max(most, run(child));
            if (most == Matches::all) break;
        }
        return most;
    }

    Matches leaf(const BoundFilter& filter) const {
        const Zone* zone = zone_of_(filter.column_id);
        if (zone == nullptr) return Matches::some;
        const bool no_nulls = zone->nulls == 0;
        const bool only_nulls = zone->nulls >= rows_;
        if (filter.kind == Kind::is_null || filter.kind == Kind::not_null) {
            const Matches null =
                only_nulls ? Matches::all : (no_nulls ? Matches::none : Matches::some);
            return filter.kind == Kind::is_null ? null : negate(null);
        }
        if (only_nulls) return Matches::none;
        const Matches values = match_values(filter, *zone);
        return values == Matches::all && !no_nulls ? Matches::some : values;
    }

    const uint64_t rows_;
    const Pruner::ZoneOf& zone_of_;
};

}  // namespace

Matches Pruner::matches(uint64_t rows, const ZoneOf& zone_of) const {
    return Evaluation(rows, zone_of).run(filter_);
}

Matches Pruner::matches(uint64_t rows, std::span<const Zone> zones) const {
    return matches(rows, [zones](ColumnId column) {
        const auto zone = std::ranges::find(zones, column, &Zone::column);
        return zone == zones.end() ? nullptr : &*zone;
    });
}

}  // namespace insula::tables
