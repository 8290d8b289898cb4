#include "fuzz_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace insula::fuzz {

namespace {

std::vector<Target>& registered() {
    static std::vector<Target> all;
    return all;
}

}  // namespace

Registration::Registration(const Target& target) {
    auto& all = registered();
    all.insert(std::ranges::upper_bound(all, target.name, {}, &Target::name), target);
}

std::span<const Target> targets() { return registered(); }

const Target* find_target(std::string_view name) {
    const auto& all = registered();
    const auto at = std::ranges::find(all, name, &Target::name);
    return at == all.end() ? nullptr : &*at;
}

void expectation_failed(const char* file, int line, const char* expression, std::string_view what) {
    fmt::print(stderr, "{}:{}: {} does not hold: {}\n", file, line, expression, what);
    std::abort();
}

}  // namespace insula::fuzz
