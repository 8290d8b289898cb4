#include "platform/runtime/log_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <thread>
#include <vector>

namespace insula::log {
namespace {

std::string report(uint64_t count) { return "dropped " + std::to_string(count) + "\n"; }

TEST(LogQueue, WithoutItsThreadEachLineIsWrittenAtOnce) {
    std::string written;
    LineQueue queue(100, [&](std::string_view lines) { written += lines; }, report);
    queue.push("a\n");
    EXPECT_EQ(written, "a\n");
    queue.push_through("b\n");
    EXPECT_EQ(written, "a\nb\n");
}

TEST(LogQueue, StopWritesWhatIsQueued) {
    std::string written;
    LineQueue queue(1000, [&](std::string_view lines) { written += lines; }, report);
    queue.start();
    for (int i = 0; i < 100; ++i) queue.push("x\n");
    queue.stop();
    EXPECT_EQ(written.size(), 200u);
    EXPECT_EQ(queue.dropped(), 0u);
}

TEST(LogQueue, LineThatMustNotBeLostFollowsThoseBefore) {
    std::string written;
    LineQueue queue(1000, [&](std::string_view lines) { written += lines; }, report);
    queue.start();
    queue.push("first\n");
    queue.push_through("second\n");
    EXPECT_EQ(written, "first\nsecond\n");
}

TEST(LogQueue, StalledDestinationDropsAndCountsInsteadOfWaiting) {
    std::latch stalled(1);
    std::latch release(1);
    std::string written;
    bool first = true;
    LineQueue queue(
        10,
        [&](std::string_view lines) {
            if (first) {
                first = false;
                stalled.count_down();
                release.wait();
            }
            written += lines;
        },
        report);
    queue.start();
    queue.push("a\n");
    stalled.wait();  // the thread now waits inside the destination
    for (int i = 0; i < 8; ++i) queue.push("b\n");
    EXPECT_EQ(queue.dropped(), 3u);
    // A line that must not be lost waits for the destination, whatever the limit.
    std::thread error([&] { queue.push_through("error\n"); });
    release.count_down();
    error.join();
    queue.stop();
    EXPECT_TRUE(written.starts_with("a\nb\nb\nb\nb\nb\n")) << written;
    EXPECT_NE(written.find("error\n"), std::string::npos) << written;
    EXPECT_NE(written.find("dropped 3\n"), std::string::npos) << written;
}

TEST(LogQueue, LinesOfManyThreadsStayWholeAndAreAllThere) {
    constexpr int kThreads = 4;
    constexpr int kLines = 5000;
    std::string written;
    LineQueue queue(8 << 20, [&](std::string_view lines) { written += lines; }, report);
    queue.start();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const std::string line(static_cast<size_t>(10 + t), static_cast<char>('a' + t));
            for (int i = 0; i < kLines; ++i) {
                i % 100 == 0 ? queue.push_through(line + "\n") : queue.push(line + "\n");
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    queue.stop();
    size_t lines = 0;
    for (size_t at = 0; at < written.size(); ++lines) {
        const size_t end = written.find('\n', at);
        ASSERT_NE(end, std::string::npos);
        const std::string_view line = std::string_view(written).substr(at, end - at);
        ASSERT_EQ(line, std::string(10 + static_cast<size_t>(line[0] - 'a'), line[0]));
        at = end + 1;
    }
    EXPECT_EQ(lines, static_cast<size_t>(kThreads * kLines));
}

TEST(LogQueue, NewDestinationGetsOnlyWhatComesLater) {
    std::string before;
    std::string after;
    LineQueue queue(1000, [&](std::string_view lines) { before += lines; }, report);
    queue.start();
    queue.push("a\n");
    queue.set_destination([&](std::string_view lines) { after += lines; });
    queue.push("b\n");
    queue.stop();
    EXPECT_EQ(before, "a\n");
    EXPECT_EQ(after, "b\n");
}

}  // namespace
}  // namespace insula::log
