// Clock, Random, Deadline, CancelToken, ThreadPool and Machine.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <latch>
#include <set>

#include "base/units.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/deadline.h"
#include "platform/runtime/machine.h"
#include "platform/runtime/random.h"
#include "platform/runtime/thread_pool.h"

namespace insula {
namespace {

using namespace std::chrono_literals;

TEST(Clock, ManualClockMovesOnlyWhenTold) {
    ManualClock clock(1000);
    const SteadyTime before = clock.steady_now();
    EXPECT_EQ(clock.wall_now(), 1000);
    clock.advance(5us);
    EXPECT_EQ(clock.wall_now(), 6000);
    EXPECT_EQ(clock.steady_now() - before, 5us);
}

TEST(Clock, SystemClockShowsThisCenturyAndItsSteadyTimeNeverGoesBack) {
    SystemClock clock;
    EXPECT_GT(clock.wall_now(), 1'600'000'000'000'000'000);
    SteadyTime last = clock.steady_now();
    for (int i = 0; i < 1000; ++i) {
        const SteadyTime now = clock.steady_now();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(Random, SeedRepeatsTheRun) {
    SeededRandom first(42);
    SeededRandom second(42);
    SeededRandom other(43);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const uint64_t value = first.next();
        ASSERT_EQ(value, second.next());
        differs = differs || value != other.next();
    }
    EXPECT_TRUE(differs);
}

TEST(Random, BelowIsUniformAndStaysBelow) {
    SeededRandom random(7);
    constexpr uint64_t kBound = 6;
    constexpr int kDraws = 60'000;
    std::array<int, kBound> counts{};
    for (int i = 0; i < kDraws; ++i) {
        const uint64_t value = random.below(kBound);
        ASSERT_LT(value, kBound);
        ++counts[value];
    }
    for (const int count : counts) EXPECT_NEAR(count, kDraws / 6.0, 5 * std::sqrt(kDraws / 6.0));
    // Three quarters of the range: without rejection its low half would come five times in eight.
    constexpr uint64_t kWide = uint64_t{3} << 62;
    int low = 0;
    for (int i = 0; i < 10'000; ++i) low += random.below(kWide) < kWide / 2 ? 1 : 0;
    EXPECT_NEAR(low, 5000, 300);
}

TEST(Random, UuidIsVersionFourAndUnique) {
    SystemRandom random;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string text = random.uuid().to_string();
        ASSERT_EQ(text[14], '4') << text;
        ASSERT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
        ASSERT_TRUE(seen.insert(text).second);
    }
}

TEST(Random, SystemRandomFillsEveryByte) {
    SystemRandom random;
    std::array<uint8_t, 300> buffer{};
    std::array<bool, 300> touched{};
    for (int i = 0; i < 20; ++i) {
        random.fill(buffer);
        for (size_t at = 0; at < buffer.size(); ++at) touched[at] = touched[at] || buffer[at] != 0;
    }
    for (size_t at = 0; at < touched.size(); ++at) EXPECT_TRUE(touched[at]) << at;
}

TEST(Deadline, PassesAndCountsDown) {
    EXPECT_TRUE(Deadline::after(0ns).passed());
    EXPECT_TRUE(Deadline::after(-1s).passed());
    const Deadline later = Deadline::after(1h);
    EXPECT_FALSE(later.passed());
    EXPECT_GT(later.left(), 59min);
    EXPECT_LE(later.left(), 1h);
    EXPECT_FALSE(Deadline::never().passed());
    EXPECT_EQ(Deadline::never().left(), std::chrono::nanoseconds::max());
}

TEST(CancelToken, CopiesShareOneState) {
    const CancelToken asked;
    CancelToken done = asked;
    EXPECT_FALSE(asked.cancelled());
    done.cancel();
    EXPECT_TRUE(asked.cancelled());
    EXPECT_FALSE(CancelToken().cancelled());
}

TEST(ThreadPool, RunsEveryTaskOnNamedThreads) {
    ThreadPool pool({.name = "work", .threads = 3, .queue_max = 1000});
    EXPECT_EQ(pool.threads(), 3u);
    std::atomic<int> ran{0};
    std::atomic<int> misnamed{0};
    for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(pool.submit([&] {
            std::array<char, 16> name{};
            pthread_getname_np(pthread_self(), name.data(), name.size());
            if (!std::string_view(name.data()).starts_with("work-")) ++misnamed;
            ++ran;
        }));
    }
    pool.stop();
    EXPECT_EQ(ran, 500);
    EXPECT_EQ(misnamed, 0);
}

TEST(ThreadPool, FullQueueRefusesAndSaysThatARetryHelps) {
    ThreadPool pool({.name = "work", .threads = 1, .queue_max = 2});
    std::latch running(1);
    std::latch release(1);
    ASSERT_TRUE(pool.submit([&] {
        running.count_down();
        release.wait();
    }));
    running.wait();
    std::atomic<int> ran{0};
    ASSERT_TRUE(pool.submit([&] { ++ran; }));
    ASSERT_TRUE(pool.submit([&] { ++ran; }));
    EXPECT_EQ(pool.queued(), 2u);
    const Status refused = pool.submit([&] { ++ran; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
    EXPECT_NE(refused.error().hint().find("Retry"), std::string_view::npos);
    release.count_down();
    pool.stop();
    EXPECT_EQ(ran, 2);
}

TEST(ThreadPool, StopFinishesWhatIsQueuedAndRefusesMore) {
    ThreadPool pool({.name = "work", .threads = 1});
    std::latch running(1);
    std::latch release(1);
    std::atomic<bool> last{false};
    ASSERT_TRUE(pool.submit([&] {
        running.count_down();
        release.wait();
    }));
    ASSERT_TRUE(pool.submit([&] { last = true; }));
    running.wait();
    release.count_down();
    pool.stop();
    EXPECT_TRUE(last);
    const Status refused = pool.submit([] {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unavailable);
    pool.stop();  // twice is fine
}

class MachineTest : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = std::filesystem::temp_directory_path() /
                     ("insula-machine-" + std::to_string(::getpid()));
        std::filesystem::create_directories(directory_);
        write("meminfo", "MemTotal:        8000000 kB\nMemFree:         1000 kB\n");
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    void write(const char* name, const char* text) { std::ofstream(directory_ / name) << text; }
    Machine detect() { return detect_machine(directory_, directory_, 8); }

  private:
    std::filesystem::path directory_;
};

TEST_F(MachineTest, WithoutLimitsItIsTheWholeMachine) {
    EXPECT_EQ(detect(), (Machine{.cores = 8, .memory_bytes = 8000000 * kKiB}));
    write("cpu.max", "max 100000\n");
    write("memory.max", "max\n");
    EXPECT_EQ(detect(), (Machine{.cores = 8, .memory_bytes = 8000000 * kKiB}));
}

TEST_F(MachineTest, ContainerLimitsCount) {
    write("cpu.max", "150000 100000\n");
    write("memory.max", "1073741824\n");
    EXPECT_EQ(detect(), (Machine{.cores = 2, .memory_bytes = kGiB}));
    write("cpu.max", "10000 100000\n");
    EXPECT_EQ(detect().cores, 1u);
}

TEST(Machine, ThisOneHasACoreAndMemory) {
    const Machine machine = detect_machine();
    EXPECT_GE(machine.cores, 1u);
    EXPECT_GT(machine.memory_bytes, 64 * kMiB);
}

}  // namespace
}  // namespace insula
