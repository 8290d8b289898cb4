// Memtable: one generation of a source's rows that are in the journal and not yet in a file. A list
// of chunks in journal order; small batches are gathered into one growing chunk, so that ten
// thousand single documents are five chunks and not ten thousand.
//
// Not thread-safe: its source guards it with a mutex. Rows that pin() gave stay readable without
// the lock, while more are appended (see chunk.h).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"
#include "platform/engine/chunk.h"

namespace insula::tables {

class Memtable {
  public:
    explicit Memtable(Generation generation) : generation_(generation) {}

    // Rows first_row_id, first_row_id + 1, … of one record. Records come in the order of their lsn;
    // row ids may leave gaps between records. Nobody else may change `chunks` afterwards.
    void append(Lsn lsn, uint64_t first_row_id,
                std::span<const std::shared_ptr<const Chunk>> chunks);

    // Adds the rows of all records below `durable` to `out`.
    void pin(Lsn durable, std::vector<ChunkRows>& out);

    Generation generation() const { return generation_; }
    bool empty() const { return rows_ == 0; }
    uint64_t rows() const { return rows_; }
    uint64_t bytes() const { return bytes_; }
    Lsn first_lsn() const { return first_lsn_; }
    Lsn last_lsn() const { return last_lsn_; }

  private:
    struct Entry {
        std::shared_ptr<const Chunk> chunk;
        uint64_t first_row_id;
        uint32_t rows;
    };
    // A record whose sync may not have returned yet, and how many rows there are with it.
    struct Mark {
        Lsn lsn;
        uint64_t rows;
    };

    void append_small(uint64_t first_row_id, const Chunk& chunk);
    bool fits_tail(uint64_t first_row_id, const Chunk& chunk) const;

    Generation generation_;
    std::vector<Entry> entries_;
    std::shared_ptr<Chunk> tail_;  // the chunk of the last entry while it may grow
    std::deque<Mark> marks_;
    uint64_t visible_rows_ = 0;  // of records known to be durable
    uint64_t rows_ = 0;
    uint64_t bytes_ = 0;
    Lsn first_lsn_;
    Lsn last_lsn_;
};

}  // namespace insula::tables
