#include "platform/engine/chunk.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace insula {

namespace {

struct TypeInfo {
    ColumnType type;
    std::string_view name;
    uint32_t width;
};
constexpr std::array<TypeInfo, 7> kTypes{{{ColumnType::boolean, "bool", 1},
                                          {ColumnType::int64, "int64", 8},
                                          {ColumnType::float64, "float64", 8},
                                          {ColumnType::string, "string", 16},
                                          {ColumnType::date, "date", 4},
                                          {ColumnType::timestamp, "timestamp", 8},
                                          {ColumnType::json, "json", 16}}};

const TypeInfo& info(ColumnType type) {
    const auto index = static_cast<size_t>(type) - 1;
    INSULA_CHECK(index < kTypes.size(), "unknown column type");
    return kTypes[index];
}

constexpr size_t kTextBlockMin = 256;
constexpr size_t kTextBlockMax = 256 * 1024;

constexpr size_t round_up_16(size_t bytes) { return (bytes + 15) & ~size_t{15}; }

}  // namespace

std::string_view column_type_name(ColumnType type) { return info(type).name; }

std::optional<ColumnType> parse_column_type(std::string_view name) {
    for (const TypeInfo& type : kTypes) {
        if (type.name == name) return type.type;
    }
    return std::nullopt;
}

uint32_t column_type_width(ColumnType type) { return info(type).width; }

char* TextArena::allocate(size_t bytes) {
    if (bytes > left_) {
        block_bytes_ = std::clamp(block_bytes_ * 2, kTextBlockMin, kTextBlockMax);
        const size_t block = std::max(block_bytes_, bytes);
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
        at_ = blocks_.back().get();
        left_ = block;
        bytes_ += block;
    }
    char* at = at_;
    at_ += bytes;
    left_ -= bytes;
    return at;
}

Chunk::Chunk(std::span<const ColumnSpec> columns, uint32_t capacity, TextArena text)
    : text_(std::move(text)), capacity_(capacity) {
    INSULA_CHECK(capacity > 0 && capacity <= kChunkRowsMax, "chunk capacity");
    size_t values_bytes = 0;
    for (const ColumnSpec& spec : columns) {
        values_bytes += round_up_16(size_t{column_type_width(spec.type)} * capacity);
    }
    const size_t valid_bytes = columns.size() * capacity;
    block_ = std::make_unique_for_overwrite<std::byte[]>(values_bytes + valid_bytes);
    std::memset(block_.get() + values_bytes, 0, valid_bytes);
    std::byte* data = block_.get();
    auto* valid = reinterpret_cast<uint8_t*>(block_.get() + values_bytes);
    columns_.reserve(columns.size());
    for (const ColumnSpec& spec : columns) {
        columns_.push_back({spec.id, spec.type, data, valid});
        data += round_up_16(size_t{column_type_width(spec.type)} * capacity);
        valid += capacity;
    }
    fixed_bytes_ =
        sizeof(Chunk) + values_bytes + valid_bytes + columns.size() * sizeof(ChunkColumn);
}

const ChunkColumn* Chunk::find(ColumnId id) const {
    const auto at = std::ranges::find(columns_, id, &ChunkColumn::id);
    return at == columns_.end() ? nullptr : &*at;
}

void Chunk::add_rows(uint32_t count) {
    INSULA_CHECK(count <= capacity_ - rows_, "a chunk holds no more than its capacity");
    rows_ += count;
}

}  // namespace insula
