#include "stores/tables/files/row_order.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "base/check.h"

namespace insula::tables {

namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

uint64_t ordered(int64_t value) { return static_cast<uint64_t>(value) ^ kSignBit; }

// Never NaN. -0.0 and 0.0 are one value.
uint64_t ordered(double value) {
    const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
    return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

// Seven bytes, and in the last one how many there were: kMoreBytes if there are more, which the
// prefix says nothing about.
constexpr size_t kTextPrefixBytes = 7;
constexpr uint64_t kMoreBytes = kTextPrefixBytes + 1;

uint64_t ordered(std::string_view text) {
    uint64_t prefix = 0;
    std::memcpy(&prefix, text.data(), std::min(text.size(), kTextPrefixBytes));
    static_assert(std::endian::native == std::endian::little);
    return std::byteswap(prefix) | std::min<uint64_t>(text.size(), kMoreBytes);
}

bool may_differ_behind(uint64_t prefix) { return (prefix & 0xff) == kMoreBytes; }

double real_at(const ChunkColumn& column, uint32_t row) {
    if (column.type == ColumnType::float64) return column.values<double>()[row];
    return static_cast<double>(column.values<int64_t>()[row]);
}

std::string_view text_at(const ChunkColumn& column, uint32_t row) {
    return column.values<StringRef>()[row].view();
}

bool present(const ChunkColumn* column, uint32_t row) {
    return column != nullptr && column->valid[row] != 0;
}

// Of a value that is there, as `type`; of texts from their byte `skipped` on. Decides the order but
// for texts that begin alike.
uint64_t prefix_of(const ChunkColumn& column, uint32_t row, ColumnType type, size_t skipped) {
    switch (type) {
        case ColumnType::boolean:
            return column.values<uint8_t>()[row];
        case ColumnType::int64:
        case ColumnType::timestamp:
            return ordered(column.values<int64_t>()[row]);
        case ColumnType::date:
            return ordered(int64_t{column.values<int32_t>()[row]});
        case ColumnType::float64:
            return ordered(real_at(column, row));
        case ColumnType::string:
        case ColumnType::json:
            return ordered(text_at(column, row).substr(skipped));
    }
    check_failed(__FILE__, __LINE__, "type", "unknown column type");
}

}  // namespace

RowOrder::RowOrder(std::span<const ChunkRows> chunks, std::span<const ColumnId> keys)
    : chunks_(chunks) {
    for (const ChunkRows& chunk : chunks_) {
        first_places_.push_back(rows_);
        rows_ += chunk.rows;
    }
    first_places_.push_back(rows_);
    find_columns();
    for (const ColumnId key : keys) {
        const auto at = std::ranges::find(columns_, key, [](const Column& c) { return c.spec.id; });
        keys_.push_back(at == columns_.end() ? nullptr : &*at);
    }
    if (std::ranges::all_of(keys_, [](const Column* key) { return key == nullptr; })) return;
    places_.reserve(rows_);
    for (uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
        for (uint32_t row = 0; row < chunks_[chunk].rows; ++row) places_.push_back({0, chunk, row});
    }
    sort(places_, 0);
}

void RowOrder::find_columns() {
    std::unordered_map<ColumnId, size_t> by_id;
    for (size_t i = 0; i < chunks_.size(); ++i) {
        for (const ChunkColumn& column : chunks_[i].chunk->columns()) {
            INSULA_CHECK(column.id != kRowIdColumn, "rows are copied once");
            const auto [known, added] = by_id.try_emplace(column.id, columns_.size());
            if (added) {
                columns_.push_back({{column.id, column.type}, {}});
                columns_.back().in_chunk.resize(chunks_.size());
            }
            Column& held = columns_[known->second];
            held.in_chunk[i] = &column;
            if (held.spec.type != column.type) held.spec.type = ColumnType::float64;
        }
    }
}

bool RowOrder::in_chunks(const Place& a, const Place& b) {
    return a.chunk != b.chunk ? a.chunk < b.chunk : a.row < b.row;
}

void RowOrder::sort(std::span<Place> places, size_t key) {
    while (key < keys_.size() && keys_[key] == nullptr) ++key;
    if (key == keys_.size() || places.size() < 2) return;
    const Column& column = *keys_[key];
    const std::span<Place> values = std::ranges::partition(places, [&](const Place& place) {
        return !present(column.in_chunk[place.chunk], place.row);
    });
    const std::span<Place> missing = places.first(places.size() - values.size());
    std::ranges::sort(missing, in_chunks);
    sort_present(values, column);
    if (key + 1 == keys_.size()) return;
    sort(missing, key + 1);
    for (size_t begin = 0; begin < values.size();) {
        // The next key overwrites prefixes only before `end`.
        size_t end = begin + 1;
        while (end < values.size() && same_value(values[begin], values[end], column)) ++end;
        sort(values.subspan(begin, end - begin), key + 1);
        begin = end;
    }
}

// Both are there and have their prefix of this column.
bool RowOrder::same_value(const Place& a, const Place& b, const Column& column) {
    if (a.prefix != b.prefix) return false;
    if (!is_text(column.spec.type) || !may_differ_behind(a.prefix)) return true;
    return text_at(*column.in_chunk[a.chunk], a.row) == text_at(*column.in_chunk[b.chunk], b.row);
}

void RowOrder::sort_present(std::span<Place> places, const Column& column) {
    const bool texts = is_text(column.spec.type);
    const size_t skipped = texts ? common_prefix(places, column) : 0;
    for (Place& place : places) {
        place.prefix =
            prefix_of(*column.in_chunk[place.chunk], place.row, column.spec.type, skipped);
    }
    std::ranges::sort(places, [&](const Place& a, const Place& b) {
        if (a.prefix != b.prefix) return a.prefix < b.prefix;
        if (texts && may_differ_behind(a.prefix)) {
            const int order = text_at(*column.in_chunk[a.chunk], a.row)
                                  .compare(text_at(*column.in_chunk[b.chunk], b.row));
            if (order != 0) return order < 0;
        }
        return in_chunks(a, b);
    });
}

// How many bytes all texts begin with: "CUST_", which would leave the prefixes little to say.
size_t RowOrder::common_prefix(std::span<const Place> places, const Column& column) {
    if (places.empty()) return 0;
    std::string_view common = text_at(*column.in_chunk[places[0].chunk], places[0].row);
    for (const Place& place : places) {
        const std::string_view text = text_at(*column.in_chunk[place.chunk], place.row);
        if (text.starts_with(common)) continue;
        const auto differs = std::ranges::mismatch(common, text).in1;
        common = common.substr(0, static_cast<size_t>(differs - common.begin()));
        if (common.empty()) break;
    }
    return common.size();
}

RowOrder::Place RowOrder::at(uint64_t place) const {
    if (!places_.empty()) return places_[place];
    const auto behind = std::ranges::upper_bound(first_places_, place);
    const auto chunk = static_cast<uint32_t>(behind - first_places_.begin() - 1);
    return {0, chunk, static_cast<uint32_t>(place - first_places_[chunk])};
}

bool RowOrder::equal(uint64_t place, uint64_t other, size_t keys) const {
    Place a = at(place);
    Place b = at(other);
    for (const Column* key : std::span(keys_).first(keys)) {
        if (key == nullptr) continue;
        const ChunkColumn* left = key->in_chunk[a.chunk];
        const ChunkColumn* right = key->in_chunk[b.chunk];
        if (present(left, a.row) != present(right, b.row)) return false;
        if (!present(left, a.row)) continue;
        a.prefix = prefix_of(*left, a.row, key->spec.type, 0);
        b.prefix = prefix_of(*right, b.row, key->spec.type, 0);
        if (!same_value(a, b, *key)) return false;
    }
    return true;
}

std::vector<uint32_t> RowOrder::row_bytes() const {
    std::vector<uint32_t> in_chunks(rows_);
    for (size_t i = 0; i < chunks_.size(); ++i) {
        uint32_t* bytes = in_chunks.data() + first_places_[i];
        for (const ChunkColumn& column : chunks_[i].chunk->columns()) {
            const uint32_t width = column_type_width(column.type) + 1;
            for (uint32_t row = 0; row < chunks_[i].rows; ++row) {
                bytes[row] += width;
                if (!is_text(column.type) || column.valid[row] == 0) continue;
                const StringRef& text = column.values<StringRef>()[row];
                bytes[row] += text.is_inline() ? 0 : text.size();
            }
        }
    }
    if (places_.empty()) return in_chunks;
    std::vector<uint32_t> bytes(rows_);
    for (uint64_t place = 0; place < rows_; ++place) {
        bytes[place] = in_chunks[first_places_[places_[place].chunk] + places_[place].row];
    }
    return bytes;
}

std::vector<ChunkRows> RowOrder::rows_at(uint64_t begin, uint64_t end) const {
    INSULA_CHECK(begin <= end && end <= rows_, "places of the order");
    std::vector<ChunkRows> rows;
    while (begin < end) {
        const Place first = at(begin);
        const uint32_t whole = chunks_[first.chunk].rows;
        if (places_.empty() && first.row == 0 && end - begin >= whole) {
            rows.push_back(chunks_[first.chunk]);
            begin += whole;
            continue;
        }
        // Up to where a whole chunk may follow.
        uint64_t stop = std::min<uint64_t>(end, begin + kChunkRowsMax);
        if (places_.empty()) stop = std::min(stop, first_places_[first.chunk + 1]);
        rows.push_back({copy(begin, stop), static_cast<uint32_t>(stop - begin), 0});
        begin = stop;
    }
    return rows;
}

std::shared_ptr<const Chunk> RowOrder::copy(uint64_t begin, uint64_t end) const {
    std::vector<ColumnSpec> specs;
    for (const Column& column : columns_) specs.push_back(column.spec);
    specs.push_back({kRowIdColumn, ColumnType::int64});
    const auto rows = static_cast<uint32_t>(end - begin);
    auto chunk = std::make_shared<Chunk>(specs, rows);
    std::vector<Place> from(rows);
    ChunkColumn& ids = chunk->writable_columns().back();
    for (uint32_t i = 0; i < rows; ++i) {
        from[i] = at(begin + i);
        ids.values<int64_t>()[i] =
            static_cast<int64_t>(chunks_[from[i].chunk].first_row_id + from[i].row);
        ids.valid[i] = 1;
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
        copy_values(columns_[i], from, chunk->writable_columns()[i]);
    }
    chunk->add_rows(rows);
    return chunk;
}

void RowOrder::copy_values(const Column& column, std::span<const Place> from, ChunkColumn& to) {
    const auto each = [&](auto&& copy_value) {
        for (uint32_t row = 0; row < from.size(); ++row) {
            const ChunkColumn* source = column.in_chunk[from[row].chunk];
            to.valid[row] = present(source, from[row].row);
            copy_value(to.valid[row] != 0 ? source : nullptr, from[row].row, row);
        }
    };
    const auto as_they_are = [&]<class T>(T* values) {
        each([values](const ChunkColumn* source, uint32_t from_row, uint32_t row) {
            values[row] = source != nullptr ? source->values<T>()[from_row] : T{};
        });
    };
    switch (to.type) {
        case ColumnType::boolean:
            return as_they_are(to.values<uint8_t>());
        case ColumnType::date:
            return as_they_are(to.values<int32_t>());
        case ColumnType::int64:
        case ColumnType::timestamp:
            return as_they_are(to.values<int64_t>());
        case ColumnType::float64:
            return each([&](const ChunkColumn* source, uint32_t from_row, uint32_t row) {
                to.values<double>()[row] = source != nullptr ? real_at(*source, from_row) : 0;
            });
        case ColumnType::string:
        case ColumnType::json:
            return as_they_are(to.values<StringRef>());
    }
}

}  // namespace insula::tables
