// A node over a disk that hangs or fails, as clients see it.
#include "server/node.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "platform/fs/tests/temporary_directory.h"
#include "platform/json/json_value.h"
#include "platform/net/http_client.h"
#include "platform/runtime/log.h"
#include "server/tests/stalling_file_system.h"

namespace insula::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRequestTimeout{300};
// Far above what an answer takes, far below what a test may.
constexpr milliseconds kAtOnce{5'000};

// A node with one I/O thread on free ports.
class NodeOnBadDisk : public ::testing::Test {
  protected:
    void start(const std::string& part, const std::function<void(config::ServerConfig&)>& change) {
        auto loaded = config::load({.machine = {.cores = 2, .memory_bytes = 2 * kGiB}});
        ASSERT_TRUE(loaded) << loaded.error().describe();
        config::ServerConfig config = config::make_server_config(loaded->config);
        config.data_dir = directory_.path() + "/data";
        config.dev = true;
        config.rest_port = config.gateway_port = 0;
        config.io_threads = 1;
        config.request_timeout = kRequestTimeout;
        config.journal_segment_bytes = 4 * kMiB;
        change(config);
        fs_.emplace(disk_, part);
        auto node = Node::start(config, *fs_, clock_, random_);
        ASSERT_TRUE(node) << node.error().describe();
        node_ = *std::move(node);
    }
    void SetUp() override { ASSERT_TRUE(log::set_level("off")); }
    void TearDown() override {
        fs_->stall(false);
        node_.reset();
        EXPECT_TRUE(log::set_level("info"));
    }

    net::HttpClient client() const {
        return net::HttpClient({.port = node_->ports().at(0), .io_timeout = kAtOnce});
    }
    net::ClientResponse write(std::string_view body, const std::string& key = {}) const {
        net::ClientRequest request{.method = net::Method::post,
                                   .target = "/data/write?source_id=s",
                                   .headers = {{"Content-Type", "application/json"}},
                                   .body = body};
        if (!key.empty()) request.headers.push_back({"Idempotency-Key", key});
        auto answer = client().send(request);
        EXPECT_TRUE(answer) << answer.error().describe();
        return answer ? *std::move(answer) : net::ClientResponse{};
    }
    static std::string member(const net::ClientResponse& answer, std::string_view name) {
        const auto body = json::JsonValue::parse(answer.body);
        if (!body) return "no JSON: " + answer.body;
        const json::JsonValue* error = body->find("error");
        const json::JsonValue* value = (error != nullptr ? error : &*body)->find(name);
        if (value == nullptr) return {};
        return value->is_string() ? value->string() : value->text();
    }
    std::string count() const {
        const auto answer =
            client().post("/data/aggregate", R"({"aggregations":[{"type":"count","alias":"n"}]})");
        return answer ? answer->body.substr(0, answer->body.find(",\"stats\"")) : "";
    }

    TemporaryDirectory directory_;
    OsFileSystem disk_;
    SystemClock clock_;
    SystemRandom random_;
    std::optional<StallingFileSystem> fs_;
    std::unique_ptr<Node> node_;
};

TEST_F(NodeOnBadDisk, AWriteWhoseSyncHangsEndsWithAnUnknownOutcome) {
    ASSERT_NO_FATAL_FAILURE(start("/journal/", [](auto&) {}));
    ASSERT_EQ(write(R"([{"a":1}])").status, 200);
    fs_->stall(true);
    const net::ClientResponse plain = write(R"([{"a":2}])");
    EXPECT_EQ(plain.status, 504);
    EXPECT_EQ(member(plain, "code"), "write_outcome_unknown");
    EXPECT_NE(member(plain, "hint").find("Idempotency-Key"), std::string::npos);
    const net::ClientResponse keyed = write(R"([{"a":3}])", "k");
    EXPECT_EQ(member(keyed, "code"), "write_outcome_unknown");
    EXPECT_NE(member(keyed, "hint").find("same Idempotency-Key"), std::string::npos);
    EXPECT_EQ(client().get("/health")->status, 200) << "the server goes on";
    EXPECT_EQ(count(), R"({"results":[{"n":1}])") << "what is not durable is not seen";

    fs_->stall(false);
    const net::ClientResponse again = write(R"([{"a":3}])", "k");
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(member(again, "duplicate"), "true");
    EXPECT_EQ(count(), R"({"results":[{"n":3}])") << "the rows became visible, each once";
}

TEST_F(NodeOnBadDisk, AWriteWhoseSyncFailsSaysThatItsOutcomeIsUnknown) {
    ASSERT_NO_FATAL_FAILURE(start("/journal/", [](auto&) {}));
    ASSERT_EQ(write(R"([{"a":1}])").status, 200);
    fs_->fail_syncs(true);
    const net::ClientResponse failed = write(R"([{"a":2}])");
    EXPECT_EQ(failed.status, 503);
    EXPECT_EQ(member(failed, "code"), "write_outcome_unknown");
    const net::ClientResponse refused = write(R"([{"a":2}])");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(member(refused, "code"), "journal_fenced") << "nothing of it was written";
    EXPECT_EQ(count(), R"({"results":[{"n":1}])");
}

// Writers that wait for a flush must not keep the I/O thread from its other connections.
TEST_F(NodeOnBadDisk, SmallWritesThatMustWaitLeaveTheIoThreadFree) {
    constexpr milliseconds kWait{1'500};
    ASSERT_NO_FATAL_FAILURE(start(".parquet", [&](config::ServerConfig& config) {
        config.memtable_bytes = 2 * kMiB;
        config.flush_memory_bytes = kMiB;
        config.flush_source_bytes = kMiB;
        config.request_timeout = kWait;
    }));
    std::string body = "[";
    for (int i = 0; i < 100; ++i) {
        body += (i == 0 ? "" : ",") + (R"({"a":")" + std::string(100, 'x') + "\"}");
    }
    body += "]";
    fs_->stall(true);
    // Each writes until the memory for rows is full and the flush that would empty it hangs.
    std::atomic<int> writing = 8;
    std::vector<std::future<net::ClientResponse>> writers;
    for (int i = 0; i < 8; ++i) {
        writers.push_back(std::async(std::launch::async, [&] {
            net::ClientResponse answer{.status = 200};
            while (answer.status == 200) answer = write(body);
            --writing;
            return answer;
        }));
    }
    int looks = 0;
    while (writing > 0) {
        net::HttpClient impatient({.port = node_->ports().at(0), .io_timeout = kWait / 2});
        const auto health = impatient.get("/health");
        EXPECT_TRUE(health) << "look " << looks << ": " << health.error().describe();
        ++looks;
    }
    EXPECT_GT(looks, 1);
    for (auto& writer : writers) {
        const net::ClientResponse refused = writer.get();
        EXPECT_EQ(refused.status, 429) << refused.body;
        EXPECT_EQ(member(refused, "code"), "memory_exhausted");
    }
    fs_->stall(false);
    // Once the flush goes on, so do writes.
    net::ClientResponse answer;
    for (int attempt = 0; attempt < 10 && answer.status != 200; ++attempt) answer = write(body);
    EXPECT_EQ(answer.status, 200) << answer.body;
}

TEST_F(NodeOnBadDisk, AWriteBesideARemovalWaitsForItAndCreatesTheSourceAnew) {
    ASSERT_NO_FATAL_FAILURE(start("control.db", [](config::ServerConfig& config) {
        config.request_timeout = std::chrono::seconds(30);
    }));
    ASSERT_EQ(write(R"([{"a":1}])").status, 200);
    fs_->stall(true);
    auto removal = std::async(std::launch::async, [&] {
        const auto answer = client().send({.method = net::Method::delete_, .target = "/sources/s"});
        return answer ? answer->status : 0;
    });
    fs_->wait_for_stalled_sync();
    auto written = std::async(std::launch::async, [&] { return write(R"([{"a":2},{"a":3}])"); });
    EXPECT_EQ(client().get("/health")->status, 200);
    EXPECT_EQ(count(), R"({"results":[{"n":1}])") << "until it is removed it is there";
    fs_->stall(false);
    EXPECT_EQ(removal.get(), 200);
    const net::ClientResponse answer = written.get();
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(count(), R"({"results":[{"n":2}])");
}

}  // namespace
}  // namespace insula::server
