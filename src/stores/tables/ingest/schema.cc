#include "stores/tables/ingest/schema.h"

#include <algorithm>

#include "base/check.h"

namespace insula::tables {

namespace {

// What a column is that has been both.
catalog::Column wider(const catalog::Column& one, const catalog::Column& other) {
    catalog::Column column = other;
    const bool number = other.type == ColumnType::int64;
    if (number && one.type == ColumnType::float64) column.type = ColumnType::float64;
    column.exact_in_double = one.exact_in_double && other.exact_in_double;
    return column;
}

}  // namespace

std::string column_name(const std::vector<std::string>& path) {
    std::string name;
    for (size_t i = 0; i < path.size(); ++i) {
        if (i > 0) name.push_back('.');  // also behind an empty key: {"": {"j": 1}} is ".j"
        name.append(path[i]);
    }
    return name;
}

Schema::Schema() : nodes_(1) {}

Schema::Schema(const std::vector<catalog::Column>& columns) : Schema() {
    for (const catalog::Column& column : columns) upsert(column);
}

uint32_t Schema::find_id(ColumnId id) const {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? kNone : at->second;
}

uint32_t Schema::find_name(std::string_view name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? kNone : at->second;
}

Schema::NodeIndex Schema::child(NodeIndex parent, std::string_view key) const {
    const auto& children = nodes_[parent].children;
    const auto at = children.find(key);
    return at == children.end() ? kNone : at->second;
}

uint32_t Schema::add(const std::vector<std::string>& parent_path, std::string_view key,
                     ColumnType type, bool declared) {
    std::vector<std::string> path = parent_path;
    path.emplace_back(key);
    std::string name = column_name(path);
    // Names that begin with '_' are the system's; a NUL has no place in an identifier.
    const bool reserved =
        path.front().starts_with('_') || key.empty() || name.find('\0') != std::string::npos;
    if (reserved || columns_.size() >= kColumnsMax || path.size() > kNestingMax ||
        name.size() > kColumnNameBytesMax || by_name_.contains(name) || !path_is_free(path)) {
        return kNone;
    }
    upsert({.id = ColumnId{next_id_},
            .path = std::move(path),
            .name = std::move(name),
            .type = type,
            .declared = declared,
            .exact_in_double = true});
    return static_cast<uint32_t>(columns_.size() - 1);
}

void Schema::upsert(const catalog::Column& column) {
    if (const uint32_t known = find_id(column.id); known != kNone) {
        INSULA_CHECK(columns_[known].path == column.path, "a column keeps its path");
        columns_[known] = column;
        return;
    }
    const auto index = static_cast<uint32_t>(columns_.size());
    columns_.push_back(column);
    by_id_.emplace(column.id, index);
    by_name_.emplace(column.name, index);
    nodes_[make_path(column.path)].column = index;
    next_id_ = std::max(next_id_, column.id.value + 1);
}

void Schema::merge(const catalog::Column& column) {
    const uint32_t known = find_id(column.id);
    upsert(known == kNone ? column : wider(columns_[known], column));
}

std::vector<catalog::Column> Schema::missing_of(const Schema& newer) const {
    std::vector<catalog::Column> missing;
    for (const catalog::Column& column : newer.columns()) {
        const uint32_t known = find_id(column.id);
        if (known == kNone) {
            missing.push_back(column);
        } else if (catalog::Column both = wider(columns_[known], column); both != columns_[known]) {
            missing.push_back(std::move(both));
        }
    }
    return missing;
}

Schema::NodeIndex Schema::make_path(const std::vector<std::string>& path) {
    NodeIndex node = kRoot;
    for (const std::string& key : path) {
        NodeIndex next = child(node, key);
        if (next == kNone) {
            next = static_cast<NodeIndex>(nodes_.size());
            nodes_[node].children.emplace(key, next);
            nodes_.emplace_back();
        }
        node = next;
    }
    return node;
}

bool Schema::path_is_free(const std::vector<std::string>& path) const {
    NodeIndex node = kRoot;
    for (const std::string& key : path) {
        node = child(node, key);
        if (node == kNone) return true;
        if (nodes_[node].column != kNone) return false;
    }
    return false;  // an object with columns stands there
}

}  // namespace insula::tables
