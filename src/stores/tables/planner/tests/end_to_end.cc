#include "stores/tables/planner/tests/end_to_end.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "base/units.h"
#include "platform/json/time_text.h"
#include "stores/tables/render/aggregate_renderer.h"
#include "stores/tables/render/search_renderer.h"

namespace insula::tables::test {

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

namespace {

class NoSpill final : public engine::SpillSpace {
  public:
    Result<std::unique_ptr<engine::SpillFile>> create() override {
        return fail(internal_error("these tests fit memory"));
    }
};

// One engine for all tests of the suite.
struct Engine {
    NoSpill spill;
    std::shared_ptr<engine::Instance> instance;
    // The engine caches files by their id.
    uint64_t last_file = 0;
};

Engine& shared_engine() {
    static Engine engine;
    return engine;
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

std::vector<SourceInput> inputs(const std::vector<Stored>& sources) {
    std::vector<SourceInput> out;
    for (const Stored& stored : sources) out.push_back(stored.input());
    return out;
}

}  // namespace

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

std::vector<catalog::Column> with_rest() {
    auto columns = every_type();
    columns.push_back(make_column(kRestColumn.value, {kRestColumnName}, ColumnType::json));
    return columns;
}

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

void EndToEnd::SetUpTestSuite() {
    auto opened =
        engine::Instance::open({.memory_bytes_max = 256 * kMiB}, shared_engine().spill, nullptr);
    ASSERT_TRUE(opened) << opened.error().describe();
    shared_engine().instance = *std::move(opened);
}

void EndToEnd::TearDownTestSuite() { shared_engine().instance.reset(); }

Stored EndToEnd::store(Table table, size_t rows_in_files, size_t rows_a_file) {
    Stored stored{.table = std::move(table)};
    stored.schema = std::make_shared<const Schema>(stored.named());
    for (size_t begin = 0; begin < rows_in_files; begin += rows_a_file) {
        const size_t end = std::min(begin + rows_a_file, rows_in_files);
        engine::Scan scan{.chunks = chunks_of(stored.table, begin, end, 7)};
        for (const auto& column : stored.table.columns) {
            scan.columns.push_back({column.id, column.name, column.type});
        }
        auto file = std::make_shared<MemoryFile>();
        const auto written = shared_engine().instance->write_parquet(std::move(scan), {}, *file,
                                                                     Deadline::never(), {});
        EXPECT_TRUE(written) << written.error().describe();
        stored.files.push_back({.meta = {.id = FileId{++shared_engine().last_file},
                                         .rows = end - begin,
                                         .zones = zones_of(stored.table, begin, end)}});
        stored.contents.push_back(std::move(file));
    }
    stored.chunks = chunks_of(stored.table, rows_in_files, stored.table.rows.size(), 5);
    for (size_t i = 0; i < stored.chunks.size(); ++i) {
        // Some may still grow.
        stored.chunk_zones.push_back(
            i % 3 == 2 ? nullptr : std::make_shared<ChunkZones>(stored.chunks[i].chunk));
    }
    return stored;
}

void EndToEnd::run(engine::Query query, const std::vector<Stored>& sources, const Each& each) {
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
    auto stream = shared_engine().instance->query(std::move(query), Deadline::never(), {});
    ASSERT_TRUE(stream) << stream.error().describe() << "\n" << sql;
    engine::ResultBatch batch;
    for (;;) {
        const auto more = (*stream)->next(batch);
        ASSERT_TRUE(more) << more.error().describe() << "\n" << sql;
        if (!*more) break;
        each(batch);
    }
}

JsonValue EndToEnd::search(const std::vector<Stored>& sources, const std::string& request) {
    const auto parsed = parse_search(*JsonValue::parse(request), SearchMode::stream);
    EXPECT_TRUE(parsed) << parsed.error().describe();
    auto plan = plan_search(*parsed, inputs(sources));
    EXPECT_TRUE(plan) << request << plan.error().describe();
    SearchRenderer renderer(plan->render, RecordFormat::envelope);
    skipped_ = plan->pruned.files_skipped;
    chunks_skipped_ = 0;
    for (const Stored& stored : sources) chunks_skipped_ += stored.chunks.size();
    for (const engine::Scan& scan : plan->query.scans) chunks_skipped_ -= scan.chunks.size();
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

JsonValue EndToEnd::aggregate(const std::vector<Stored>& sources, const std::string& request) {
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

JsonValue EndToEnd::record(const Stored& stored, const Row& row) {
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

std::string EndToEnd::difference(const std::vector<std::string>& got,
                                 const std::vector<std::string>& want) {
    for (size_t i = 0; i < std::max(got.size(), want.size()); ++i) {
        const std::string left = i < got.size() ? got[i] : "nothing";
        const std::string right = i < want.size() ? want[i] : "nothing";
        if (left != right) return "row " + std::to_string(i) + ": " + left + " instead of " + right;
    }
    return {};
}

std::vector<std::string> EndToEnd::lines(const JsonValue& records) {
    std::vector<std::string> out;
    for (const JsonValue& one : records.array()) out.push_back(sorted(one).text());
    return out;
}

std::vector<std::string> EndToEnd::expected(const std::vector<Stored>& sources,
                                            const Filter& filter) {
    std::vector<std::string> out;
    for (const Stored& stored : sources) {
        for (const Row& row : stored.table.rows) {
            if (holds(filter, stored.table, row)) out.push_back(record(stored, row).text());
        }
    }
    return out;
}

}  // namespace insula::tables::test
