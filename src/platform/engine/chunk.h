// Chunk: rows as columns, the form in which rows pass between a store and the engine. A memtable is
// a list of them; the engine scans them in place, without a copy.
//
// A chunk has a fixed capacity of at most kChunkRowsMax rows and a fixed set of columns. Rows are
// appended by one writer; a reader that was told of n rows by the writer (under a lock) may read
// those n while the writer appends more: validity is a byte a row, so no two rows share a word. A
// sealed chunk never changes.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace insula {

inline constexpr uint32_t kChunkRowsMax = 2048;

// Stored on disk (journal, catalog): values are never reused.
enum class ColumnType : uint8_t {
    boolean = 1,    // 1 byte, 0 or 1
    int64 = 2,      // 8 bytes
    float64 = 3,    // 8 bytes, never NaN or infinite
    string = 4,     // StringRef, valid UTF-8
    date = 5,       // 4 bytes, days since 1970-01-01
    timestamp = 6,  // 8 bytes, nanoseconds since 1970-01-01T00:00:00Z
    json = 7,       // StringRef, one JSON value as minified text
};

std::string_view column_type_name(ColumnType type);
std::optional<ColumnType> parse_column_type(std::string_view name);  // our names only, no aliases
uint32_t column_type_width(ColumnType type);                         // bytes a value
inline bool is_text(ColumnType type) {
    return type == ColumnType::string || type == ColumnType::json;
}
inline bool is_number(ColumnType type) {
    return type == ColumnType::int64 || type == ColumnType::float64;
}

// A string of up to 12 bytes inline, a longer one as prefix and pointer (the layout that Umbra's
// paper, CIDR 2020, gives and the engine shares). Does not own the bytes.
class StringRef {
  public:
    static constexpr uint32_t kInlineMax = 12;
    StringRef() = default;
    // `text` must outlive the reference if it is longer than kInlineMax.
    explicit StringRef(std::string_view text) : length_(static_cast<uint32_t>(text.size())) {
        if (length_ <= kInlineMax) {
            std::memcpy(inline_, text.data(), length_);
        } else {
            std::memcpy(inline_, text.data(), 4);
            const char* at = text.data();
            std::memcpy(inline_ + 4, &at, sizeof at);
        }
    }
    uint32_t size() const { return length_; }
    // The first four bytes, zeros behind a shorter text, as a number that orders like the texts
    // do where it differs.
    uint32_t prefix() const {
        uint32_t bytes;
        std::memcpy(&bytes, inline_, sizeof bytes);
        return __builtin_bswap32(bytes);
    }
    bool is_inline() const { return length_ <= kInlineMax; }
    std::string_view view() const {
        if (is_inline()) return {inline_, length_};
        const char* at;
        std::memcpy(&at, inline_ + 4, sizeof at);
        return {at, length_};
    }

  private:
    uint32_t length_ = 0;
    char inline_[12] = {};
};
static_assert(sizeof(StringRef) == 16);

struct ChunkColumn {
    ColumnId id;
    ColumnType type = ColumnType::int64;
    std::byte* data = nullptr;  // capacity values of column_type_width(type) bytes
    uint8_t* valid = nullptr;   // capacity bytes: 1 = present, 0 = null

    template <class T>
    T* values() {
        return reinterpret_cast<T*>(data);
    }
    template <class T>
    const T* values() const {
        return reinterpret_cast<const T*>(data);
    }
};

struct ColumnSpec {
    ColumnId id;
    ColumnType type = ColumnType::int64;
    bool operator==(const ColumnSpec&) const = default;
};

// Bytes at stable addresses, in blocks that grow up to 256 KiB. Movable; not thread-safe.
class TextArena {
  public:
    char* allocate(size_t bytes);
    // Copies a long string into the arena; a short one needs no room.
    StringRef store(std::string_view text) {
        if (text.size() <= StringRef::kInlineMax) return StringRef(text);
        char* at = allocate(text.size());
        std::memcpy(at, text.data(), text.size());
        return StringRef(std::string_view(at, text.size()));
    }
    uint64_t bytes() const { return bytes_; }

  private:
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* at_ = nullptr;
    size_t left_ = 0;
    size_t block_bytes_ = 0;
    uint64_t bytes_ = 0;
};

class Chunk {
  public:
    // `text` already holds the long strings of values that will be copied in.
    Chunk(std::span<const ColumnSpec> columns, uint32_t capacity, TextArena text = {});
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;

    uint32_t capacity() const { return capacity_; }
    uint32_t rows() const { return rows_; }
    std::span<const ChunkColumn> columns() const { return columns_; }
    // nullptr if the chunk has no such column: all its rows are null there.
    const ChunkColumn* find(ColumnId id) const;
    // All memory that the chunk holds.
    uint64_t bytes() const { return fixed_bytes_ + text_.bytes(); }

    // Writer only. add_rows(n) after the values of the n rows are in place; values not written are
    // null.
    std::span<ChunkColumn> writable_columns() { return columns_; }
    void add_rows(uint32_t count);
    // Copies a long string into the chunk; a short one needs no room.
    StringRef store(std::string_view text) { return text_.store(text); }

  private:
    std::vector<ChunkColumn> columns_;
    std::unique_ptr<std::byte[]> block_;  // all fixed-width values and validity
    TextArena text_;
    uint32_t capacity_ = 0;
    uint32_t rows_ = 0;
    uint64_t fixed_bytes_ = 0;
};

// Of the rows' identities: no source's own column has this id.
inline constexpr ColumnId kRowIdColumn{0x7fffffff};

// The first `rows` rows of a chunk, as a query or a flush has pinned them. Row i has _row_id
// first_row_id + i, unless the chunk holds the ids itself: int64, as its last column, kRowIdColumn.
struct ChunkRows {
    std::shared_ptr<const Chunk> chunk;
    uint32_t rows = 0;
    uint64_t first_row_id = 0;
};

}  // namespace insula
