// Rows of every type, filters over them, and chunks and bounds made of them: what the tests of
// planner and renderers plan over. Random, from a seed. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/catalog/types.h"
#include "platform/engine/engine.h"

namespace insula::tables::test {

using engine::DateValue;
using engine::TimestampValue;
using engine::Value;
using Row = std::vector<Value>;  // one for each column; monostate is null

struct Table {
    std::string source_id;
    std::vector<catalog::Column> columns;
    std::vector<Row> rows;

    // Null if the table has no such column.
    const catalog::Column* column(std::string_view name) const {
        const auto at = std::ranges::find(columns, name, &catalog::Column::name);
        return at == columns.end() ? nullptr : &*at;
    }
    const Value& cell(const Row& row, const catalog::Column& column) const {
        return row[static_cast<size_t>(&column - columns.data())];
    }
};

catalog::Column make_column(uint64_t id, std::vector<std::string> path, ColumnType type);

// One column of each type, two of them nested.
std::vector<catalog::Column> every_type();

class Samples {
  public:
    explicit Samples(uint64_t seed) : random_(seed) {}

    uint64_t below(uint64_t bound) { return random_() % bound; }
    template <class T>
    T pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }

    Value value(ColumnType type);
    Table table(std::string source_id, std::vector<catalog::Column> columns, size_t rows);
    // A random filter as JSON text, over the columns given.
    std::string filter(const std::vector<catalog::Column>& columns) { return filter(columns, 0); }

  private:
    std::string filter(const std::vector<catalog::Column>& columns, int depth);
    // `number`, from 1 to 3, keeps keys apart within an object.
    std::string part(const std::vector<catalog::Column>& columns, int depth, uint64_t number);
    std::string literal(ColumnType type);
    std::string list(ColumnType type);
    std::string predicate(ColumnType type);

    std::mt19937_64 random_;
};

// Rows [begin, end) as chunks of at most `chunk_rows` rows; `_row_id` is the row's index.
std::vector<ChunkRows> chunks_of(const Table& table, size_t begin, size_t end, uint32_t chunk_rows);

// Bounds as the catalog holds them, over rows [begin, end).
std::vector<catalog::Zone> zones_of(const Table& table, size_t begin, size_t end);

}  // namespace insula::tables::test
