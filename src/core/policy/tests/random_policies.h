// Random policies and requests that are about the same few things, so that statements apply often,
// and near misses are as frequent as hits. Everything comes from the seed.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/tests/reference_evaluator.h"

namespace insula::policy {

class RandomPolicies {
  public:
    explicit RandomPolicies(uint64_t seed) : random_(seed) {}

    struct Document {
        std::string text;
        bool of_resource = false;
    };
    // A policy that the parser accepts.
    Document policy();
    reference::Request request();

  private:
    using Words = std::vector<std::string>;

    size_t below(size_t bound) { return random_() % bound; }
    bool percent(size_t chance) { return below(100) < chance; }
    const std::string& one_of(const Words& words) { return words[below(words.size())]; }
    std::string any_case(std::string text);
    // A JSON list of one to three of them, or one without a list.
    std::string list(const Words& words);
    std::string statement(bool of_resource);
    std::string resources(const Words& actions);
    std::string principal(bool deny);
    std::string condition();

    std::mt19937_64 random_;
};

}  // namespace insula::policy
