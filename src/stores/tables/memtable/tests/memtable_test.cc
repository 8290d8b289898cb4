#include "stores/tables/memtable/memtable.h"

#include <gtest/gtest.h>

#include <random>

#include "stores/tables/memtable/record_codec.h"

namespace insula::tables {
namespace {

constexpr ColumnId kNumber{1};
constexpr ColumnId kText{2};

Lsn at(uint64_t position) { return {StreamId{1}, position}; }

// Rows with the numbers from `first` on; text only where it is even.
std::shared_ptr<const Chunk> chunk_of(int64_t first, uint32_t rows, bool with_text = true) {
    std::vector<ColumnSpec> specs{{kNumber, ColumnType::int64}};
    if (with_text) specs.push_back({kText, ColumnType::string});
    auto chunk = std::make_shared<Chunk>(specs, rows);
    for (uint32_t row = 0; row < rows; ++row) {
        const int64_t number = first + row;
        ChunkColumn& numbers = chunk->writable_columns()[0];
        numbers.values<int64_t>()[row] = number;
        numbers.valid[row] = 1;
        if (!with_text) continue;
        ChunkColumn& texts = chunk->writable_columns()[1];
        texts.valid[row] = number % 2 == 0;
        texts.values<StringRef>()[row] =
            number % 2 == 0 ? chunk->store("the text of number " + std::to_string(number))
                            : StringRef();
    }
    chunk->add_rows(rows);
    return chunk;
}

// All pinned rows, checked against their numbers; row ids must equal the numbers.
uint64_t check_rows(const std::vector<ChunkRows>& pinned) {
    uint64_t count = 0;
    for (const ChunkRows& rows : pinned) {
        const ChunkColumn* numbers = rows.chunk->find(kNumber);
        const ChunkColumn* texts = rows.chunk->find(kText);
        for (uint32_t row = 0; row < rows.rows; ++row, ++count) {
            const int64_t number = numbers->values<int64_t>()[row];
            EXPECT_EQ(static_cast<uint64_t>(number), count);
            EXPECT_EQ(rows.first_row_id + row, count);
            if (texts == nullptr || texts->valid[row] == 0) continue;
            EXPECT_EQ(texts->values<StringRef>()[row].view(),
                      "the text of number " + std::to_string(number));
        }
    }
    return count;
}

void pin(Memtable& memtable, Lsn durable, std::vector<ChunkRows>& out) {
    std::vector<std::shared_ptr<ChunkZones>> zones;
    memtable.pin(durable, out, zones);
    EXPECT_EQ(zones.size(), out.size());
}

void append(Memtable& memtable, uint64_t lsn, int64_t first, uint32_t rows, bool with_text = true) {
    const std::vector<ChunkRows> chunks{
        {chunk_of(first, rows, with_text), rows, static_cast<uint64_t>(first)}};
    memtable.append(at(lsn), chunks);
}

TEST(Memtable, OnlyRecordsBelowTheDurablePositionAreSeen) {
    Memtable memtable(Generation{1});
    append(memtable, 100, 0, 3);
    append(memtable, 200, 3, 2);
    append(memtable, 300, 5, 1);
    const auto visible = [&](uint64_t durable) {
        std::vector<ChunkRows> pinned;
        pin(memtable, at(durable), pinned);
        return check_rows(pinned);
    };
    EXPECT_EQ(visible(100), 0u);
    EXPECT_EQ(visible(101), 3u);
    EXPECT_EQ(visible(300), 5u);
    EXPECT_EQ(visible(1000), 6u);
    EXPECT_EQ(memtable.first_lsn(), at(100));
    EXPECT_EQ(memtable.last_lsn(), at(300));
}

TEST(Memtable, SingleDocumentsAreGatheredIntoFewChunks) {
    Memtable memtable(Generation{1});
    for (int i = 0; i < 10'000; ++i) append(memtable, 100 + static_cast<uint64_t>(i), i, 1);
    std::vector<ChunkRows> pinned;
    pin(memtable, at(1'000'000), pinned);
    EXPECT_EQ(check_rows(pinned), 10'000u);
    EXPECT_LT(pinned.size(), 12u);
}

TEST(Memtable, RowsOfAnEarlierPinStayWhileMoreAreAppended) {
    Memtable memtable(Generation{1});
    append(memtable, 1, 0, 1);
    std::vector<ChunkRows> early;
    pin(memtable, at(2), early);
    for (int i = 1; i < 500; ++i) append(memtable, 1 + static_cast<uint64_t>(i), i, 1);
    EXPECT_EQ(check_rows(early), 1u);
}

TEST(Memtable, WhatIsRestatedIsSeenAsBeforeAndNeedsNoOlderRecord) {
    Memtable memtable(Generation{1});
    append(memtable, 100, 0, 3);
    append(memtable, 200, 3, 3);
    memtable.restated_at(at(300));
    append(memtable, 400, 6, 3);
    EXPECT_EQ(memtable.first_lsn(), at(100));
    EXPECT_EQ(memtable.last_lsn(), at(400));
    std::vector<ChunkRows> pinned;
    pin(memtable, at(200), pinned);
    EXPECT_EQ(check_rows(pinned), 3u);
    memtable.forget_records_below(at(300));
    EXPECT_EQ(memtable.first_lsn(), at(300));
    EXPECT_EQ(check_rows(memtable.all()), 9u);
    pinned.clear();
    pin(memtable, at(400), pinned);
    EXPECT_EQ(check_rows(pinned), 6u);
}

TEST(Memtable, ChunksThatGrowNoMoreHaveZones) {
    Memtable memtable(Generation{1});
    append(memtable, 100, 0, 3);     // gathered with the next ones …
    append(memtable, 200, 3, 1000);  // … which this large one ends
    append(memtable, 300, 1003, 3);
    std::vector<ChunkRows> pinned;
    std::vector<std::shared_ptr<ChunkZones>> zones;
    memtable.pin(at(1000), pinned, zones);
    ASSERT_EQ(zones.size(), 3u);
    ASSERT_TRUE(zones[0] && zones[1]);
    EXPECT_FALSE(zones[2]);
    EXPECT_EQ(zones[1]->rows(), 1000u);
    const catalog::Zone& numbers = zones[1]->zone(kNumber);
    EXPECT_EQ(numbers.min, 3);
    EXPECT_EQ(numbers.max, 1002);
    EXPECT_EQ(numbers.nulls, 0u);
    const catalog::Zone& texts = zones[1]->zone(kText);
    EXPECT_EQ(texts.nulls, 500u);
    EXPECT_EQ(texts.min_text, "the text of number 10");
    EXPECT_EQ(texts.max_text, "the text of number 998");
    EXPECT_EQ(zones[1]->zone(ColumnId{77}).nulls, 1000u);  // a column that the chunk lacks
    EXPECT_EQ(&zones[1]->zone(kNumber), &numbers);
    EXPECT_EQ(zones[0]->rows(), 3u);
    EXPECT_EQ(zones[0]->zone(kNumber).max, 2);
}

TEST(Memtable, ChunksOfOtherColumnsAndSizesKeepTheirOrder) {
    std::mt19937 random(11);
    Memtable memtable(Generation{1});
    int64_t next = 0;
    for (uint64_t lsn = 1; lsn <= 300; ++lsn) {
        const uint32_t rows = random() % 10 == 0 ? 1000 : 1 + random() % 20;
        append(memtable, lsn, next, rows, random() % 2 == 0);
        next += rows;
    }
    std::vector<ChunkRows> pinned;
    pin(memtable, at(1000), pinned);
    EXPECT_EQ(check_rows(pinned), static_cast<uint64_t>(next));
    EXPECT_EQ(memtable.rows(), static_cast<uint64_t>(next));
}

TEST(TableRecord, WhatIsEncodedComesBack) {
    RecordHead head{.first_row_id = 77, .audit = {"developer", "0123", "127.0.0.1"}};
    head.schema_changes.push_back({.id = ColumnId{3},
                                   .path = {"a", "b.c"},
                                   .name = "a.b.c",
                                   .type = ColumnType::float64,
                                   .declared = true,
                                   .exact_in_double = false});
    head.idempotency = RecordIdempotency{"key", 0xfeedULL << 40};
    ByteWriter body;
    encode_head(head, body);
    encode_chunk(*chunk_of(0, 9), body);
    encode_chunk(*chunk_of(9, 2000, false), body);
    const auto record = decode_record(body.bytes());
    ASSERT_TRUE(record) << record.error().describe();
    EXPECT_EQ(record->head, head);
    EXPECT_EQ(record->rows, 2009u);
    EXPECT_EQ(record->chunks.front().first_row_id, 77u);
    EXPECT_EQ(record->chunks.back().first_row_id, 77u + 9);
    EXPECT_FALSE(record->restatement);
}

TEST(TableRecord, ARestatementKeepsTheIdsOfItsRows) {
    const std::vector<ChunkRows> chunks{
        {chunk_of(5, 9), 9, 5}, {chunk_of(14, 1, false), 1, 14}, {chunk_of(100, 2000), 2000, 100}};
    ByteWriter body;
    encode_restatement({.last_write_at = 1234567890123456789}, chunks, body);
    const auto record = decode_record(body.bytes());
    ASSERT_TRUE(record) << record.error().describe();
    ASSERT_TRUE(record->restatement);
    EXPECT_EQ(record->restatement->last_write_at, 1234567890123456789);
    EXPECT_EQ(record->rows, 2010u);
    ASSERT_EQ(record->chunks.size(), 3u);
    for (size_t i = 0; i < chunks.size(); ++i) {
        EXPECT_EQ(record->chunks[i].first_row_id, chunks[i].first_row_id);
        ASSERT_EQ(record->chunks[i].rows, chunks[i].rows);
        for (uint32_t row = 0; row < chunks[i].rows; ++row) {
            EXPECT_EQ(record->chunks[i].chunk->find(kNumber)->values<int64_t>()[row],
                      static_cast<int64_t>(chunks[i].first_row_id) + row);
        }
    }
}

TEST(TableRecord, ACutBodyIsDamageAtEveryLength) {
    ByteWriter body;
    encode_head({.first_row_id = 1}, body);
    const size_t head_bytes = body.size();
    encode_chunk(*chunk_of(0, 5), body);
    for (size_t length = 0; length < body.size(); ++length) {
        const auto record = decode_record(body.bytes().first(length));
        // Cut between two sections it is a shorter record, which the journal's checksum excludes.
        const bool between = record && record->chunks.empty() && length <= head_bytes;
        EXPECT_TRUE(!record || between) << length;
    }
}

TEST(TableRecord, AnUnknownSectionIsDamage) {
    ByteWriter body;
    body.put<uint8_t>(99);
    body.put<uint32_t>(0);
    EXPECT_EQ(decode_record(body.bytes()).error().code(), Code::data_loss);
}

}  // namespace
}  // namespace insula::tables
