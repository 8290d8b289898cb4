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
#include "stores/tables/memtable/chunk_zones.h"

namespace insula::tables {

class Memtable {
  public:
    explicit Memtable(Generation generation) : generation_(generation) {}

    // All rows of the chunks of one record. Records come in the order of their lsn; row ids may
    // leave gaps. Nobody else may change the chunks afterwards.
    void append(Lsn lsn, std::span<const ChunkRows> chunks);

    // Adds the rows of all records below `durable` to `out`, and the zones of their chunks to
    // `zones`: nullptr where a chunk may still grow.
    void pin(Lsn durable, std::vector<ChunkRows>& out,
             std::vector<std::shared_ptr<ChunkZones>>& zones);

    // All rows, durable or not, in the order of their records.
    const std::vector<ChunkRows>& all() const { return entries_; }
    // A record at `lsn`, behind all others, holds all rows once more …
    void restated_at(Lsn lsn);
    // … and those others are needed no longer.
    void forget_records_below(Lsn lsn) { first_lsn_ = lsn; }

    Generation generation() const { return generation_; }
    bool empty() const { return rows_ == 0; }
    uint64_t rows() const { return rows_; }
    uint64_t bytes() const { return bytes_; }
    Lsn first_lsn() const { return first_lsn_; }  // the oldest record that is needed
    Lsn last_lsn() const { return last_lsn_; }

  private:
    // A record whose sync may not have returned yet, and how many rows there are with it.
    struct Mark {
        Lsn lsn;
        uint64_t rows;
    };

    void append_small(const ChunkRows& rows);
    bool fits_tail(const ChunkRows& rows) const;

    Generation generation_;
    void seal_tail();

    std::vector<ChunkRows> entries_;
    std::vector<std::shared_ptr<ChunkZones>> zones_;  // of the entries
    std::shared_ptr<Chunk> tail_;  // the chunk of the last entry while it may grow
    std::deque<Mark> marks_;
    uint64_t visible_rows_ = 0;  // of records known to be durable
    uint64_t rows_ = 0;
    uint64_t bytes_ = 0;
    Lsn first_lsn_;
    Lsn last_lsn_;
};

}  // namespace insula::tables
