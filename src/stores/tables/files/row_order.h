// RowOrder: the order in which rows of chunks stand in files, and copies of stretches of it. Used
// by one thread. The chunks must outlive the order and what it copies: texts stay where they are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/catalog/types.h"
#include "platform/engine/chunk.h"

namespace insula::tables {

class RowOrder {
  public:
    RowOrder(const RowOrder&) = delete;
    RowOrder& operator=(const RowOrder&) = delete;

    // Ascending by `keys`, one after the other; missing values come first, texts by their bytes.
    // Rows that are equal, or all if there are no keys, stay in the order of the chunks.
    RowOrder(std::span<const ChunkRows> chunks, std::span<const ColumnId> keys);

    uint64_t rows() const { return rows_; }
    // Whether the rows at these two places have the same values of the first `keys` keys.
    bool equal(uint64_t place, uint64_t other, size_t keys) const;
    // What the row at each place takes in memory: fixed-width values and texts.
    std::vector<uint32_t> row_bytes() const;
    // The rows of the places [begin, end): whole chunks as they are where they stand so, elsewhere
    // copies, which hold the ids of their rows in kRowIdColumn.
    std::vector<ChunkRows> rows_at(uint64_t begin, uint64_t end) const;

  private:
    // `prefix` orders by the key that is being sorted by; where it is equal, values may still
    // differ.
    struct Place {
        uint64_t prefix = 0;
        uint32_t chunk = 0;
        uint32_t row = 0;
    };
    struct Column {
        ColumnSpec spec;                           // float64 if one chunk has that and one int64
        std::vector<const ChunkColumn*> in_chunk;  // nullptr: missing in all its rows
    };

    void find_columns();
    static bool in_chunks(const Place& a, const Place& b);  // a before b
    static bool same_value(const Place& a, const Place& b, const Column& column);
    void sort(std::span<Place> places, size_t key);
    static void sort_present(std::span<Place> places, const Column& column);
    static size_t common_prefix(std::span<const Place> places, const Column& column);
    Place at(uint64_t place) const;
    std::shared_ptr<const Chunk> copy(uint64_t begin, uint64_t end) const;
    static void copy_values(const Column& column, std::span<const Place> from, ChunkColumn& to);

    std::span<const ChunkRows> chunks_;
    std::vector<uint64_t> first_places_;  // of the chunks' rows, were they not sorted; then rows_
    uint64_t rows_ = 0;
    std::vector<Column> columns_;
    std::vector<const Column*> keys_;  // nullptr: no row has a value
    std::vector<Place> places_;        // empty if rows stay in the order of the chunks
};

}  // namespace insula::tables
