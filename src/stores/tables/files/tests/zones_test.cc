#include "stores/tables/files/zones.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "platform/runtime/random.h"

namespace insula::tables {
namespace {

constexpr ColumnId kText{1};

std::shared_ptr<const Chunk> texts(const std::vector<std::optional<std::string>>& values) {
    const std::vector<ColumnSpec> specs{{kText, ColumnType::string}};
    auto chunk = std::make_shared<Chunk>(specs, static_cast<uint32_t>(values.size()));
    ChunkColumn& column = chunk->writable_columns()[0];
    for (size_t i = 0; i < values.size(); ++i) {
        if (!values[i]) continue;
        column.values<StringRef>()[i] = chunk->store(*values[i]);
        column.valid[i] = 1;
    }
    chunk->add_rows(static_cast<uint32_t>(values.size()));
    return chunk;
}

// Texts that differ in their first four bytes, behind them, or only in length.
std::string random_text(SeededRandom& random) {
    std::string text;
    const uint64_t length = random.below(30);
    static constexpr std::string_view kBytes{"\0a\xff", 3};
    for (uint64_t i = 0; i < length; ++i)
        text.push_back(kBytes[random.below(random.below(9) == 0 ? 3 : 2)]);
    return text;
}

TEST(Zones, TextBoundsAreTheLeastAndTheGreatest) {
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        SeededRandom random(seed);
        std::vector<ChunkRows> chunks;
        std::optional<std::string> least;
        std::optional<std::string> greatest;
        uint64_t nulls = 0;
        for (uint64_t i = 0; i < 1 + random.below(3); ++i) {
            std::vector<std::optional<std::string>> values(1 + random.below(12));
            for (auto& value : values) {
                if (random.below(6) != 0) value = random_text(random);
                nulls += value ? 0 : 1;
                if (!value) continue;
                if (!least || *value < *least) least = value;
                if (!greatest || *value > *greatest) greatest = value;
            }
            chunks.push_back({texts(values), static_cast<uint32_t>(values.size()), 0});
        }
        const catalog::Zone zone = compute_zone(kText, ColumnType::string, chunks);
        ASSERT_EQ(zone.nulls, nulls) << "seed " << seed;
        ASSERT_EQ(zone.has_bounds, least.has_value()) << "seed " << seed;
        if (!least) continue;
        ASSERT_EQ(zone.min_text, *least) << "seed " << seed;  // all are short enough
        ASSERT_EQ(zone.max_text, greatest) << "seed " << seed;
    }
}

TEST(Zones, LongTextsAreCutToBoundsThatHold) {
    const std::string low = "a" + std::string(40, 'x');
    const std::string high = "b" + std::string(40, 'x');
    const std::vector<ChunkRows> chunks{{texts({high, low}), 2, 0}};
    const catalog::Zone zone = compute_zone(kText, ColumnType::string, chunks);
    EXPECT_EQ(zone.min_text, low.substr(0, catalog::kZoneTextMax));
    ASSERT_TRUE(zone.max_text);
    EXPECT_GE(*zone.max_text, high);
    EXPECT_LE(zone.max_text->size(), catalog::kZoneTextMax);
}

}  // namespace
}  // namespace insula::tables
