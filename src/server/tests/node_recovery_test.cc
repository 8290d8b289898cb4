// A node that still reads its journal, as clients see it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "platform/fs/tests/held_file_system.h"
#include "platform/fs/tests/temporary_directory.h"
#include "platform/net/http_client.h"
#include "platform/runtime/log.h"
#include "server/node.h"

namespace insula::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{20'000};
// Of a segment of an earlier stream: all are checked first, and measured by the new stream's
// journal.
constexpr int kReplay = 3;
constexpr std::string_view kCount = R"({"aggregations":[{"type":"count","alias":"n"}]})";

// A port that was free a moment ago: one is needed that is known before start() returns.
uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket, plain, size), 0);
    EXPECT_EQ(::getsockname(socket, plain, &size), 0);
    ::close(socket);
    return ntohs(address.sin_port);
}

class NodeRecovery : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(log::set_level("off"));
        const auto node = start(disk_, {});
        ASSERT_TRUE(node) << node.error().describe();
        const auto written =
            client((*node)->ports().at(0)).post("/data/write?source_id=s", R"([{"a":1},{"a":2}])");
        ASSERT_EQ(written->status, 200) << written->body;
        ASSERT_TRUE((*node)->stop());
    }
    void TearDown() override {
        if (held_) held_->let_go();
        if (starting_.valid()) starting_.wait();
        EXPECT_TRUE(log::set_level("info"));
    }

    using Change = std::function<void(config::ServerConfig&)>;
    Result<std::unique_ptr<Node>> start(FileSystem& fs, const Change& change) {
        ASSIGN_OR_RETURN(const auto loaded,
                         config::load({.machine = {.cores = 2, .memory_bytes = 2 * kGiB}}));
        config::ServerConfig config = config::make_server_config(loaded.config);
        config.data_dir = directory_.path() + "/data";
        config.dev = true;
        config.rest_port = config.gateway_port = 0;
        config.journal_segment_bytes = 4 * kMiB;
        config.request_timeout = kPatience;
        if (change) change(config);
        return Node::start(config, fs, clock_, random_);
    }
    // A start that stops before the rows of the first one are read.
    void start_held(const Change& change) {
        held_.emplace(disk_, "/00000000.seg", kReplay);
        port_ = free_port();
        starting_ = std::async(std::launch::async, [this, change] {
            return start(*held_, [&](config::ServerConfig& config) {
                config.rest_port = port_;
                if (change) change(config);
            });
        });
        held_->wait_until_held();
    }
    void expect_ready() {
        held_->let_go();
        auto node = starting_.get();
        ASSERT_TRUE(node) << node.error().describe();
        EXPECT_EQ(client(port_).get("/health")->status, 200);
        EXPECT_TRUE((*node)->stop());
    }
    static net::HttpClient client(uint16_t port) {
        return net::HttpClient({.port = port, .io_timeout = kPatience});
    }
    std::string count() const {
        const auto answer = client(port_).post("/data/aggregate", std::string(kCount));
        return answer ? answer->body.substr(0, answer->body.find(",\"stats\"")) : "";
    }

    TemporaryDirectory directory_;
    OsFileSystem disk_;
    SystemClock clock_;
    SystemRandom random_;
    std::optional<HeldFileSystem> held_;
    uint16_t port_ = 0;
    std::future<Result<std::unique_ptr<Node>>> starting_;
};

TEST_F(NodeRecovery, ARequestOfATenantThatIsStillReadWaitsForIt) {
    ASSERT_NO_FATAL_FAILURE(start_held({}));
    EXPECT_EQ(client(port_).get("/health")->status, 503) << "not all is there";
    const auto details = client(port_).get("/health/details");
    EXPECT_NE(details->body.find(R"("recovering_tenants":1)"), std::string::npos) << details->body;
    auto waiting = std::async(std::launch::async, [&] { return count(); });
    EXPECT_EQ(waiting.wait_for(milliseconds(50)), std::future_status::timeout);
    held_->let_go();
    EXPECT_EQ(waiting.get(), R"({"results":[{"n":2}])");
    expect_ready();
}

TEST_F(NodeRecovery, ARequestThatMayNotWaitSoLongIsToldToComeAgain) {
    ASSERT_NO_FATAL_FAILURE(start_held(
        [](config::ServerConfig& config) { config.request_timeout = milliseconds(100); }));
    for (const std::string target : {"/data/aggregate", "/data/write?source_id=s"}) {
        const auto answer = client(port_).post(target, std::string(kCount));
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(answer->status, 503);
        EXPECT_EQ(answer->header("retry-after"), "1");
        EXPECT_NE(answer->body.find(R"("code":"tenant_recovering")"), std::string::npos)
            << answer->body;
    }
    expect_ready();
}

TEST_F(NodeRecovery, ATenantWithoutRecordsIsServedMeanwhile) {
    ASSERT_NO_FATAL_FAILURE(
        start_held([](config::ServerConfig& config) { config.tenant_slug = "another"; }));
    EXPECT_EQ(client(port_).post("/data/write?source_id=s", R"([{"a":1}])")->status, 200);
    EXPECT_EQ(count(), R"({"results":[{"n":1}])");
    EXPECT_EQ(client(port_).get("/health")->status, 503);
    ASSERT_NO_FATAL_FAILURE(expect_ready());

    const auto node = start(disk_, [&](config::ServerConfig& config) { config.rest_port = port_; });
    ASSERT_TRUE(node) << node.error().describe();
    EXPECT_EQ(count(), R"({"results":[{"n":2}])") << "the first tenant has its rows";
}

TEST_F(NodeRecovery, AStartWhoseReplayFailsEndsWithThatAndKeepsNobodyWaiting) {
    ASSERT_NO_FATAL_FAILURE(start_held({}));
    auto waiting = std::async(std::launch::async, [&] { return count(); });
    held_->let_go(/*failing=*/true);
    const auto node = starting_.get();
    EXPECT_FALSE(node);
    waiting.get();
    held_.reset();
    const auto again = start(disk_, {});
    ASSERT_TRUE(again) << again.error().describe();
    port_ = (*again)->ports().at(0);
    EXPECT_EQ(count(), R"({"results":[{"n":2}])");
}

}  // namespace
}  // namespace insula::server
