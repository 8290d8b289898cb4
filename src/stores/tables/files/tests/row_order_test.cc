#include "stores/tables/files/row_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <variant>

#include "platform/runtime/random.h"

namespace insula::tables {
namespace {

constexpr ColumnId kNumber{1};
constexpr ColumnId kReal{2};  // some chunks hold int64 there, from before it became float64
constexpr ColumnId kText{3};
constexpr ColumnId kFlag{4};
constexpr ColumnId kDay{5};
constexpr ColumnId kAbsent{9};

// A row by columns 1 to 5; monostate where it has no value.
using Cell = std::variant<std::monostate, int64_t, double, std::string>;
struct Row {
    std::vector<Cell> cells;
    uint64_t id = 0;
};

std::vector<ColumnSpec> specs_of(bool real_is_integer) {
    return {{kNumber, ColumnType::int64},
            {kReal, real_is_integer ? ColumnType::int64 : ColumnType::float64},
            {kText, ColumnType::string},
            {kFlag, ColumnType::boolean},
            {kDay, ColumnType::date}};
}

// Texts that begin alike in their first eight bytes, in twelve (which stand inline) and beyond.
std::string random_text(SeededRandom& random) {
    static constexpr std::string_view kTexts[] = {"",
                                                  std::string_view("\0", 1),
                                                  "a",
                                                  "ab",
                                                  std::string_view("ab\0", 3),
                                                  "abcdefgh",
                                                  "abcdefghi",
                                                  "abcdefghijklm",
                                                  "abcdefghijkln",
                                                  "\xc3\xa4rger",
                                                  "abcdefghijklmnopqrstuvwxyz"};
    return std::string(kTexts[random.below(std::size(kTexts))]);
}

Row random_row(SeededRandom& random, bool real_is_integer) {
    const auto maybe = [&](Cell cell) { return random.below(5) == 0 ? Cell() : std::move(cell); };
    const auto small = static_cast<int64_t>(random.below(7)) - 3;
    const double real =
        real_is_integer ? static_cast<double>(small) : static_cast<double>(small) / 2;
    static constexpr int64_t kNumbers[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    return {.cells = {maybe(kNumbers[random.below(5)]), maybe(real), maybe(random_text(random)),
                      maybe(static_cast<int64_t>(random.below(2))), maybe(small)}};
}

void put(Chunk& chunk, size_t column, uint32_t row, const Cell& cell) {
    ChunkColumn& target = chunk.writable_columns()[column];
    if (std::holds_alternative<std::monostate>(cell)) return;
    target.valid[row] = 1;
    switch (target.type) {
        case ColumnType::boolean:
            target.values<uint8_t>()[row] = static_cast<uint8_t>(std::get<int64_t>(cell));
            break;
        case ColumnType::date:
            target.values<int32_t>()[row] = static_cast<int32_t>(std::get<int64_t>(cell));
            break;
        case ColumnType::int64:
            target.values<int64_t>()[row] = std::holds_alternative<double>(cell)
                                                ? static_cast<int64_t>(std::get<double>(cell))
                                                : std::get<int64_t>(cell);
            break;
        case ColumnType::float64:
            target.values<double>()[row] = std::get<double>(cell);
            break;
        default:
            target.values<StringRef>()[row] = chunk.store(std::get<std::string>(cell));
    }
}

struct Sample {
    std::vector<ChunkRows> chunks;
    std::vector<Row> rows;
};

// Chunks of different sizes, with room behind their rows, and gaps between their row ids.
Sample random_sample(SeededRandom& random, size_t chunks) {
    Sample sample;
    uint64_t id = 100;
    for (size_t i = 0; i < chunks; ++i) {
        const bool real_is_integer = random.below(2) == 0;
        const auto rows = static_cast<uint32_t>(1 + random.below(40));
        auto chunk = std::make_shared<Chunk>(specs_of(real_is_integer), rows + 3);
        for (uint32_t row = 0; row < rows; ++row) {
            Row made = random_row(random, real_is_integer);
            made.id = id + row;
            for (size_t c = 0; c < made.cells.size(); ++c) put(*chunk, c, row, made.cells[c]);
            sample.rows.push_back(std::move(made));
        }
        chunk->add_rows(rows);
        sample.chunks.push_back({chunk, rows, id});
        id += rows + random.below(10);
    }
    return sample;
}

Cell cell_of(const ChunkColumn& column, uint32_t row) {
    if (column.valid[row] == 0) return {};
    switch (column.type) {
        case ColumnType::boolean:
            return int64_t{column.values<uint8_t>()[row]};
        case ColumnType::date:
            return int64_t{column.values<int32_t>()[row]};
        case ColumnType::int64:
            if (column.id == kReal) return static_cast<double>(column.values<int64_t>()[row]);
            return column.values<int64_t>()[row];
        case ColumnType::float64:
            return column.values<double>()[row];
        default:
            return std::string(column.values<StringRef>()[row].view());
    }
}

std::vector<Row> rows_of(std::span<const ChunkRows> chunks) {
    std::vector<Row> rows;
    for (const ChunkRows& held : chunks) {
        const ChunkColumn* ids = held.chunk->find(kRowIdColumn);
        for (uint32_t row = 0; row < held.rows; ++row) {
            Row& out = rows.emplace_back();
            out.id = ids != nullptr ? static_cast<uint64_t>(ids->values<int64_t>()[row])
                                    : held.first_row_id + row;
            for (const ColumnSpec& spec : specs_of(false)) {
                const ChunkColumn* column = held.chunk->find(spec.id);
                out.cells.push_back(column == nullptr ? Cell() : cell_of(*column, row));
            }
        }
    }
    return rows;
}

bool before(const Row& a, const Row& b, std::span<const ColumnId> keys) {
    for (const ColumnId key : keys) {
        if (key == kAbsent) continue;
        const Cell& left = a.cells[key.value - 1];
        const Cell& right = b.cells[key.value - 1];
        if (left != right) return left < right;  // monostate is the least
    }
    return false;
}

std::string texts_of(std::span<const Row> rows) {
    std::string text;
    for (const Row& row : rows) text += std::to_string(row.id) + " ";
    return text;
}

TEST(RowOrder, IsThatOfASortByTheKeysWithEqualRowsWhereTheyWere) {
    static const std::vector<std::vector<ColumnId>> kKeys = {{kNumber},
                                                             {kReal},
                                                             {kText},
                                                             {kFlag},
                                                             {kDay},
                                                             {kText, kNumber},
                                                             {kAbsent},
                                                             {kAbsent, kDay},
                                                             {kFlag, kAbsent, kReal, kText},
                                                             {kDay, kFlag, kText, kNumber}};
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        SeededRandom random(seed);
        Sample sample = random_sample(random, 1 + random.below(12));
        const auto& keys = kKeys[seed % kKeys.size()];
        const RowOrder order(sample.chunks, keys);
        std::ranges::sort(sample.rows, [&](const Row& a, const Row& b) {
            if (before(a, b, keys)) return true;
            return !before(b, a, keys) && a.id < b.id;
        });
        ASSERT_EQ(order.rows(), sample.rows.size());
        const auto chunks = order.rows_at(0, order.rows());
        const std::vector<Row> rows = rows_of(chunks);
        ASSERT_EQ(texts_of(rows), texts_of(sample.rows)) << "seed " << seed;
        for (size_t i = 0; i < rows.size(); ++i) {
            ASSERT_EQ(rows[i].cells, sample.rows[i].cells) << "seed " << seed << " row " << i;
            if (i == 0) continue;
            const auto some = std::span(keys).first(1 + random.below(keys.size()));
            const bool equal = !before(rows[i - 1], rows[i], some);
            ASSERT_EQ(order.equal(i - 1, i, some.size()), equal) << "seed " << seed;
        }
    }
}

TEST(RowOrder, AStretchHoldsTheRowsOfItsPlaces) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        SeededRandom random(seed);
        const Sample sample = random_sample(random, 1 + random.below(8));
        const std::vector<ColumnId> keys =
            random.below(2) == 0 ? std::vector<ColumnId>{} : std::vector<ColumnId>{kText};
        const RowOrder order(sample.chunks, keys);
        const std::vector<Row> all = rows_of(order.rows_at(0, order.rows()));
        const uint64_t begin = random.below(order.rows() + 1);
        const uint64_t end = begin + random.below(order.rows() + 1 - begin);
        const std::vector<Row> some = rows_of(order.rows_at(begin, end));
        ASSERT_EQ(some.size(), end - begin);
        for (uint64_t i = begin; i < end; ++i) {
            ASSERT_EQ(some[i - begin].id, all[i].id) << "seed " << seed;
            ASSERT_EQ(some[i - begin].cells, all[i].cells) << "seed " << seed;
        }
    }
}

TEST(RowOrder, ChunksThatStayWhereTheyAreAreNotCopied) {
    SeededRandom random(1);
    const Sample sample = random_sample(random, 5);
    const RowOrder order(sample.chunks, {});
    const auto all = order.rows_at(0, order.rows());
    ASSERT_EQ(all.size(), sample.chunks.size());
    for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].chunk, sample.chunks[i].chunk);
    // The rest of the first one, and the others.
    const auto rest = order.rows_at(1, order.rows());
    EXPECT_NE(rest.front().chunk, sample.chunks.front().chunk);
    EXPECT_EQ(rest.back().chunk, sample.chunks.back().chunk);
}

TEST(RowOrder, ManyRowsComeInChunksOfAtMostTheLargestSize) {
    auto chunk = [](int64_t first) {
        const std::vector<ColumnSpec> specs{{kNumber, ColumnType::int64}};
        auto made = std::make_shared<Chunk>(specs, kChunkRowsMax);
        for (uint32_t row = 0; row < kChunkRowsMax; ++row) {
            made->writable_columns()[0].values<int64_t>()[row] = first - row;
            made->writable_columns()[0].valid[row] = 1;
        }
        made->add_rows(kChunkRowsMax);
        return made;
    };
    const std::vector<ChunkRows> chunks{{chunk(5000), kChunkRowsMax, 0},
                                        {chunk(100), kChunkRowsMax, kChunkRowsMax}};
    const std::vector<ColumnId> keys{kNumber};
    const RowOrder order(chunks, keys);
    const auto copies = order.rows_at(100, order.rows());
    ASSERT_EQ(copies.size(), 2u);
    EXPECT_EQ(copies[0].rows, kChunkRowsMax);
    EXPECT_EQ(copies[1].rows, kChunkRowsMax - 100);
    EXPECT_EQ(copies[1].chunk->find(kRowIdColumn)->values<int64_t>()[copies[1].rows - 1], 0);
}

TEST(RowOrder, LongTextsCountForTheBytesOfTheirRow) {
    auto chunk = std::make_shared<Chunk>(specs_of(false), 2);
    put(*chunk, 2, 0, std::string(1000, 'b'));
    put(*chunk, 2, 1, std::string("a"));
    chunk->add_rows(2);
    const std::vector<ChunkRows> chunks{{chunk, 2, 0}};
    const std::vector<ColumnId> keys{kText};
    const std::vector<uint32_t> bytes = RowOrder(chunks, keys).row_bytes();
    constexpr uint32_t kFixed = 8 + 8 + 16 + 1 + 4 + 5;
    EXPECT_EQ(bytes, (std::vector<uint32_t>{kFixed, kFixed + 1000}));
}

}  // namespace
}  // namespace insula::tables
