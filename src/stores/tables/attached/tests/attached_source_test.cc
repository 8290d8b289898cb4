// Sources that show outside files: what queries see of them, and what becomes of it when the files
// change, go away or are damaged.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/tests/temporary_directory.h"
#include "platform/json/json_value.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/ingest/text_pieces.h"
#include "stores/tables/query.h"
#include "stores/tables/tests/store_harness.h"

namespace insula::tables::durability {
namespace {

namespace stdfs = std::filesystem;

class FileOut final : public engine::WritableFile {
  public:
    Status append(Bytes data) override {
        content.append(as_text(data));
        return {};
    }
    std::string content;
};

// A Parquet file of the documents, as another program would have it: its columns are known by name.
std::string parquet_of(std::string documents) {
    const size_t bytes = documents.size();
    documents.append(kJsonPadding, ' ');
    const auto batch =
        shred_json(std::string_view(documents).substr(0, bytes), std::make_shared<const Schema>());
    EXPECT_TRUE(batch) << batch.error().describe();
    engine::Scan scan;
    for (const catalog::Column& column : batch->schema->columns()) {
        scan.columns.push_back({column.id, column.name, column.type});
    }
    for (const auto& chunk : batch->chunks) scan.chunks.push_back({chunk, chunk->rows(), 0});
    FileOut out;
    const auto engine = shared_engines().maintenance();
    const auto written = (*engine)->write_parquet(std::move(scan), {}, out, Deadline::never(), {});
    EXPECT_TRUE(written) << written.error().describe();
    return out.content;
}

class Attached : public testing::Test {
  protected:
    void SetUp() override {
        stdfs::create_directory(shared());
        restart();
    }

    std::string shared() const { return home_.path() + "/shared"; }

    void restart() {
        node_.reset();
        NodeSettings settings = small_settings();
        settings.engines = &engines_;
        auto opened = TestNode::open(fs_, clock_, settings);
        ASSERT_TRUE(opened) << opened.error().describe();
        node_ = *std::move(opened);
        node_->store().services().attachable = {
            std::make_shared<const OutsideDirectory>(shared(), "")};
        queries_ = std::make_unique<Queries>(node_->store(), 10);
    }

    void put(const std::string& name, const std::string& content) {
        std::ofstream(shared() + "/" + name, std::ios::binary) << content;
    }
    void remove(const std::string& name) { stdfs::remove(shared() + "/" + name); }

    Status attach(const std::string& source_id, const std::string& address,
                  std::vector<std::pair<std::string, ColumnType>> schema = {}) {
        AddSourceRequest request{.source_id = source_id, .schema = std::move(schema)};
        request.options.connection_string = address;
        const auto added = node_->store().add_source(TestNode::tenant(), request);
        if (!added) return fail(added.error());
        return {};
    }
    std::string attach_error(const std::string& source_id, const std::string& address) {
        const Status attached = attach(source_id, address);
        return attached ? "attached" : std::string(attached.error().reason());
    }

    Result<std::string> run(Result<std::unique_ptr<QueryRun>> run) {
        if (!run) return fail(run.error());
        std::string text;
        for (;;) {
            ASSIGN_OR_RETURN(const bool more, (*run)->next(text, SIZE_MAX));
            if (!more) return text;
        }
    }
    Result<std::string> try_search(const std::string& request) {
        const tenancy::RequestContext context{
            .authorise = [](std::string_view, std::string_view) { return Status(); },
            .tenant = TestNode::tenant()};
        ASSIGN_OR_RETURN(const auto body, json::JsonValue::parse(request));
        ASSIGN_OR_RETURN(const SearchRequest parsed, parse_search(body, SearchMode::stream));
        return run(queries_->search(context, parsed, OutputFormat::json, Pace::page));
    }
    // The fields of each record, in their order.
    std::vector<std::string> search(const std::string& request) {
        const auto text = try_search(request);
        EXPECT_TRUE(text) << text.error().describe();
        std::vector<std::string> lines;
        if (!text) return lines;
        const auto answer = json::JsonValue::parse(*text);
        EXPECT_TRUE(answer) << *text;
        if (!answer) return lines;
        for (const auto& record : answer->find("records")->array()) {
            lines.push_back(record.find("fields")->text());
        }
        return lines;
    }
    std::vector<std::string> all_of(const std::string& source_id) {
        return search(R"({"sources": [")" + source_id + "\"]}");
    }
    std::string error_of(const std::string& request) {
        const auto text = try_search(request);
        return text ? "an answer" : std::string(text.error().reason());
    }
    std::string schema_of(const std::string& source_id) {
        const auto source = node_->store().find(TestNode::tenant(), source_id);
        std::string text;
        for (const auto& column : (*source)->schema()->columns()) {
            text += column.name + ":" + std::string(column_type_name(column.type)) + " ";
        }
        return text;
    }
    SourceStats stats_of(const std::string& source_id) {
        return (*node_->store().find(TestNode::tenant(), source_id))->stats();
    }
    // Files of ours that nothing names.
    size_t files_of_ours() {
        size_t count = 0;
        const std::string root = "data/blob/t/" + TestNode::tenant().to_string() + "/s";
        const auto sources = fs_.list(root);
        if (!sources) return 0;
        for (const auto& entry : *sources) count += fs_.list(root + "/" + entry.name)->size();
        return count;
    }

    TemporaryDirectory home_;
    CrashFileSystem fs_;
    ManualClock clock_;
    SystemClock engine_clock_;
    EngineHost engines_{{.memory_bytes = 1ull << 30, .instance_memory_bytes = 256ull << 20},
                        fs_,
                        engine_clock_,
                        "data/tmp"};
    std::unique_ptr<TestNode> node_;
    std::unique_ptr<Queries> queries_;
};

using Lines = std::vector<std::string>;

TEST_F(Attached, EachFormatIsSearchedLikeAnyOtherSource) {
    put("a.csv", "id,name\n1,Ann\n2,\n");
    put("a.tsv", "id\tname\n1\tAnn\n");
    put("a.json", R"([{"id": 1, "at": {"city": "Bonn"}}, {"id": 2.5, "x": null}])");
    put("a.ndjson", "{\"id\": 1}\n{\"id\": 2}\n");
    put("a.parquet", parquet_of(R"([{"id": 1, "good": true}, {"id": 2}])"));
    for (const char* name : {"csv", "tsv", "json", "ndjson", "parquet"}) {
        ASSERT_EQ(attach_error(name, std::string("file://a.") + name), "attached") << name;
    }
    EXPECT_EQ(all_of("csv"), (Lines{R"({"id":1,"name":"Ann"})", R"({"id":2})"}));
    EXPECT_EQ(all_of("tsv"), Lines{R"({"id":1,"name":"Ann"})"});
    EXPECT_EQ(all_of("json"),
              (Lines{R"({"id":1.0,"at":{"city":"Bonn"}})", R"({"id":2.5,"x":null})"}));
    EXPECT_EQ(all_of("ndjson"), (Lines{R"({"id":1})", R"({"id":2})"}));
    EXPECT_EQ(search(R"({"sources": ["parquet"], "columns": ["id", "good"]})"),
              (Lines{R"({"id":1,"good":true})", R"({"id":2})"}));
    EXPECT_EQ(schema_of("json"), "id:float64 at.city:string ");
    EXPECT_EQ(schema_of("parquet"), "id:int64 good:bool ");
    // What stands under a reserved name stands aside and is not lost.
    EXPECT_EQ(all_of("parquet").at(1), R"({"id":2,"_row_id":1})");
    EXPECT_EQ(stats_of("csv").rows, 2u);
    EXPECT_EQ(stats_of("parquet").rows, 2u);
    EXPECT_EQ(stats_of("parquet").stored_bytes, 0u);
}

TEST_F(Attached, SeveralSourcesAreOneRequest) {
    put("a.csv", "id,name\n1,Ann\n2,Bob\n");
    put("b.parquet", parquet_of(R"([{"id": 3, "name": "Cid"}])"));
    ASSERT_TRUE(attach("csv", "file://a.csv"));
    ASSERT_TRUE(attach("parquet", "file://b.parquet"));
    ASSERT_TRUE(node_->write("own", R"([{"id": 4, "name": "Dan"}])"));
    ASSERT_TRUE(node_->journal().flush());
    EXPECT_EQ(search(R"({"filters": {"id": {"gt": 1}}, "columns": ["id", "name"],
                         "order_by": [{"column": "id", "descending": true}]})"),
              (Lines{R"({"id":4,"name":"Dan"})", R"({"id":3,"name":"Cid"})",
                     R"({"id":2,"name":"Bob"})"}));
    const tenancy::RequestContext context{
        .authorise = [](std::string_view, std::string_view) { return Status(); },
        .tenant = TestNode::tenant()};
    const auto request = parse_aggregate(*json::JsonValue::parse(
        R"({"aggregations": [{"type": "count", "alias": "n"}, {"type": "sum", "column": "id"}]})"));
    const auto answer = run(queries_->aggregate(context, *request, OutputFormat::json, Pace::page));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_NE(answer->find(R"({"n":4,"sum_id":10})"), std::string::npos) << *answer;
}

TEST_F(Attached, FilesAreUnitedByNameWithTheRulesOfDocuments) {
    put("1.parquet", parquet_of(R"([{"id": 1, "n": 5}])"));
    put("2.csv", "n,id,extra\n1.5,2,x\n");
    put("3.json", R"({"id": 3, "n": "five", "deep": {"a": 1}})");
    put("4.parquet", parquet_of(R"([{"id": 4, "n": "text"}])"));
    ASSERT_TRUE(attach("all", "file://*"));
    EXPECT_EQ(schema_of("all"), "id:int64 n:float64 extra:string deep.a:int64 ");
    EXPECT_EQ(search(R"({"sources": ["all"], "columns": ["id", "n", "extra"],
                         "order_by": ["id"]})"),
              (Lines{R"({"id":1,"n":5.0})", R"({"id":2,"n":1.5,"extra":"x"})", R"({"id":3})",
                     R"({"id":4})"}));
    // The values of another kind are null in the column, and there in the document.
    EXPECT_EQ(
        search(R"({"sources": ["all"], "filters": {"n": {"is_null": true}},
                         "order_by": ["id"]})"),
        (Lines{R"({"id":3,"deep":{"a":1},"n":"five"})", R"({"id":4,"n":"text","_row_id":0})"}));
}

TEST_F(Attached, ADeclaredSchemaMakesTimesOfTexts) {
    put("a.csv", "at,day\n2024-01-15T10:00:00Z,2024-01-15\nlater,2024-01-16\n");
    put("a.parquet", parquet_of(R"([{"at": "2024-01-15T11:00:00Z", "day": "soon"}])"));
    ASSERT_TRUE(
        attach("t", "file://a.*", {{"at", ColumnType::timestamp}, {"day", ColumnType::date}}));
    EXPECT_EQ(search(R"({"sources": ["t"], "columns": ["at"], "order_by": ["at"],
                         "filters": {"at": {"gte": "2024-01-15T00:00:00Z"}}})"),
              (Lines{R"({"at":"2024-01-15T10:00:00Z"})", R"({"at":"2024-01-15T11:00:00Z"})"}));
    EXPECT_EQ(search(R"({"sources": ["t"], "filters": {"day": {"is_null": true}}})"),
              Lines{R"({"at":"2024-01-15T11:00:00Z","day":"soon","_row_id":0})"});
}

TEST_F(Attached, TakesNoWrites) {
    put("a.csv", "id\n1\n");
    ASSERT_TRUE(attach("a", "file://a.csv"));
    const auto written = node_->write("a", R"([{"id": 2}])");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().reason(), "source_read_only");
    EXPECT_EQ(written.error().code(), Code::failed_precondition);
    const auto empty = node_->write("a", "[]");
    ASSERT_FALSE(empty);
    EXPECT_EQ(all_of("a"), Lines{R"({"id":1})"});
}

std::string repository() {
    stdfs::path at = stdfs::canonical("/proc/self/exe");
    while (at.has_relative_path() && !stdfs::exists(at / "src/LAYERS")) at = at.parent_path();
    return at.string();
}

TEST_F(Attached, OutlivesARestartWithoutReadingAgain) {
    // Files that nobody has touched for a while: those of the last moments are read once more.
    const std::string parquet = "file://tests/spec/data/orders.parquet";
    const std::string text = "file://package-lock.json";
    const auto allow = [&] {
        node_->store().services().attachable = {
            std::make_shared<const OutsideDirectory>(repository(), "")};
    };
    allow();
    ASSERT_EQ(attach_error("parquet", parquet), "attached");
    ASSERT_EQ(attach_error("text", text), "attached");
    const auto files = [&] {
        std::vector<uint64_t> ids;
        for (const auto& source : *node_->catalog().sources(TestNode::tenant())) {
            for (const auto& file : source.files) ids.push_back(file.id.value);
        }
        return ids;
    };
    const auto before = files();
    const Lines rows = all_of("parquet");
    EXPECT_EQ(rows.size(), 3u);
    EXPECT_EQ(files(), before);
    const std::string schema = schema_of("parquet");
    restart();
    allow();
    EXPECT_EQ(stats_of("parquet").rows, 3u);
    EXPECT_EQ(stats_of("text").rows, 1u);
    EXPECT_EQ(schema_of("parquet"), schema);
    EXPECT_EQ(all_of("parquet"), rows);
    EXPECT_EQ(all_of("text").size(), 1u);
    EXPECT_EQ(files(), before);
}

TEST_F(Attached, ChangedFilesAreReadAnewByTheNextQuery) {
    put("a.csv", "id\n1\n");
    put("b.parquet", parquet_of(R"([{"id": 10}])"));
    ASSERT_TRUE(attach("all", "file://*"));
    const std::string query = R"({"sources": ["all"], "columns": ["id"], "order_by": ["id"]})";
    EXPECT_EQ(search(query), (Lines{R"({"id":1})", R"({"id":10})"}));
    // Overwritten in place, by as many bytes.
    put("a.csv", "id\n2\n");
    EXPECT_EQ(search(query), (Lines{R"({"id":2})", R"({"id":10})"}));
    // Replaced by another file.
    put("new", parquet_of(R"([{"id": 20, "more": true}])"));
    stdfs::rename(shared() + "/new", shared() + "/b.parquet");
    EXPECT_EQ(search(query), (Lines{R"({"id":2})", R"({"id":20})"}));
    EXPECT_EQ(schema_of("all"), "id:int64 more:bool ");
    // One more, and one less.
    put("c.json", R"({"id": 0.5})");
    remove("a.csv");
    EXPECT_EQ(search(query), (Lines{R"({"id":0.5})", R"({"id":20.0})"}));
    EXPECT_EQ(stats_of("all").rows, 2u);
    restart();
    EXPECT_EQ(search(query), (Lines{R"({"id":0.5})", R"({"id":20.0})"}));
}

TEST_F(Attached, FilesOfOursThatNobodyNeedsGo) {
    put("a.csv", "id\n1\n");
    ASSERT_TRUE(attach("a", "file://a.csv"));
    EXPECT_EQ(files_of_ours(), 1u);
    put("a.csv", "id\n12\n");
    EXPECT_EQ(all_of("a"), Lines{R"({"id":12})"});
    clock_.advance(std::chrono::hours(1));
    node_->store().maintain();
    EXPECT_EQ(files_of_ours(), 1u);
    ASSERT_TRUE(node_->store().remove_source(TestNode::tenant(), "a"));
    clock_.advance(std::chrono::hours(1));
    node_->store().maintain();
    EXPECT_EQ(files_of_ours(), 0u);
    EXPECT_TRUE(stdfs::exists(shared() + "/a.csv"));
    EXPECT_EQ(error_of(R"({"sources": ["a"]})"), "source_not_found");
    // The name is free, and the files can be attached again.
    ASSERT_TRUE(attach("a", "file://a.csv"));
    EXPECT_EQ(all_of("a"), Lines{R"({"id":12})"});
}

TEST_F(Attached, AVanishedFileIsAnErrorOfItsSourceAlone) {
    put("a.csv", "id\n1\n");
    put("b.parquet", parquet_of(R"([{"id": 2}])"));
    ASSERT_TRUE(attach("a", "file://a.csv"));
    ASSERT_TRUE(attach("b", "file://b.parquet"));
    ASSERT_TRUE(node_->write("own", R"([{"id": 3}])"));
    ASSERT_TRUE(node_->journal().flush());
    remove("a.csv");
    remove("b.parquet");
    for (const char* name : {"a", "b"}) {
        const auto answer = try_search(R"({"sources": [")" + std::string(name) + "\"]}");
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().reason(), "attachment_not_found");
        EXPECT_EQ(answer.error().code(), Code::failed_precondition);
        EXPECT_NE(answer.error().message().find("\"" + std::string(name) + "\""),
                  std::string_view::npos);
        EXPECT_EQ(answer.error().message().find('/'), std::string_view::npos);
    }
    EXPECT_EQ(all_of("own"), Lines{R"({"id":3})"});
    restart();
    EXPECT_EQ(error_of(R"({"sources": ["a"]})"), "attachment_not_found");
    EXPECT_EQ(all_of("own"), Lines{R"({"id":3})"});
    put("a.csv", "id\n7\n");
    EXPECT_EQ(all_of("a"), Lines{R"({"id":7})"});
}

TEST_F(Attached, DamageIsAnErrorOfItsSourceAlone) {
    put("a.json", R"({"id": 1})");
    put("b.parquet", parquet_of(R"([{"id": 2}])"));
    ASSERT_TRUE(attach("a", "file://a.json"));
    ASSERT_TRUE(attach("b", "file://b.parquet"));
    put("a.json", R"({"id": )");
    put("b.parquet", "PAR1 and no more");
    for (const char* name : {"a", "b"}) {
        const auto answer = try_search(R"({"sources": [")" + std::string(name) + "\"]}");
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().reason(), "attachment_unreadable");
        EXPECT_EQ(answer.error().code(), Code::failed_precondition);
        EXPECT_EQ(answer.error().message().find(shared()), std::string_view::npos);
    }
    put("a.json", R"({"id": 9})");
    EXPECT_EQ(all_of("a"), Lines{R"({"id":9})"});
}

// Bytes that fell over while time and size stayed: only reading finds it.
TEST_F(Attached, DamageThatShowsOnlyInPagesIsAnErrorToo) {
    std::string documents = "[";
    for (int i = 0; i < 3000; ++i) {
        documents += (i > 0 ? "," : "") + ("{\"id\": " + std::to_string(i)) + ", \"s\": \"text " +
                     std::to_string(i * 7919) + "\"}";
    }
    std::string content = parquet_of(documents + "]");
    for (size_t at = 100; at < content.size() / 2; ++at) content[at] = '\x55';
    put("a.parquet", content);
    ASSERT_TRUE(attach("a", "file://a.parquet"));
    const auto answer = try_search(R"({"sources": ["a"]})");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason(), "attachment_unreadable") << answer.error().describe();
    EXPECT_EQ(answer.error().code(), Code::failed_precondition);
    EXPECT_NE(answer.error().message().find("\"a\""), std::string_view::npos);
}

TEST_F(Attached, AFileThatChangesUnderAQueryIsNoticed) {
    put("a.parquet", parquet_of(R"([{"id": 1}])"));
    ASSERT_TRUE(attach("a", "file://a.parquet"));
    const auto source = *node_->store().find(TestNode::tenant(), "a");
    ASSERT_TRUE(source->refresh(Deadline::never(), {}));
    const auto views = Source::pin(node_->store().services(), std::vector{source});
    engine::ReadableFile& file = *views[0].files->at(0).file;
    std::string bytes(4, ' ');
    const auto out = std::as_writable_bytes(std::span(bytes));
    ASSERT_TRUE(file.read_at(out, 0));
    EXPECT_EQ(bytes, "PAR1");
    put("a.parquet", parquet_of(R"([{"id": 1}, {"id": 2}])"));
    const auto read = file.read_at(out, 0);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().reason(), "attachment_changed");
    EXPECT_EQ(read.error().code(), Code::aborted);
    EXPECT_EQ(search(R"({"sources": ["a"], "columns": ["id"]})").size(), 2u);
}

// Two versions of two files take turns while they are asked: each answer is of whole files, or says
// that they changed.
TEST_F(Attached, AnswersAreOfOneContentWhileFilesAreReplaced) {
    const auto content = [](int version) {
        std::string documents = "[";
        for (int i = 0; i < 5000; ++i) {
            documents += (i > 0 ? ",{\"v\":" : "{\"v\":") + std::to_string(version) + "}";
        }
        return documents + "]";
    };
    const std::string texts[] = {content(1), content(2)};
    const std::string parquets[] = {parquet_of(texts[0]), parquet_of(texts[1])};
    const auto replace = [&](int version) {
        put("new", parquets[version % 2]);
        stdfs::rename(shared() + "/new", shared() + "/a.parquet");
        put("b.json", texts[version % 2]);  // in place
    };
    replace(0);
    ASSERT_TRUE(attach("parquet", "file://a.parquet"));
    ASSERT_TRUE(attach("text", "file://b.json"));
    std::jthread writer([&](const std::stop_token& stop) {
        for (int version = 1; !stop.stop_requested(); ++version) replace(version);
    });
    int answers = 0;
    for (int i = 0; i < 60; ++i) {
        const std::string source = i % 2 == 0 ? "parquet" : "text";
        const auto text = try_search(R"({"sources": [")" + source + R"("], "columns": ["v"]})");
        if (!text) {
            // A file that is being written is not whole yet.
            const std::string_view reason = text.error().reason();
            EXPECT_TRUE(reason == "attachment_changed" ||
                        (source == "text" && reason == "attachment_unreadable"))
                << text.error().describe();
            continue;
        }
        ++answers;
        const auto answer = json::JsonValue::parse(*text, {.bytes_max = text->size()});
        ASSERT_TRUE(answer);
        const auto& records = answer->find("records")->array();
        if (source == "text" && records.empty()) continue;  // just truncated
        ASSERT_FALSE(records.empty());
        const std::string first = records[0].find("fields")->text();
        for (const auto& record : records) ASSERT_EQ(record.find("fields")->text(), first);
        if (source == "parquet") EXPECT_EQ(records.size(), 5000u);
    }
    writer.request_stop();
    writer.join();
    EXPECT_GT(answers, 0);
    replace(0);
    EXPECT_EQ(search(R"({"sources": ["text"], "columns": ["v"]})").size(), 5000u);
    EXPECT_EQ(search(R"({"sources": ["parquet"], "columns": ["v"]})").size(), 5000u);
}

TEST_F(Attached, WhatCannotBeAttachedLeavesNothing) {
    put("good.csv", "id\n1\n");
    put("bad.csv", "id\n1,2\n");
    put("bad.json", "[{\"id\": 1},]");
    put("bad.parquet", "no Parquet at all");
    put("text.txt", "text");
    EXPECT_EQ(attach_error("s", "file://none.csv"), "attachment_not_found");
    EXPECT_EQ(attach_error("s", "file://text.txt"), "attachment_not_found");
    EXPECT_EQ(attach_error("s", "s3://bucket/x.csv"), "connection_not_available");
    for (const char* name : {"bad.csv", "bad.json", "bad.parquet", "*.csv"}) {
        EXPECT_EQ(attach_error("s", "file://" + std::string(name)), "attachment_unreadable")
            << name;
    }
    EXPECT_EQ(node_->store().find(TestNode::tenant(), "s").error().reason(), "source_not_found");
    EXPECT_TRUE(node_->catalog().sources(TestNode::tenant())->empty());
    EXPECT_EQ(files_of_ours(), 0u);
    ASSERT_TRUE(attach("s", "file://good.csv"));
    EXPECT_EQ(attach_error("s", "file://good.csv"), "source_exists");
    EXPECT_EQ(files_of_ours(), 1u);
}

TEST_F(Attached, MessagesSayWhichFileAndWhere) {
    put("sales.csv", "id\n1\n2,3\n");
    const Status refused = attach("s", "file://sales.csv");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unprocessable);
    EXPECT_NE(refused.error().message().find("\"sales.csv\""), std::string_view::npos);
    EXPECT_NE(refused.error().message().find("at byte 5"), std::string_view::npos)
        << refused.error().message();
}

TEST_F(Attached, FilesWithoutRowsAreFiles) {
    put("a.csv", "id,name\n");
    put("b.json", "[]");
    put("c.ndjson", "");
    put("d.csv", "id\n5\n");
    put("e.parquet", parquet_of("[]"));
    ASSERT_TRUE(attach("all", "file://*"));
    EXPECT_EQ(all_of("all"), Lines{R"({"id":5})"});
    EXPECT_EQ(stats_of("all").rows, 1u);
    EXPECT_EQ(stats_of("all").files, 5u);
}

TEST_F(Attached, TypesOfACsvAreThoseOfTheWholeFile) {
    std::string content = "id,late\n";
    for (int i = 0; i < 700'000; ++i) content += std::to_string(i) + ",1\n";
    content += "700000,n/a\n700000.5,2\n";
    ASSERT_GT(content.size(), kPieceBytes / 2);
    content.append(std::string(kPieceBytes, '\n'));  // blank lines are none
    content += "-1,3\n";
    put("a.csv", content);
    ASSERT_TRUE(attach("a", "file://a.csv"));
    EXPECT_EQ(schema_of("a"), "id:float64 late:string ");
    EXPECT_EQ(stats_of("a").rows, 700'003u);
    EXPECT_EQ(search(R"({"sources": ["a"], "filters": {"late": {"not_in": ["1"]}},
                         "order_by": ["id"]})"),
              (Lines{R"({"id":-1.0,"late":"3"})", R"({"id":700000.0,"late":"n/a"})",
                     R"({"id":700000.5,"late":"2"})"}));
}

TEST_F(Attached, WhatTheOperatorNoLongerAllowsIsNoLongerShown) {
    put("a.csv", "id\n1\n");
    ASSERT_TRUE(attach("a", "file://" + shared() + "/a.csv"));
    EXPECT_EQ(all_of("a"), Lines{R"({"id":1})"});
    node_->store().services().attachable.clear();
    EXPECT_EQ(error_of(R"({"sources": ["a"]})"), "attachment_not_found");
}

TEST_F(Attached, TheDeadlineEndsTheReading) {
    put("a.csv", "id\n1\n");
    AddSourceRequest request{.source_id = "a"};
    request.options.connection_string = "file://a.csv";
    const auto late = node_->store().add_source(TestNode::tenant(), request,
                                                Deadline::after(std::chrono::seconds(-1)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
    CancelToken cancel;
    cancel.cancel();
    const auto cancelled =
        node_->store().add_source(TestNode::tenant(), request, Deadline::never(), cancel);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code(), Code::cancelled);
    EXPECT_EQ(files_of_ours(), 0u);
}

}  // namespace
}  // namespace insula::tables::durability
