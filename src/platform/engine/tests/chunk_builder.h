// Chunks made row by row. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "platform/engine/engine.h"

namespace insula::engine::test {

// Chunks of the given columns; each begins where the last one was full. A cell is of the type of
// its column, or null.
class ChunkBuilder {
  public:
    explicit ChunkBuilder(std::vector<ColumnSpec> columns, uint32_t capacity = kChunkRowsMax,
                          uint64_t first_row_id = 0)
        : columns_(std::move(columns)), capacity_(capacity), next_row_id_(first_row_id) {}

    void add(const std::vector<Value>& row) {
        if (!open_ || open_->rows() == open_->capacity()) {
            close();
            open_ = std::make_shared<Chunk>(columns_, capacity_);
        }
        const uint32_t at = open_->rows();
        for (size_t i = 0; i < row.size(); ++i) set(open_->writable_columns()[i], at, row[i]);
        open_->add_rows(1);
    }
    std::vector<ChunkRows> take() {
        close();
        return std::move(chunks_);
    }

  private:
    void set(ChunkColumn& column, uint32_t at, const Value& cell) {
        if (std::holds_alternative<std::monostate>(cell)) return;
        column.valid[at] = 1;
        if (const auto* v = std::get_if<bool>(&cell)) column.values<uint8_t>()[at] = *v;
        if (const auto* v = std::get_if<int64_t>(&cell)) column.values<int64_t>()[at] = *v;
        if (const auto* v = std::get_if<double>(&cell)) column.values<double>()[at] = *v;
        if (const auto* v = std::get_if<std::string>(&cell)) {
            column.values<StringRef>()[at] = open_->store(*v);
        }
        if (const auto* v = std::get_if<DateValue>(&cell)) column.values<int32_t>()[at] = v->days;
        if (const auto* v = std::get_if<TimestampValue>(&cell)) {
            column.values<int64_t>()[at] = v->nanos;
        }
    }
    void close() {
        if (!open_) return;
        const uint32_t rows = open_->rows();
        chunks_.push_back({std::move(open_), rows, next_row_id_});
        next_row_id_ += rows;
        open_ = nullptr;
    }

    std::vector<ColumnSpec> columns_;
    uint32_t capacity_;
    std::shared_ptr<Chunk> open_;
    std::vector<ChunkRows> chunks_;
    uint64_t next_row_id_;
};

}  // namespace insula::engine::test
