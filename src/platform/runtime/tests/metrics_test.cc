#include "platform/runtime/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace insula::metrics {
namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

size_t lines_that_begin(const std::string& text, const std::string& prefix) {
    size_t count = text.starts_with(prefix) ? 1 : 0;
    for (size_t at = text.find("\n" + prefix); at != std::string::npos;
         at = text.find("\n" + prefix, at + 1)) {
        ++count;
    }
    return count;
}

TEST(Metrics, TextFollowsTheExpositionFormat) {
    Registry registry;
    registry.counter("insula_requests_total", "Requests.", {"route", "status"})
        .with({"/a\"b\\c\n", "200"})
        .add(3);
    registry.gauge("insula_open_connections", "Connections.").with({}).set(2.5);
    const std::string text = registry.expose();
    EXPECT_TRUE(has_line(text, "# HELP insula_requests_total Requests.")) << text;
    EXPECT_TRUE(has_line(text, "# TYPE insula_requests_total counter")) << text;
    EXPECT_TRUE(has_line(text, R"(insula_requests_total{route="/a\"b\\c\n",status="200"} 3)"))
        << text;
    EXPECT_TRUE(has_line(text, "# TYPE insula_open_connections gauge")) << text;
    EXPECT_TRUE(has_line(text, "insula_open_connections 2.5")) << text;
}

TEST(Metrics, HistogramBucketsAreCumulativeAndHoldTheirBound) {
    Registry registry;
    constexpr std::array kBounds{0.1, 1.0};
    auto& histogram =
        registry.histogram("insula_wait_seconds", "Waits.", kBounds, {"pool"}).with({"io"});
    for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.observe(value);
    const std::string text = registry.expose();
    EXPECT_TRUE(has_line(text, R"(insula_wait_seconds_bucket{pool="io",le="0.1"} 2)")) << text;
    EXPECT_TRUE(has_line(text, R"(insula_wait_seconds_bucket{pool="io",le="1"} 3)")) << text;
    EXPECT_TRUE(has_line(text, R"(insula_wait_seconds_bucket{pool="io",le="+Inf"} 4)")) << text;
    EXPECT_TRUE(has_line(text, R"(insula_wait_seconds_count{pool="io"} 4)")) << text;
    EXPECT_TRUE(has_line(text, R"(insula_wait_seconds_sum{pool="io"} 7.65)")) << text;
}

TEST(Metrics, ManyThreadsLoseNoCount) {
    Registry registry;
    Counter& counter = registry.counter("insula_events_total", "Events.").with({});
    constexpr std::array kBounds{1.0};
    Histogram& histogram = registry.histogram("insula_event_seconds", "Events.", kBounds).with({});
    constexpr int kThreads = 8;
    constexpr int kEach = 20'000;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kEach; ++i) {
                counter.add();
                histogram.observe(0.5);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(counter.value(), static_cast<uint64_t>(kThreads * kEach));
    EXPECT_EQ(histogram.snapshot().count, static_cast<uint64_t>(kThreads * kEach));
    EXPECT_DOUBLE_EQ(histogram.snapshot().sum, kThreads * kEach * 0.5);
}

TEST(Metrics, SeriesBeyondTheLimitShareOne) {
    Registry registry;
    auto& family = registry.counter("insula_tenant_requests_total", "Requests.", {"tenant"}, 3);
    Counter& kept = family.with({"t0"});
    for (int i = 0; i < 100; ++i) family.with({"t" + std::to_string(i)}).add();
    kept.add();
    const std::string text = registry.expose();
    EXPECT_EQ(lines_that_begin(text, "insula_tenant_requests_total{"), 4u) << text;
    EXPECT_TRUE(has_line(text, R"(insula_tenant_requests_total{tenant="t0"} 2)")) << text;
    EXPECT_TRUE(has_line(text, R"(insula_tenant_requests_total{tenant="overflow"} 97)")) << text;
    EXPECT_TRUE(has_line(text, "insula_metrics_overflows_total 97")) << text;
}

TEST(Metrics, SameValuesGiveTheSameSeriesAndValuesDoNotRunTogether) {
    Registry registry;
    auto& family = registry.counter("insula_pairs_total", "Pairs.", {"a", "b"});
    EXPECT_EQ(&family.with({"x", "yz"}), &family.with({"x", "yz"}));
    EXPECT_NE(&family.with({"x", "yz"}), &family.with({"xy", "z"}));
    EXPECT_EQ(&family, &registry.counter("insula_pairs_total", "Pairs.", {"a", "b"}));
}

TEST(Metrics, CallbackIsReadAtEachScrapeUntilItIsDestroyed) {
    Registry registry;
    int value = 1;
    {
        const Callback callback = registry.callback(Kind::gauge, "insula_queue_tasks", "Waiting.",
                                                    [&] { return static_cast<double>(value); });
        EXPECT_TRUE(has_line(registry.expose(), "insula_queue_tasks 1"));
        value = 2;
        EXPECT_TRUE(has_line(registry.expose(), "insula_queue_tasks 2"));
    }
    EXPECT_EQ(registry.expose().find("insula_queue_tasks"), std::string::npos);
    // The name is free again.
    const Callback again =
        registry.callback(Kind::counter, "insula_queue_tasks_total", "Done.", {"pool"},
                          [] { return std::vector<Registry::Sample>{{{"io"}, 5}, {{"work"}, 6}}; });
    EXPECT_TRUE(has_line(registry.expose(), R"(insula_queue_tasks_total{pool="work"} 6)"));
}

TEST(Metrics, ProcessMetricsHavePlausibleValues) {
    Registry registry;
    const auto callbacks = register_process_metrics(registry);
    const std::string text = registry.expose();
    const auto value = [&](const std::string& name) {
        const size_t at = text.find("\n" + name + " ");
        return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
    };
    EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
    EXPECT_GE(value("process_open_fds"), 3);
    EXPECT_GT(value("process_max_fds"), 3);
    EXPECT_GT(value("process_cpu_seconds_total"), 0);
    EXPECT_GT(value("process_start_time_seconds"), 1.7e9);
    EXPECT_GE(value("insula_process_threads"), 1);
}

TEST(MetricsDeathTest, WrongNamesAbort) {
    Registry registry;
    EXPECT_DEATH(registry.counter("insula_requests", "No suffix."), "end in _total");
    EXPECT_DEATH(registry.gauge("requests_open", "No prefix."), "begins with insula_");
    EXPECT_DEATH(registry.gauge("insula_x", "Reserved.", {"le"}), "reserved");
    auto& family = registry.counter("insula_x_total", "X.", {"a"});
    EXPECT_DEATH(family.with({"1", "2"}), "one value for each label");
}

}  // namespace
}  // namespace insula::metrics
