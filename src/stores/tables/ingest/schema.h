// Schema: the columns of a source and where their values stand in documents. A Schema in use is
// immutable and shared; a batch that meets new columns works on a copy, which becomes the source's
// schema if the batch is accepted.
//
// Always holds:
//  1. A column id is never given out twice, and a column is never removed.
//  2. No path holds both a scalar column and columns below it: {"a":1} and {"a":{"b":2}} are of
//     different kinds, and the second to come goes to `_rest`.
//  3. No two columns share a name (paths ["a.b"] and ["a","b"] would).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/string_hash.h"
#include "core/catalog/types.h"

namespace insula::tables {

// Limits of what becomes a column; what is beyond them stays in `_rest`.
inline constexpr size_t kColumnsMax = 1000;  // a source
inline constexpr size_t kNestingMax = 8;     // names in a column's path
inline constexpr size_t kColumnNameBytesMax = 256;

class Schema {
  public:
    using NodeIndex = uint32_t;
    static constexpr NodeIndex kRoot = 0;
    static constexpr uint32_t kNone = UINT32_MAX;

    Schema();
    explicit Schema(const std::vector<catalog::Column>& columns);

    const std::vector<catalog::Column>& columns() const { return columns_; }
    const catalog::Column& column(uint32_t index) const { return columns_[index]; }
    // kNone if there is no column with that id or name.
    uint32_t find_id(ColumnId id) const;
    uint32_t find_name(std::string_view name) const;

    // The tree of keys. A node holds a column or has children, not both (the root neither at
    // first).
    NodeIndex child(NodeIndex parent, std::string_view key) const;
    uint32_t node_column(NodeIndex node) const { return nodes_[node].column; }
    bool has_children(NodeIndex node) const { return !nodes_[node].children.empty(); }
    size_t node_count() const { return nodes_.size(); }

    // The column at `key` under the object that `parent_path` names; kNone if it may not become one
    // (limits, reserved or ambiguous names, a path that another kind holds).
    uint32_t add(const std::vector<std::string>& parent_path, std::string_view key, ColumnType type,
                 bool declared);
    // Inserts or replaces by id; `column` must keep the path that the id has.
    void upsert(const catalog::Column& column);
    // As upsert(), but a column never becomes narrower than it is: changes may come out of their
    // order, from the journal and from the catalog.
    void merge(const catalog::Column& column);
    // What merging all of `newer` would add here or widen, as it would be then.
    std::vector<catalog::Column> missing_of(const Schema& newer) const;

  private:
    template <class T>
    using ByText = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

    struct Node {
        uint32_t column = kNone;
        ByText<NodeIndex> children;
    };

    NodeIndex make_path(const std::vector<std::string>& path);
    bool path_is_free(const std::vector<std::string>& path) const;

    std::vector<catalog::Column> columns_;
    std::vector<Node> nodes_;
    ByText<uint32_t> by_name_;
    std::unordered_map<ColumnId, uint32_t> by_id_;
    uint64_t next_id_ = 1;
};

using SchemaPtr = std::shared_ptr<const Schema>;

// "a", "b" -> "a.b".
std::string column_name(const std::vector<std::string>& path);

}  // namespace insula::tables
