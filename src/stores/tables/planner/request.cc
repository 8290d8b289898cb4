#include "stores/tables/planner/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/nearest.h"

namespace insula::tables {

namespace {

using json::JsonCursor;
using json::JsonMember;
using json::JsonValue;

constexpr std::array<std::string_view, 7> kSearchKeys{"sources", "filters", "columns", "order_by",
                                                      "limit",   "offset",  "include"};
constexpr std::array<std::string_view, 7> kAggregateKeys{
    "sources", "filters", "aggregations", "group_by", "having", "order_by", "limit"};
constexpr std::array<std::string_view, 3> kAggregationKeys{"type", "column", "alias"};
constexpr std::array<std::string_view, 3> kGroupKeys{"column", "bucket", "alias"};
constexpr std::array<std::string_view, 2> kOrderKeys{"column", "descending"};
constexpr std::array<std::string_view, 9> kAggregateNames{
    "count", "count_distinct", "sum", "avg", "min", "max", "stddev", "variance", "median"};

Error unknown_key(const JsonCursor& object, std::string_view key,
                  std::span<const std::string_view> known) {
    std::string hint = did_you_mean(key, known);
    if (!hint.empty()) hint += ' ';
    return object.error("unknown_key", fmt::format("has no key \"{}\".", key))
        .with_hint(hint + "Keys: " + joined(known) + ".");
}

// Calls `read(name, cursor)` for each member of an object that knows only the keys given.
template <class Read>
Status read_members(const JsonCursor& cursor, std::span<const std::string_view> known, Read read) {
    ASSIGN_OR_RETURN(const auto members, cursor.object(kFilterNodesMax));
    for (const JsonMember& member : members) {
        if (std::ranges::find(known, std::string_view(member.name)) == known.end()) {
            return fail(unknown_key(cursor, member.name, known));
        }
        RETURN_IF_ERROR(read(std::string_view(member.name), cursor.member(member)));
    }
    return {};
}

Result<std::string> read_name(const JsonCursor& cursor) {
    ASSIGN_OR_RETURN(const std::string_view name, cursor.string(kNameBytesMax));
    if (name.empty()) return fail(cursor.error("invalid_request", "is empty."));
    return std::string(name);
}

Status read_names(const JsonCursor& cursor, size_t names_max, std::vector<std::string>& out) {
    ASSIGN_OR_RETURN(const auto items, cursor.array(names_max));
    for (size_t i = 0; i < items.size(); ++i) {
        ASSIGN_OR_RETURN(auto name, read_name(cursor.item(i)));
        if (std::ranges::find(out, name) == out.end()) out.push_back(std::move(name));
    }
    return {};
}

// An empty list is no way to ask for all of them, or for none.
Status read_sources(const JsonCursor& cursor, std::vector<std::string>& out) {
    RETURN_IF_ERROR(read_names(cursor, kRequestSourcesMax, out));
    if (!out.empty()) return {};
    return fail(cursor.error("invalid_request", "names no source.")
                    .with_hint("Leave \"sources\" out to ask all of them."));
}

Result<OrderKey> read_order_key(const JsonCursor& cursor) {
    OrderKey key;
    if (cursor.value().is_string()) {
        ASSIGN_OR_RETURN(key.column, read_name(cursor));
        return key;
    }
    if (!cursor.value().is_object()) {
        return fail(cursor.must_be("a column's name or {\"column\": …, \"descending\": true}"));
    }
    RETURN_IF_ERROR(read_members(cursor, kOrderKeys,
                                 [&](std::string_view name, const JsonCursor& member) -> Status {
                                     if (name == "column") {
                                         ASSIGN_OR_RETURN(key.column, read_name(member));
                                     } else {
                                         ASSIGN_OR_RETURN(key.descending, member.boolean());
                                     }
                                     return {};
                                 }));
    if (key.column.empty()) return fail(cursor.error("invalid_request", "names no column."));
    return key;
}

// One key, or an array of them.
Status read_order(const JsonCursor& cursor, std::vector<OrderKey>& out) {
    if (!cursor.value().is_array()) {
        ASSIGN_OR_RETURN(auto key, read_order_key(cursor));
        out.push_back(std::move(key));
        return {};
    }
    ASSIGN_OR_RETURN(const auto items, cursor.array(kOrderKeysMax));
    for (size_t i = 0; i < items.size(); ++i) {
        ASSIGN_OR_RETURN(auto key, read_order_key(cursor.item(i)));
        out.push_back(std::move(key));
    }
    return {};
}

Status read_include(const JsonCursor& cursor, SearchRequest& out) {
    constexpr std::array<std::string_view, 1> kKnown{"document"};
    std::vector<std::string> names;
    RETURN_IF_ERROR(read_names(cursor, kKnown.size(), names));
    for (const std::string& name : names) {
        if (name != kKnown[0]) {
            return fail(cursor.error("invalid_request", fmt::format("knows no \"{}\".", name))
                            .with_hint("Only \"document\" can be included."));
        }
        out.include_document = true;
    }
    return {};
}

Status check_window(const SearchRequest& request) {
    if (request.offset + *request.limit <= kSearchWindowMax) return {};
    return fail(
        invalid_argument("page_too_deep",
                         fmt::format("offset and limit together are {}; at most {} are allowed.",
                                     request.offset + *request.limit, kSearchWindowMax))
            .with_hint(
                "Page by key: order by a column and filter for values after the last row's, or use "
                "the stream."));
}

Result<AggregateType> read_aggregate_type(const JsonCursor& cursor) {
    ASSIGN_OR_RETURN(const std::string_view name, cursor.string(kNameBytesMax));
    const auto known = std::ranges::find(kAggregateNames, name);
    if (known == kAggregateNames.end()) {
        std::string hint = did_you_mean(name, kAggregateNames);
        if (!hint.empty()) hint += ' ';
        return fail(
            cursor.error("unknown_aggregation", fmt::format("\"{}\" is no aggregation.", name))
                .with_hint(hint + "Aggregations: " + joined(kAggregateNames) + "."));
    }
    return static_cast<AggregateType>(known - kAggregateNames.begin());
}

Result<Aggregation> read_aggregation(const JsonCursor& cursor) {
    Aggregation aggregation;
    bool typed = false;
    RETURN_IF_ERROR(read_members(
        cursor, kAggregationKeys, [&](std::string_view name, const JsonCursor& member) -> Status {
            if (name == "type") {
                typed = true;
                ASSIGN_OR_RETURN(aggregation.type, read_aggregate_type(member));
            } else if (name == "column") {
                if (member.value().is_null()) return {};
                ASSIGN_OR_RETURN(aggregation.column, read_name(member));
            } else {
                ASSIGN_OR_RETURN(aggregation.alias, read_name(member));
            }
            return {};
        }));
    if (!typed) {
        return fail(cursor.error("invalid_request", "has no type.")
                        .with_hint("Aggregations: " + joined(kAggregateNames) + "."));
    }
    if (aggregation.type != AggregateType::count && !aggregation.column) {
        return fail(
            cursor.error("invalid_request", "names no column; only count can do without one."));
    }
    if (aggregation.alias.empty()) {
        aggregation.alias = std::string(aggregate_name(aggregation.type));
        if (aggregation.column) aggregation.alias += "_" + *aggregation.column;
    }
    return aggregation;
}

Result<GroupKey> read_group_key(const JsonCursor& cursor) {
    GroupKey key;
    if (cursor.value().is_string()) {
        ASSIGN_OR_RETURN(key.column, read_name(cursor));
    } else {
        if (!cursor.value().is_object()) {
            return fail(cursor.must_be("a column's name or {\"column\": …, \"bucket\": \"1h\"}"));
        }
        RETURN_IF_ERROR(read_members(
            cursor, kGroupKeys, [&](std::string_view name, const JsonCursor& member) -> Status {
                if (name == "column") {
                    ASSIGN_OR_RETURN(key.column, read_name(member));
                } else if (name == "alias") {
                    ASSIGN_OR_RETURN(key.alias, read_name(member));
                } else {
                    ASSIGN_OR_RETURN(const std::string_view text, member.string(kNameBytesMax));
                    ASSIGN_OR_RETURN(key.bucket, parse_bucket(text));
                }
                return {};
            }));
        if (key.column.empty()) return fail(cursor.error("invalid_request", "names no column."));
    }
    if (key.alias.empty()) key.alias = key.column;
    return key;
}

Status check_aliases(const AggregateRequest& request) {
    std::unordered_set<std::string_view> seen;
    const auto add = [&](const std::string& alias) -> Status {
        if (seen.insert(alias).second) return {};
        return fail(invalid_argument("duplicate_alias",
                                     fmt::format("Two results would be named \"{}\".", alias))
                        .with_hint("Give one of them an \"alias\"."));
    };
    for (const GroupKey& key : request.group_by) RETURN_IF_ERROR(add(key.alias));
    for (const Aggregation& one : request.aggregations) RETURN_IF_ERROR(add(one.alias));
    return {};
}

Status read_aggregate_member(std::string_view name, const JsonCursor& cursor,
                             AggregateRequest& out) {
    if (name == "sources") return read_sources(cursor, out.sources);
    if (name == "order_by") return read_order(cursor, out.order_by);
    if (name == "filters") {
        ASSIGN_OR_RETURN(out.filter, parse_filter(cursor));
    } else if (name == "having") {
        ASSIGN_OR_RETURN(out.having, parse_filter(cursor));
    } else if (name == "limit") {
        ASSIGN_OR_RETURN(out.limit, cursor.whole_number(1, kGroupLimitMax));
    } else if (name == "aggregations") {
        ASSIGN_OR_RETURN(const auto items, cursor.array(kAggregationsMax));
        for (size_t i = 0; i < items.size(); ++i) {
            ASSIGN_OR_RETURN(auto aggregation, read_aggregation(cursor.item(i)));
            out.aggregations.push_back(std::move(aggregation));
        }
    } else {
        ASSIGN_OR_RETURN(const auto items, cursor.array(kGroupKeysMax));
        for (size_t i = 0; i < items.size(); ++i) {
            ASSIGN_OR_RETURN(auto key, read_group_key(cursor.item(i)));
            out.group_by.push_back(std::move(key));
        }
    }
    return {};
}

Status read_search_member(std::string_view name, const JsonCursor& cursor, SearchMode mode,
                          SearchRequest& out) {
    if (name == "sources") return read_sources(cursor, out.sources);
    if (name == "order_by") return read_order(cursor, out.order_by);
    if (name == "include") return read_include(cursor, out);
    if (name == "filters") {
        ASSIGN_OR_RETURN(out.filter, parse_filter(cursor));
    } else if (name == "columns") {
        RETURN_IF_ERROR(read_names(cursor, kRequestColumnsMax, out.columns.emplace()));
    } else if (name == "limit") {
        const uint64_t max = mode == SearchMode::page ? kSearchLimitMax : INT64_MAX;
        ASSIGN_OR_RETURN(out.limit, cursor.whole_number(0, max));
    } else {
        const uint64_t max = mode == SearchMode::page ? kSearchWindowMax : INT64_MAX;
        ASSIGN_OR_RETURN(out.offset, cursor.whole_number(0, max));
    }
    return {};
}

}  // namespace

std::string_view aggregate_name(AggregateType type) {
    return kAggregateNames[static_cast<size_t>(type)];
}

Result<SearchRequest> parse_search(const JsonValue& body, SearchMode mode) {
    SearchRequest request;
    if (mode == SearchMode::page) request.limit = kSearchLimitDefault;
    RETURN_IF_ERROR(read_members(JsonCursor(body), kSearchKeys,
                                 [&](std::string_view name, const JsonCursor& cursor) {
                                     return read_search_member(name, cursor, mode, request);
                                 }));
    if (mode == SearchMode::page) RETURN_IF_ERROR(check_window(request));
    return request;
}

Result<AggregateRequest> parse_aggregate(const JsonValue& body) {
    AggregateRequest request;
    RETURN_IF_ERROR(read_members(JsonCursor(body), kAggregateKeys,
                                 [&](std::string_view name, const JsonCursor& cursor) {
                                     return read_aggregate_member(name, cursor, request);
                                 }));
    if (request.aggregations.empty() && request.group_by.empty()) {
        return fail(invalid_argument("invalid_request", "The request aggregates nothing.")
                        .with_hint("Give \"aggregations\", such as [{\"type\": \"count\"}]."));
    }
    RETURN_IF_ERROR(check_aliases(request));
    return request;
}

}  // namespace insula::tables
