// Requests through planner, engine and renderer over random rows in chunks and files, compared with
// answers that are worked out row by row.
#include <gtest/gtest.h>

#include <set>

#include "stores/tables/columns.h"
#include "stores/tables/planner/plan.h"
#include "stores/tables/planner/tests/sample_tables.h"
#include "stores/tables/render/aggregate_renderer.h"
#include "stores/tables/render/search_renderer.h"

namespace insula::tables {
namespace {

using namespace test;

class MemoryFile final : public engine::ReadableFile, public engine::WritableFile {
  public:
    Result<size_t> read_at(MutableBytes out, uint64_t offset) override {
        const size_t count = std::min<size_t>(out.size(), content_.size() - offset);
        std::memcpy(out.data(), content_.data() + offset, count);
        return count;
    }
    uint64_t size() const override { return content_.size(); }
    Status append(Bytes data) override {
        content_.append(as_text(data));
        return {};
    }

  private:
    std::string content_;
};

class NoSpill final : public engine::SpillSpace {
  public:
    Result<std::unique_ptr<engine::SpillFile>> create() override {
        return fail(internal_error("these tests fit memory"));
    }
};

// A table with its first rows in files and the others in chunks.
struct Stored {
    Table table;
    std::vector<FileEntry> files;
    std::vector<std::shared_ptr<MemoryFile>> contents;  // beside files
    std::vector<ChunkRows> chunks;

    SourceInput input() const { return {table.source_id, table.columns, chunks, files}; }
    // As the planner sees them: `_rest` is no column of the schema.
    std::vector<catalog::Column> named() const {
        auto columns = table.columns;
        std::erase_if(columns, [](const auto& column) { return column.id == kRestColumn; });
        return columns;
    }
};

JsonValue cell_json(const Value& cell, ColumnType type) {
    if (const auto* value = std::get_if<bool>(&cell)) return JsonValue(*value);
    if (const auto* value = std::get_if<int64_t>(&cell)) return JsonValue(*value);
    if (const auto* value = std::get_if<double>(&cell)) return JsonValue(*value);
    if (const auto* value = std::get_if<DateValue>(&cell))
        return JsonValue(json::date_text(value->days));
    if (const auto* value = std::get_if<TimestampValue>(&cell)) {
        return JsonValue(json::timestamp_text(value->nanos));
    }
    const auto& text = std::get<std::string>(cell);
    return type == ColumnType::json ? *JsonValue::parse(text) : JsonValue(text);
}

// A document as nested maps, whose order does not matter.
struct Node {
    std::map<std::string, Node> children;
    std::optional<JsonValue> value;

    void add(std::span<const std::string> path, JsonValue leaf) {
        if (path.empty()) {
            value = std::move(leaf);
        } else {
            children[path[0]].add(path.subspan(1), std::move(leaf));
        }
    }
    // Those of an object that has some, as have the objects in it.
    void add_members(const JsonValue& object) {
        for (const auto& member : object.object()) {
            if (member.value.is_object()) {
                children[member.name].add_members(member.value);
            } else {
                children[member.name].value = member.value;
            }
        }
    }
    JsonValue json() const {
        if (value) return *value;
        JsonValue::Object members;
        for (const auto& [name, child] : children) members.push_back({name, child.json()});
        return JsonValue(std::move(members));
    }
};

JsonValue sorted(const JsonValue& value) {
    if (value.is_array()) {
        JsonValue::Array items;
        for (const JsonValue& item : value.array()) items.push_back(sorted(item));
        return JsonValue(std::move(items));
    }
    if (!value.is_object()) return value;
    JsonValue::Object members = value.object();
    std::ranges::sort(members, {}, &json::JsonMember::name);
    for (json::JsonMember& member : members) member.value = sorted(member.value);
    return JsonValue(std::move(members));
}

class EndToEnd : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        auto opened = engine::Instance::open({.memory_bytes_max = 256 * kMiB}, spill_, nullptr);
        ASSERT_TRUE(opened) << opened.error().describe();
        instance_ = *std::move(opened);
    }
    static void TearDownTestSuite() { instance_.reset(); }

    Stored store(Table table, size_t rows_in_files, size_t rows_a_file) {
        Stored stored{.table = std::move(table)};
        for (size_t begin = 0; begin < rows_in_files; begin += rows_a_file) {
            const size_t end = std::min(begin + rows_a_file, rows_in_files);
            engine::Scan scan{.chunks = chunks_of(stored.table, begin, end, 7)};
            for (const auto& column : stored.table.columns) {
                scan.columns.push_back({column.id, column.name, column.type});
            }
            auto file = std::make_shared<MemoryFile>();
            const auto written =
                instance_->write_parquet(std::move(scan), {}, *file, Deadline::never(), {});
            EXPECT_TRUE(written) << written.error().describe();
            stored.files.push_back({.meta = {.id = FileId{++next_file_},
                                             .rows = end - begin,
                                             .zones = zones_of(stored.table, begin, end)}});
            stored.contents.push_back(std::move(file));
        }
        stored.chunks = chunks_of(stored.table, rows_in_files, stored.table.rows.size(), 5);
        return stored;
    }

    template <class Each>
    void run(engine::Query query, const std::vector<Stored>& sources, Each each) {
        for (engine::Scan& scan : query.scans) {
            for (auto& wanted : scan.files) {
                for (const Stored& stored : sources) {
                    for (size_t i = 0; i < stored.files.size(); ++i) {
                        if (stored.files[i].meta.id == wanted.id) wanted.file = stored.contents[i];
                    }
                }
            }
        }
        const std::string sql = query.sql;
        auto stream = instance_->query(std::move(query), Deadline::never(), {});
        ASSERT_TRUE(stream) << stream.error().describe() << "\n" << sql;
        engine::ResultBatch batch;
        for (;;) {
            const auto more = (*stream)->next(batch);
            ASSERT_TRUE(more) << more.error().describe() << "\n" << sql;
            if (!*more) break;
            each(batch);
        }
    }

    static std::vector<SourceInput> inputs(const std::vector<Stored>& sources) {
        std::vector<SourceInput> out;
        for (const Stored& stored : sources) out.push_back(stored.input());
        return out;
    }

    JsonValue search(const std::vector<Stored>& sources, const std::string& request) {
        const auto parsed = parse_search(*JsonValue::parse(request), SearchMode::stream);
        EXPECT_TRUE(parsed) << parsed.error().describe();
        auto plan = plan_search(*parsed, inputs(sources));
        EXPECT_TRUE(plan) << request << plan.error().describe();
        SearchRenderer renderer(plan->render, RecordFormat::envelope);
        skipped_ = plan->pruned.files_skipped;
        std::string out;
        renderer.begin(out);
        run(std::move(plan->query), sources, [&](const engine::ResultBatch& batch) {
            const Status status = renderer.append(batch, out);
            EXPECT_TRUE(status) << status.error().describe();
        });
        renderer.end({}, out);
        const auto answer = JsonValue::parse(out);
        EXPECT_TRUE(answer) << answer.error().describe() << out;
        return *answer->find("records");
    }

    JsonValue aggregate(const std::vector<Stored>& sources, const std::string& request) {
        const auto parsed = parse_aggregate(*JsonValue::parse(request));
        EXPECT_TRUE(parsed) << parsed.error().describe();
        auto plan = plan_aggregate(*parsed, inputs(sources));
        EXPECT_TRUE(plan) << request << plan.error().describe();
        AggregateRenderer renderer(plan->render);
        std::string out;
        renderer.begin(out);
        run(std::move(plan->query), sources,
            [&](const engine::ResultBatch& batch) { renderer.append(batch, out); });
        renderer.end({}, out);
        const auto answer = JsonValue::parse(out);
        EXPECT_TRUE(answer) << answer.error().describe() << out;
        truncated_ = answer->find("truncated") != nullptr;
        return *answer->find("results");
    }

    // The record of a row as a search without a projection shows it.
    static JsonValue record(const Stored& stored, const Row& row) {
        Node fields;
        for (const catalog::Column& column : stored.table.columns) {
            const Value& cell = stored.table.cell(row, column);
            if (cell.index() == 0) continue;
            if (column.id == kRestColumn) {
                fields.add_members(*JsonValue::parse(std::get<std::string>(cell)));
                continue;
            }
            fields.add(column.path, cell_json(cell, column.type));
        }
        return sorted(JsonValue(JsonValue::Object{{"source_id", JsonValue(stored.table.source_id)},
                                                  {"fields", fields.json()}}));
    }

    // The first difference of two answers; empty if there is none.
    static std::string difference(const std::vector<std::string>& got,
                                  const std::vector<std::string>& want) {
        for (size_t i = 0; i < std::max(got.size(), want.size()); ++i) {
            const std::string left = i < got.size() ? got[i] : "nothing";
            const std::string right = i < want.size() ? want[i] : "nothing";
            if (left != right)
                return "row " + std::to_string(i) + ": " + left + " instead of " + right;
        }
        return {};
    }

    static std::vector<std::string> lines(const JsonValue& records) {
        std::vector<std::string> out;
        for (const JsonValue& one : records.array()) out.push_back(sorted(one).text());
        return out;
    }

    static std::vector<std::string> expected(const std::vector<Stored>& sources,
                                             const Filter& filter) {
        std::vector<std::string> out;
        for (const Stored& stored : sources) {
            for (const Row& row : stored.table.rows) {
                if (holds(filter, stored.table, row)) out.push_back(record(stored, row).text());
            }
        }
        return out;
    }

    static std::shared_ptr<engine::Instance> instance_;
    static NoSpill spill_;
    // The engine caches files by their id.
    static uint64_t next_file_;
    uint64_t skipped_ = 0;
    bool truncated_ = false;
};

std::shared_ptr<engine::Instance> EndToEnd::instance_;
NoSpill EndToEnd::spill_;
uint64_t EndToEnd::next_file_ = 0;

std::vector<catalog::Column> with_rest() {
    auto columns = every_type();
    columns.push_back(make_column(kRestColumn.value, {kRestColumnName}, ColumnType::json));
    return columns;
}

// Rows of every type, some with members that fit no column.
Table sample_table(Samples& samples, std::string name, size_t rows) {
    Table table = samples.table(std::move(name), with_rest(), rows);
    for (Row& row : table.rows) {
        row.back() = Value{};
        if (samples.below(3) == 0) {
            row.back() = samples.pick<std::string>(
                {R"({"extra":null})", R"({"n":{"more":null}})",
                 R"({"n":{"deep":{"a":[{}]}},"y":"\"}"})",
                 R"({"extra":{"a":[1]},"z":123456789012345678901234567890})"});
        }
    }
    return table;
}

TEST_F(EndToEnd, FiltersFindTheRowsThatTheyAreDefinedToFind) {
    const uint64_t seed = std::random_device{}();
    Samples samples(seed);
    const std::vector<Stored> sources{store(sample_table(samples, "one", 60), 40, 8)};
    uint64_t skipped = 0;
    for (int round = 0; round < 400; ++round) {
        const std::string text = samples.filter(every_type());
        auto want = expected(sources, parsed_filter(text));
        auto got = lines(search(sources, R"({"filters":)" + text + "}"));
        std::ranges::sort(want);
        std::ranges::sort(got);
        ASSERT_EQ(difference(got, want), "") << "seed " << seed << ": " << text;
        skipped += skipped_;
    }
    EXPECT_GT(skipped, 0u);
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
}  // namespace insula::tables
