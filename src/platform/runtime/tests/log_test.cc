#include "platform/runtime/log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace insula::log {
namespace {

// Sends the log to a file of the test's own, and gives levels and destination back at its end.
class LogTest : public testing::Test {
  protected:
    void SetUp() override {
        directory_ =
            std::filesystem::temp_directory_path() / ("insula-log-" + std::to_string(::getpid()));
        std::filesystem::create_directories(directory_);
        ASSERT_TRUE(set_level("info"));
    }
    void TearDown() override {
        ASSERT_TRUE(set_level("info"));
        std::filesystem::remove_all(directory_);
    }
    std::string path() const { return directory_ / "insula.log"; }
    std::string written(const std::string& file) const {
        std::ifstream stream(file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    size_t lines_with(std::string_view word) const {
        const std::string text = written(path());
        size_t count = 0;
        for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
            ++count;
        }
        return count;
    }

  private:
    std::filesystem::path directory_;
};

static_assert(module_of("/x/src/stores/tables/ingest/a.cc") == "tables");
static_assert(module_of("/src/x/src/platform/net/a.h") == "net");
static_assert(module_of("src/server/config/a.cc") == "server");
static_assert(module_of("/x/src/base/a.cc") == "base");

TEST_F(LogTest, LineNamesModuleMessageAndFields) {
    auto output = Output::open({.file = path()});
    ASSERT_TRUE(output);
    const std::string name = "orders";
    info("source added", {{"source", name}, {"columns", 7}, {"declared", true}});
    flush();
    const std::string text = written(path());
    EXPECT_NE(text.find(R"("level":"info","module":"runtime","message":"source added",)"
                        R"("source":"orders","columns":7,"declared":true})"),
              std::string::npos)
        << text;
}

TEST_F(LogTest, LevelsChangeAtRunTimeForAllAndForOneModule) {
    auto output = Output::open({.file = path()});
    ASSERT_TRUE(output);
    debug("first");
    ASSERT_TRUE(set_level("runtime=debug,net=off"));
    debug("second");
    EXPECT_FALSE(enabled(Level::error, "net"));
    EXPECT_FALSE(enabled(Level::debug, "tables"));
    EXPECT_EQ(level(), "info,net=off,runtime=debug");
    ASSERT_TRUE(set_level("warn"));  // of all modules
    info("third");
    EXPECT_TRUE(enabled(Level::warn, "net"));
    EXPECT_EQ(level(), "warn");
    ASSERT_TRUE(set_level("runtime=trace, error"));
    trace("fourth");
    EXPECT_EQ(level(), "error,runtime=trace");
    flush();
    EXPECT_EQ(lines_with("first") + lines_with("third"), 0u);
    EXPECT_EQ(lines_with("second"), 1u);
    EXPECT_EQ(lines_with("fourth"), 1u);
}

TEST_F(LogTest, WrongLevelsAreRefusedAndChangeNothing) {
    for (const char* wrong : {"", "loud", "tables=", "=info", "info,debug", "info,,",
                              "tables=debug,net=loud", "tables=info=warn"}) {
        const Status status = set_level(wrong);
        ASSERT_FALSE(status) << wrong;
        EXPECT_EQ(status.error().reason(), "invalid_log_level");
        EXPECT_NE(status.error().hint().find("trace, debug, info"), std::string_view::npos);
        EXPECT_FALSE(check_level(wrong)) << wrong;
    }
    EXPECT_TRUE(check_level("debug"));
    EXPECT_EQ(level(), "info");
}

TEST_F(LogTest, AModuleThatDoesNotExistIsRefusedWithThoseThatDo) {
    for (const char* wrong : {"table=debug", "info,Tables=info", "tables=debug,everything=off"}) {
        const Status status = set_level(wrong);
        ASSERT_FALSE(status) << wrong;
        EXPECT_EQ(status.error().reason(), "invalid_log_level");
        EXPECT_NE(status.error().hint().find("access, audit, base, blob"), std::string_view::npos);
        EXPECT_NE(status.error().hint().find("tables"), std::string_view::npos);
    }
    EXPECT_EQ(level(), "info");
}

TEST_F(LogTest, AccessLinesAreOneModuleAndFailuresAreWarnings) {
    auto output = Output::open({.file = path()});
    ASSERT_TRUE(output);
    access({.request_id = "kept-1", .status = 200});
    ASSERT_TRUE(set_level("access=warn"));
    access({.request_id = "left-out", .status = 404});
    access({.request_id = "kept-2", .status = 503});
    flush();
    EXPECT_EQ(lines_with("kept-"), 2u);
    EXPECT_EQ(lines_with("left-out"), 0u);
}

TEST_F(LogTest, ErrorLineIsWrittenWhenTheCallReturns) {
    auto output = Output::open({.file = path()});
    ASSERT_TRUE(output);
    info("before");
    error("failed");
    EXPECT_EQ(lines_with("\"message\":\"before\""), 1u);
    EXPECT_EQ(lines_with("\"message\":\"failed\""), 1u);
}

TEST_F(LogTest, FileIsRenamedWhenItIsFullAndOldOnesAreRemoved) {
    {
        auto output = Output::open({.file = path(), .file_bytes = 2000, .files_max = 1});
        ASSERT_TRUE(output);
        for (int i = 0; i < 100; ++i) error("a line of a hundred bytes or so", {{"number", i}});
    }
    EXPECT_EQ(losses().failed_writes, 0u);
    EXPECT_LE(std::filesystem::file_size(path()), 2000u);
    const std::string rotated = path().substr(0, path().size() - 4) + ".1.log";
    EXPECT_TRUE(std::filesystem::exists(rotated));
    EXPECT_NE(written(path()).find("\"number\":99"), std::string::npos);
    size_t files = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(path()).parent_path())) {
        ++files;
    }
    EXPECT_EQ(files, 2u);
}

TEST_F(LogTest, FileThatCannotBeOpenedIsAnError) {
    const auto output = Output::open({.file = "/proc/no-such-folder/insula.log"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason(), "log_file");
    EXPECT_TRUE(Output::open({.file = path()}));  // the failed one left nothing behind
}

TEST_F(LogTest, OnlyOneOutputAtATime) {
    const auto first = Output::open({.file = path()});
    ASSERT_TRUE(first);
    EXPECT_FALSE(Output::open({.file = path()}));
}

}  // namespace
}  // namespace insula::log
