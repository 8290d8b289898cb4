#include "stores/tables/memtable/memtable.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace insula::tables {

namespace {

constexpr uint32_t kSmallRows = 256;         // a chunk below it is gathered with others
constexpr uint32_t kFirstTailCapacity = 64;  // and then four times what the last one held

// Copies the first `rows` rows of `from` behind those of `to`, which has all its columns.
void copy_rows(const Chunk& from, uint32_t rows, Chunk& to) {
    const uint32_t at = to.rows();
    for (ChunkColumn& target : to.writable_columns()) {
        const ChunkColumn* source = from.find(target.id);
        const size_t width = column_type_width(target.type);
        std::byte* values = target.data + at * width;
        if (source == nullptr) {
            std::memset(values, 0, rows * width);
            std::memset(target.valid + at, 0, rows);
            continue;
        }
        std::memcpy(values, source->data, rows * width);
        std::memcpy(target.valid + at, source->valid, rows);
        if (!is_text(target.type)) continue;
        auto* texts = target.values<StringRef>() + at;
        for (uint32_t row = 0; row < rows; ++row) {
            if (target.valid[at + row] != 0) texts[row] = to.store(texts[row].view());
        }
    }
    to.add_rows(rows);
}

}  // namespace

void Memtable::append(Lsn lsn, std::span<const ChunkRows> chunks) {
    INSULA_CHECK(rows_ == 0 || lsn > last_lsn_, "records come in journal order");
    if (rows_ == 0) first_lsn_ = lsn;
    last_lsn_ = lsn;
    for (const ChunkRows& rows : chunks) {
        INSULA_CHECK(rows.rows == rows.chunk->rows(), "a record holds whole chunks");
        if (rows.rows < kSmallRows) {
            append_small(rows);
        } else {
            seal_tail();
            entries_.push_back(rows);
            zones_.push_back(std::make_shared<ChunkZones>(rows.chunk));
            bytes_ += rows.chunk->bytes();
        }
        rows_ += rows.rows;
    }
    marks_.push_back({lsn, rows_});
}

bool Memtable::fits_tail(const ChunkRows& rows) const {
    if (!tail_ || tail_->capacity() - tail_->rows() < rows.rows) return false;
    // Row ids of one entry are consecutive.
    const ChunkRows& last = entries_.back();
    if (last.first_row_id + last.rows != rows.first_row_id) return false;
    return std::ranges::all_of(rows.chunk->columns(), [this](const ChunkColumn& column) {
        const ChunkColumn* held = tail_->find(column.id);
        return held != nullptr && held->type == column.type;
    });
}

void Memtable::append_small(const ChunkRows& rows) {
    if (!fits_tail(rows)) {
        std::vector<ColumnSpec> specs;
        for (const ChunkColumn& column : rows.chunk->columns())
            specs.push_back({column.id, column.type});
        const uint32_t capacity =
            std::clamp(tail_ ? tail_->rows() * 4 : kFirstTailCapacity,
                       std::max(kFirstTailCapacity, rows.rows), kChunkRowsMax);
        seal_tail();
        tail_ = std::make_shared<Chunk>(specs, capacity);
        entries_.push_back({tail_, 0, rows.first_row_id});
        zones_.emplace_back();
        bytes_ += tail_->bytes();
    }
    const uint64_t before = tail_->bytes();
    copy_rows(*rows.chunk, rows.rows, *tail_);
    entries_.back().rows += rows.rows;
    bytes_ += tail_->bytes() - before;
}

void Memtable::seal_tail() {
    if (!tail_) return;
    zones_.back() = std::make_shared<ChunkZones>(tail_);
    tail_.reset();
}

void Memtable::pin(Lsn durable, std::vector<ChunkRows>& out,
                   std::vector<std::shared_ptr<ChunkZones>>& zones) {
    while (!marks_.empty() && marks_.front().lsn < durable) {
        visible_rows_ = marks_.front().rows;
        marks_.pop_front();
    }
    uint64_t left = visible_rows_;
    for (size_t i = 0; i < entries_.size() && left > 0; ++i) {
        const ChunkRows& entry = entries_[i];
        const auto rows = static_cast<uint32_t>(std::min<uint64_t>(left, entry.rows));
        out.push_back({entry.chunk, rows, entry.first_row_id});
        zones.push_back(zones_[i]);
        left -= rows;
    }
}

void Memtable::restated_at(Lsn lsn) {
    INSULA_CHECK(rows_ > 0 && lsn > last_lsn_, "records come in journal order");
    last_lsn_ = lsn;
}

}  // namespace insula::tables
