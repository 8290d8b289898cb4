// Searches, compared with answers that are worked out row by row: see end_to_end.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "stores/tables/planner/tests/end_to_end.h"

namespace insula::tables::test {
namespace {

TEST_F(EndToEnd, FiltersFindTheRowsThatTheyAreDefinedToFind) {
    const uint64_t seed = std::random_device{}();
    Samples samples(seed);
    const std::vector<Stored> sources{store(sample_table(samples, "one", 90), 40, 8)};
    uint64_t skipped = 0;
    uint64_t chunks_skipped = 0;
    for (int round = 0; round < 400; ++round) {
        const std::string text = samples.filter(every_type());
        auto want = expected(sources, parsed_filter(text));
        auto got = lines(search(sources, R"({"filters":)" + text + "}"));
        std::ranges::sort(want);
        std::ranges::sort(got);
        ASSERT_EQ(difference(got, want), "") << "seed " << seed << ": " << text;
        skipped += skipped_;
        chunks_skipped += chunks_skipped_;
    }
    EXPECT_GT(skipped, 0u);
    EXPECT_GT(chunks_skipped, 0u);
}

TEST_F(EndToEnd, SeveralSourcesAnswerTogetherThoughTheirColumnsDiffer) {
    const uint64_t seed = std::random_device{}();
    Samples samples(seed);
    // "i" is int64 here and float64 there, "s" is missing there, "u" is of two kinds.
    auto left = with_rest();
    left.push_back(make_column(20, {"u"}, ColumnType::string));
    const std::vector<catalog::Column> right{make_column(1, {"i"}, ColumnType::float64),
                                             make_column(2, {"b"}, ColumnType::boolean),
                                             make_column(3, {"n", "f"}, ColumnType::int64),
                                             make_column(4, {"u"}, ColumnType::timestamp)};
    Table table = sample_table(samples, "left", 30);
    table.columns = left;
    for (Row& row : table.rows) row.push_back(samples.value(ColumnType::string));
    const std::vector<Stored> sources{store(table, 12, 6),
                                      store(samples.table("right", right, 30), 6, 6),
                                      store(samples.table("empty", right, 0), 0, 1)};
    auto filterable = every_type();
    for (int round = 0; round < 200; ++round) {
        const std::string text = samples.filter(filterable);
        auto want = expected(sources, parsed_filter(text));
        auto got = lines(search(sources, R"({"filters":)" + text + "}"));
        std::ranges::sort(want);
        std::ranges::sort(got);
        ASSERT_EQ(difference(got, want), "") << "seed " << seed << ": " << text;
    }
}

TEST_F(EndToEnd, OrderIsTotalWithNullsLast) {
    Samples samples(5);
    Table table = sample_table(samples, "one", 80);
    const std::vector<Stored> sources{store(table, 40, 10),
                                      store(sample_table(samples, "two", 20), 0, 1)};
    struct Key {
        std::optional<int64_t> value;
        size_t source;
        size_t row;
        std::string text;
    };
    for (const bool descending : {false, true}) {
        for (const size_t count : {1, 2}) {
            const std::vector<Stored> asked(sources.begin(),
                                            sources.begin() + static_cast<long>(count));
            std::vector<Key> keys;
            for (size_t s = 0; s < asked.size(); ++s) {
                for (size_t r = 0; r < asked[s].table.rows.size(); ++r) {
                    const Row& row = asked[s].table.rows[r];
                    Key key{.source = s, .row = r, .text = record(asked[s], row).text()};
                    if (row[1].index() != 0) key.value = std::get<int64_t>(row[1]);
                    keys.push_back(std::move(key));
                }
            }
            std::ranges::sort(keys, [&](const Key& a, const Key& b) {
                if (a.value.has_value() != b.value.has_value()) return a.value.has_value();
                if (a.value != b.value) return descending ? a.value > b.value : a.value < b.value;
                return std::pair(a.source, a.row) < std::pair(b.source, b.row);
            });
            std::vector<std::string> want;
            for (const Key& key : keys) want.push_back(key.text);
            const std::string order = descending ? R"({"column":"i","descending":true})" : R"("i")";
            EXPECT_EQ(difference(lines(search(asked, R"({"order_by":[)" + order + "]}")), want),
                      "");
            const std::vector<std::string> page(want.begin() + 7, want.begin() + 18);
            EXPECT_EQ(difference(lines(search(asked, R"({"limit":11,"offset":7,"order_by":[)" +
                                                         order + "]}")),
                                 page),
                      "");
        }
    }
}

TEST_F(EndToEnd, IntegersKeepTheirOrderBesideFloats) {
    Table integers{"a", {make_column(1, {"x"}, ColumnType::int64)}, {}};
    integers.rows = {{int64_t{9007199254740993}}, {int64_t{9007199254740992}}, {int64_t{1}}};
    Table floats{"b", {make_column(1, {"x"}, ColumnType::float64)}, {}};
    floats.rows = {{9007199254740994.0}, {0.5}, {2.0}};
    const std::vector<Stored> sources{store(integers, 0, 1), store(floats, 0, 1)};
    const auto got = lines(search(sources, R"({"order_by":"x"})"));
    EXPECT_EQ(
        got, (std::vector<std::string>{
                 R"({"fields":{"x":0.5},"source_id":"b"})", R"({"fields":{"x":1},"source_id":"a"})",
                 R"({"fields":{"x":2.0},"source_id":"b"})",
                 R"({"fields":{"x":9007199254740992},"source_id":"a"})",
                 R"({"fields":{"x":9007199254740993},"source_id":"a"})",
                 R"({"fields":{"x":9.007199254740994e+15},"source_id":"b"})"}));
}

TEST_F(EndToEnd, ProjectionShowsTheColumnsAskedForAndTheDocumentTheRest) {
    Table table{"a", with_rest(), {}};
    table.rows = {{true, int64_t{7}, 1.5, "x", DateValue{19'737}, Value{}, "[1]",
                   R"({"n":{"d":"2024-01-15T00:00:00"},"t":"soon"})"}};
    const std::vector<Stored> sources{store(table, 0, 1)};
    EXPECT_EQ(
        lines(search(sources, R"({"columns":["n.d","i"]})")),
        (std::vector<std::string>{R"({"fields":{"i":7,"n":{"d":"2024-01-15"}},"source_id":"a"})"}));
    EXPECT_EQ(lines(search(sources, R"({"columns":[]})")),
              (std::vector<std::string>{R"({"fields":{},"source_id":"a"})"}));
    EXPECT_EQ(lines(search(sources, R"({"columns":["i"],"include":["document"]})")),
              (std::vector<std::string>{
                  R"({"document":{"b":true,"i":7,"j":[1],"n":{"d":"2024-01-15T00:00:00",)"
                  R"("f":1.5},"s":"x","t":"soon"},"fields":{"i":7},"source_id":"a"})"}));
    EXPECT_EQ(
        lines(search(sources, "{}")),
        (std::vector<std::string>{R"({"fields":{"b":true,"i":7,"j":[1],"n":{"d":"2024-01-15",)"
                                  R"("f":1.5},"s":"x","t":"soon"},"source_id":"a"})"}));
}

}  // namespace
}  // namespace insula::tables::test
