#include "stores/tables/files/zones.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace insula::tables {

namespace {

// Bounds of texts by reference into the chunks; cut to prefixes at the end.
struct TextBounds {
    std::string_view min;
    std::string_view max;
};

// The shortest text above all that begin with `prefix`; nothing if there is none.
std::optional<std::string> successor(std::string_view prefix) {
    std::string text(prefix);
    while (!text.empty() && static_cast<unsigned char>(text.back()) == 0xff) text.pop_back();
    if (text.empty()) return std::nullopt;
    text.back() = static_cast<char>(static_cast<unsigned char>(text.back()) + 1);
    return text;
}

class ZoneBuilder {
  public:
    ZoneBuilder(ColumnId column, ColumnType type) {
        zone_.column = column;
        zone_.type = type;
    }

    void add(const ChunkRows& rows) {
        const ChunkColumn* column = rows.chunk->find(zone_.column);
        if (column == nullptr) {
            zone_.nulls += rows.rows;
            return;
        }
        switch (column->type) {
            case ColumnType::boolean:
                return add_values<uint8_t>(*column, rows.rows);
            case ColumnType::date:
                return add_values<int32_t>(*column, rows.rows);
            case ColumnType::int64:
            case ColumnType::timestamp:
                return add_values<int64_t>(*column, rows.rows);
            case ColumnType::float64:
                return add_values<double>(*column, rows.rows);
            case ColumnType::string:
                return add_texts(*column, rows.rows);
            case ColumnType::json:
                for (uint32_t row = 0; row < rows.rows; ++row)
                    zone_.nulls += column->valid[row] == 0;
                return;
        }
    }

    catalog::Zone finish() {
        if (texts_) finish_texts();
        if (zone_.type == ColumnType::float64 && zone_.has_bounds) {
            zone_.min = std::bit_cast<int64_t>(min_real_);
            zone_.max = std::bit_cast<int64_t>(max_real_);
        }
        return std::move(zone_);
    }

  private:
    template <class T>
    void add_values(const ChunkColumn& column, uint32_t rows) {
        const T* values = column.values<T>();
        for (uint32_t row = 0; row < rows; ++row) {
            if (column.valid[row] == 0) {
                ++zone_.nulls;
            } else if (zone_.type == ColumnType::float64) {
                // Also integers of chunks from before the column became float64.
                add_real(static_cast<double>(values[row]));
            } else {
                add_integer(static_cast<int64_t>(values[row]));
            }
        }
    }

    void add_integer(int64_t value) {
        zone_.min = zone_.has_bounds ? std::min(zone_.min, value) : value;
        zone_.max = zone_.has_bounds ? std::max(zone_.max, value) : value;
        zone_.has_bounds = true;
    }

    void add_real(double value) {
        min_real_ = zone_.has_bounds ? std::min(min_real_, value) : value;
        max_real_ = zone_.has_bounds ? std::max(max_real_, value) : value;
        zone_.has_bounds = true;
    }

    void add_texts(const ChunkColumn& column, uint32_t rows) {
        const auto* texts = column.values<StringRef>();
        for (uint32_t row = 0; row < rows; ++row) {
            if (column.valid[row] == 0) {
                ++zone_.nulls;
                continue;
            }
            const StringRef& text = texts[row];
            const uint32_t prefix = text.prefix();
            // Most texts lie between the bounds, and few bytes tell.
            if (prefix > min_prefix_ && prefix < max_prefix_) continue;
            add_text(text.view(), prefix);
        }
    }

    void add_text(std::string_view text, uint32_t prefix) {
        if (!texts_) {
            texts_ = TextBounds{text, text};
            min_prefix_ = max_prefix_ = prefix;
        } else if (text < texts_->min) {
            texts_->min = text;
            min_prefix_ = prefix;
        } else if (text > texts_->max) {
            texts_->max = text;
            max_prefix_ = prefix;
        }
    }

    void finish_texts() {
        zone_.has_bounds = true;
        zone_.min_text = texts_->min.substr(0, catalog::kZoneTextMax);
        if (texts_->max.size() <= catalog::kZoneTextMax) {
            zone_.max_text = std::string(texts_->max);
        } else {
            zone_.max_text = successor(texts_->max.substr(0, catalog::kZoneTextMax));
        }
    }

    catalog::Zone zone_;
    double min_real_ = 0;
    double max_real_ = 0;
    std::optional<TextBounds> texts_;
    uint32_t min_prefix_ = UINT32_MAX;  // of texts_: nothing lies between while there are none
    uint32_t max_prefix_ = 0;
};

}  // namespace

catalog::Zone compute_zone(ColumnId column, ColumnType type, std::span<const ChunkRows> chunks) {
    ZoneBuilder builder(column, type);
    for (const ChunkRows& rows : chunks) builder.add(rows);
    return builder.finish();
}

std::vector<catalog::Zone> compute_zones(std::span<const catalog::Column> columns,
                                         std::span<const ChunkRows> chunks) {
    std::vector<catalog::Zone> zones;
    zones.reserve(columns.size());
    for (const catalog::Column& column : columns) {
        zones.push_back(compute_zone(column.id, column.type, chunks));
    }
    return zones;
}

}  // namespace insula::tables
