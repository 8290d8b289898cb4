// Replays tests/fuzz/corpus/<target>/ on every build. An input that once broke something stays
// there.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz_target.h"

namespace insula::fuzz {
namespace {

namespace files = std::filesystem;

// Random bytes and random damage to the corpus, a little of what libFuzzer does at length.
constexpr int kVariationsOfAnInput = 40;

files::path corpus_of(std::string_view target) {
    files::path at = files::canonical("/proc/self/exe");
    while (at.has_relative_path() && !files::exists(at / "src/LAYERS")) at = at.parent_path();
    return at / "tests/fuzz/corpus" / target;
}

std::vector<std::string> inputs_of(std::string_view target) {
    std::vector<files::path> paths;
    const files::path corpus = corpus_of(target);
    if (files::exists(corpus)) {
        for (const auto& entry : files::directory_iterator(corpus)) paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    std::vector<std::string> inputs;
    for (const files::path& path : paths) {
        std::ifstream file(path, std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return inputs;
}

std::string vary(std::string input, std::mt19937_64& random) {
    const auto below = [&](size_t bound) { return bound == 0 ? 0 : random() % bound; };
    for (uint64_t step = 1 + below(4); step > 0; --step) {
        const size_t at = below(input.size() + 1);
        switch (below(4)) {
            case 0:
                input.insert(at, 1, static_cast<char>(random()));
                break;
            case 1:
                if (at < input.size()) input[at] = static_cast<char>(random());
                break;
            case 2:
                input.erase(at, below(8));
                break;
            default:
                input.insert(at, input.substr(below(input.size() + 1), below(16)));
                break;
        }
    }
    return input;
}

// The input that runs; shown if it ends the program, to be kept as a file of the corpus.
std::string_view running;

void show_running(int signal_number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "the input, in hexadecimal: ";
    for (const char c : running) {
        text.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
        text.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
    }
    text.push_back('\n');
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
}

class FuzzReplay : public testing::TestWithParam<Target> {
  protected:
    static void SetUpTestSuite() {
        for (const int number : {SIGABRT, SIGSEGV, SIGALRM}) std::signal(number, show_running);
    }
    static void run(const std::string& input) {
        constexpr unsigned kSecondsMax = 20;
        running = input;
        alarm(kSecondsMax);
        GetParam().run(as_bytes(input));
        alarm(0);
    }
};

TEST_P(FuzzReplay, EveryInputKeepsThePromises) {
    const auto inputs = inputs_of(GetParam().name);
    ASSERT_FALSE(inputs.empty()) << corpus_of(GetParam().name) << " holds no input";
    run({});
    for (const std::string& input : inputs) run(input);
}

TEST_P(FuzzReplay, SoDoVariationsOfThem) {
    const char* given = std::getenv("INSULA_TEST_SEED");
    const uint64_t seed = given == nullptr ? 20'260'101 : std::strtoull(given, nullptr, 10);
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const std::string& input : inputs_of(GetParam().name)) {
        for (int i = 0; i < kVariationsOfAnInput; ++i) {
            run(vary(input, random));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzReplay, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace insula::fuzz
