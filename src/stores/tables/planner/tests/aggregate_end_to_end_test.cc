// Aggregates, compared with answers that are worked out row by row: see end_to_end.h.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

#include "platform/json/json_writer.h"
#include "platform/json/time_text.h"
#include "stores/tables/planner/tests/end_to_end.h"

namespace insula::tables::test {
namespace {

TEST_F(EndToEnd, AggregatesEqualTheirDefinition) {
    const uint64_t seed = std::random_device{}();
    Samples samples(seed);
    const std::vector<Stored> sources{store(samples.table("a", every_type(), 50), 30, 10),
                                      store(samples.table("b", every_type(), 20), 0, 1)};
    struct Group {
        int64_t rows = 0;
        int64_t present = 0;
        __int128 sum = 0;
        std::set<int64_t> distinct;
        std::optional<std::string> least;
    };
    for (int round = 0; round < 60; ++round) {
        const std::string text = samples.filter(every_type());
        const Filter filter = parsed_filter(text);
        std::map<std::string, Group> groups;
        for (const Stored& stored : sources) {
            for (const Row& row : stored.table.rows) {
                if (!holds(filter, stored.table, row)) continue;
                const Value& key = row[4];
                Group& group =
                    groups[key.index() == 0 ? "null" : cell_json(key, ColumnType::date).text()];
                ++group.rows;
                if (const auto* value = std::get_if<int64_t>(&row[1])) {
                    ++group.present;
                    group.sum += *value;
                    group.distinct.insert(*value);
                }
                if (const auto* value = std::get_if<std::string>(&row[3])) {
                    group.least = group.least ? std::min(*group.least, *value) : *value;
                }
            }
        }
        std::string want = "[";
        for (const auto& [key, group] : groups) {  // "null" sorts behind quotes
            std::string sum = "null";
            if (group.present > 0) {
                sum.clear();
                json::JsonWriter(sum).int128(group.sum);
            }
            want += (want.size() > 1 ? "," : "") + (R"({"n.d":)" + key) + R"(,"count":)" +
                    std::to_string(group.rows) + R"(,"present":)" + std::to_string(group.present) +
                    R"(,"sum_i":)" + sum + R"(,"distinct":)" +
                    std::to_string(group.distinct.size()) + R"(,"least":)" +
                    (group.least ? JsonValue(*group.least).text() : "null") + "}";
        }
        const JsonValue got =
            aggregate(sources, R"({"filters":)" + text +
                                   R"(,"group_by":["n.d"],"aggregations":[{"type":"count"},
                {"type":"count","column":"i","alias":"present"},{"type":"sum","column":"i"},
                {"type":"count_distinct","column":"i","alias":"distinct"},
                {"type":"min","column":"s","alias":"least"}]})");
        ASSERT_EQ(got.text(), want + "]") << "seed " << seed << ": " << text;
    }
}

TEST_F(EndToEnd, AggregatesWithoutRowsOrSourcesCountZero) {
    Samples samples(1);
    const std::vector<Stored> sources{store(samples.table("a", every_type(), 5), 0, 1)};
    const std::string request = R"({"aggregations":[{"type":"count"},{"type":"sum","column":"i"},
        {"type":"avg","column":"n.f"},{"type":"stddev","column":"i"},{"type":"median","column":"i"},
        {"type":"max","column":"t"}],"filters":{"i":{"in":[]}}})";
    EXPECT_EQ(aggregate(sources, request).text(),
              R"([{"count":0,"sum_i":null,"avg_n.f":null,"stddev_i":null,)"
              R"("median_i":null,"max_t":null}])");
    EXPECT_EQ(aggregate({}, R"({"aggregations":[{"type":"count"}]})").text(), R"([{"count":0}])");
    EXPECT_EQ(search({}, "{}").text(), "[]");
    EXPECT_EQ(search({store(Table{"none", {}, {}}, 0, 1)}, "{}").text(), "[]");
}

TEST_F(EndToEnd, NumbersOfAggregatesAreRight) {
    Table table{"a", {make_column(1, {"x"}, ColumnType::int64)}, {}};
    for (const int64_t x : {2, 4, 4, 4, 5, 5, 7, 9}) table.rows.push_back({x});
    const std::vector<Stored> sources{store(table, 4, 4)};
    EXPECT_EQ(
        aggregate(sources, R"({"aggregations":[{"type":"avg","column":"x"},
        {"type":"median","column":"x"},{"type":"variance","column":"x"},{"type":"min","column":"x"},
        {"type":"max","column":"x"}]})")
            .text(),
        R"([{"avg_x":5.0,"median_x":4.5,"variance_x":4.571428571428571,"min_x":2,"max_x":9}])");
    EXPECT_EQ(aggregate(sources, R"({"group_by":["x"],"aggregations":[{"type":"count"},
        {"type":"sum","column":"x"}],"having":{"count":{"gte":2},"sum_x":{"lt":11.5}},
        "order_by":[{"column":"count","descending":true}]})")
                  .text(),
              R"([{"x":5,"count":2,"sum_x":10}])");
    EXPECT_EQ(aggregate(sources, R"({"group_by":["x"],"limit":2})").text(), R"([{"x":2},{"x":4}])");
    EXPECT_TRUE(truncated_);
    EXPECT_EQ(aggregate(sources, R"({"group_by":["x"],"limit":5})").array().size(), 5u);
    EXPECT_FALSE(truncated_);
}

TEST_F(EndToEnd, BucketsBeginWhereTheyAreSaidTo) {
    Table table{
        "a",
        {make_column(1, {"t"}, ColumnType::timestamp), make_column(2, {"d"}, ColumnType::date)},
        {}};
    for (const char* time : {"2024-05-15T10:20:30.5Z", "1969-12-31T23:59:59.999999999Z",
                             "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z"}) {
        const int64_t nanos = *json::parse_timestamp(time);
        const int64_t days = nanos / json::kNanosPerDay - (nanos % json::kNanosPerDay < 0 ? 1 : 0);
        table.rows.push_back({TimestampValue{nanos}, DateValue{static_cast<int32_t>(days)}});
    }
    table.rows.push_back({Value{}, Value{}});
    const std::vector<Stored> sources{store(table, 0, 1)};
    const auto buckets = [&](const std::string& column, const std::string& bucket) {
        return aggregate(sources, R"({"group_by":[{"column":")" + column + R"(","bucket":")" +
                                      bucket + R"(","alias":"at"}]})")
            .text();
    };
    EXPECT_EQ(buckets("t", "1h"),
              R"([{"at":"1677-09-21T01:00:00Z"},{"at":"1969-12-31T23:00:00Z"},)"
              R"({"at":"2024-05-15T10:00:00Z"},{"at":"2262-04-11T23:00:00Z"},{"at":null}])");
    EXPECT_EQ(buckets("t", "1d"),
              R"([{"at":"1677-09-22T00:00:00Z"},{"at":"1969-12-31T00:00:00Z"},)"
              R"({"at":"2024-05-15T00:00:00Z"},{"at":"2262-04-11T00:00:00Z"},{"at":null}])");
    EXPECT_EQ(buckets("t", "1w"),
              R"([{"at":"1677-09-27T00:00:00Z"},{"at":"1969-12-29T00:00:00Z"},)"
              R"({"at":"2024-05-13T00:00:00Z"},{"at":"2262-04-07T00:00:00Z"},{"at":null}])");
    EXPECT_EQ(buckets("t", "1q"),
              R"([{"at":"1677-09-22T00:00:00Z"},{"at":"1969-10-01T00:00:00Z"},)"
              R"({"at":"2024-04-01T00:00:00Z"},{"at":"2262-04-01T00:00:00Z"},{"at":null}])");
    EXPECT_EQ(buckets("t", "100ms").substr(0, 32), R"([{"at":"1677-09-21T00:12:43.2Z"})");
    EXPECT_EQ(buckets("d", "1mo"),
              R"([{"at":"1677-09-01"},{"at":"1969-12-01"},{"at":"2024-05-01"},{"at":"2262-04-01"},)"
              R"({"at":null}])");
    EXPECT_EQ(buckets("d", "1w"),
              R"([{"at":"1677-09-20"},{"at":"1969-12-29"},{"at":"2024-05-13"},{"at":"2262-04-07"},)"
              R"({"at":null}])");
    EXPECT_EQ(buckets("d", "10y"),
              R"([{"at":"1670-01-01"},{"at":"1960-01-01"},{"at":"2020-01-01"},{"at":"2260-01-01"},)"
              R"({"at":null}])");
}

}  // namespace
}  // namespace insula::tables::test
