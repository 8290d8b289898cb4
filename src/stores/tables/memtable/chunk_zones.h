// ChunkZones: bounds of the columns of a chunk that no longer changes, so that a query need not
// scan it. Each is computed when a filter first asks for it: writers pay nothing, and a filter's
// first look costs about what scanning the column would have. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "core/catalog/types.h"
#include "platform/engine/chunk.h"

namespace insula::tables {

class ChunkZones {
  public:
    // Nobody appends to the chunk any more.
    explicit ChunkZones(std::shared_ptr<const Chunk> chunk) : chunk_(std::move(chunk)) {}

    // Of all rows: zones say nothing about how many of the first ones are null.
    uint32_t rows() const { return chunk_->rows(); }
    // Stays as long as this does. Of the type that the chunk holds.
    const catalog::Zone& zone(ColumnId column);

  private:
    const std::shared_ptr<const Chunk> chunk_;
    std::mutex mutex_;
    std::list<catalog::Zone> zones_;  // those that were asked for
};

}  // namespace insula::tables
