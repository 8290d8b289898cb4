#include "stores/tables/tests/documents.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <unordered_map>

namespace insula::tables::durability {

using json::JsonValue;

namespace {

class Draws {
  public:
    explicit Draws(uint64_t seed) : state_(seed) {}
    // splitmix64, https://prng.di.unimi.it/splitmix64.c
    uint64_t next() {
        state_ += 0x9e3779b97f4a7c15u;
        uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
        return mixed ^ (mixed >> 31);
    }
    uint64_t below(uint64_t bound) { return next() % bound; }

  private:
    uint64_t state_;
};

JsonValue number(Draws& draws, uint64_t one_in_fraction) {
    const auto value = static_cast<int64_t>(draws.below(1000)) - 500;
    if (draws.below(one_in_fraction) != 0) return JsonValue(value);
    return JsonValue(static_cast<double>(value) + 0.25);
}

std::string text(Draws& draws) {
    std::string text = fmt::format("t{}", draws.next());
    while (draws.below(3) == 0) text += fmt::format(" {:x}", draws.next());
    return text.substr(0, 2 + draws.below(text.size()));
}

}  // namespace

JsonValue document(uint64_t id, uint64_t life) {
    Draws draws(id * 1'000'003 + life);
    JsonValue::Object members;
    members.push_back({"id", JsonValue(static_cast<int64_t>(id))});
    members.push_back({"life", JsonValue(static_cast<int64_t>(life))});
    members.push_back({"v", number(draws, 12)});
    if (draws.below(2) == 0) members.push_back({"w", number(draws, 40)});
    // Beyond 2^53: its column can never become float64.
    if (draws.below(24) == 0) members.push_back({"big", JsonValue(int64_t{9'007'199'254'740'993})});
    if (draws.below(6) == 0) members.push_back({"big", number(draws, 3)});
    members.push_back({"s", JsonValue(text(draws))});
    if (draws.below(3) != 0) {
        JsonValue::Object nested{{"a", number(draws, 20)}};
        if (draws.below(2) == 0) nested.push_back({"b", JsonValue(text(draws))});
        members.push_back({"n", JsonValue(std::move(nested))});
    }
    if (draws.below(4) == 0) {
        members.push_back({"k", draws.below(3) == 0 ? JsonValue(text(draws)) : number(draws, 5)});
    }
    if (draws.below(3) == 0) {
        members.push_back({fmt::format("c{}", draws.below(8)), JsonValue(text(draws))});
    }
    if (draws.below(8) == 0) members.push_back({"z", JsonValue()});
    if (draws.below(8) == 0) members.push_back({"yes", JsonValue(draws.below(2) == 0)});
    if (draws.below(10) == 0) {
        JsonValue::Array items{number(draws, 4), JsonValue(text(draws))};
        members.push_back({"list", JsonValue(std::move(items))});
    }
    // Both draws of "big" may have hit: keys are unique.
    for (size_t i = 1; i < members.size(); ++i) {
        if (members[i].name == members[i - 1].name)
            members.erase(members.begin() + static_cast<ptrdiff_t>(i));
    }
    return JsonValue(std::move(members));
}

const Leaves& expected_leaves(uint64_t id, uint64_t life) {
    static std::unordered_map<uint64_t, Leaves> known;
    constexpr size_t kKnownMax = 100'000;
    if (known.size() > kKnownMax) known.clear();
    const auto [at, added] = known.try_emplace(id << 16 | life);
    if (added) add_leaves(document(id, life), "", at->second);
    return at->second;
}

std::string canonical_number(int64_t value) { return std::to_string(value); }

std::string canonical_number(double value) {
    constexpr double kAllIntegersBelow = 0x1p53;
    if (std::trunc(value) == value && std::abs(value) <= kAllIntegersBelow) {
        return canonical_number(static_cast<int64_t>(value));
    }
    return fmt::format("{}", value);
}

void add_leaves(const JsonValue& value, const std::string& path, Leaves& leaves) {
    switch (value.kind()) {
        case JsonValue::Kind::object: {
            if (value.object().empty()) leaves[path] = "{}";
            for (const json::JsonMember& member : value.object()) {
                add_leaves(member.value, path.empty() ? member.name : path + "." + member.name,
                           leaves);
            }
            return;
        }
        case JsonValue::Kind::int64:
            leaves[path] = canonical_number(value.int64());
            return;
        case JsonValue::Kind::float64:
            leaves[path] = canonical_number(value.float64());
            return;
        default:
            leaves[path] = value.text();
    }
}

std::optional<uint64_t> number_of(const Leaves& leaves, const std::string& name) {
    const auto at = leaves.find(name);
    if (at == leaves.end()) return std::nullopt;
    uint64_t value = 0;
    const std::string& digits = at->second;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::string text_of(const Leaves& leaves) {
    std::string text;
    for (const auto& [path, value] : leaves) {
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", path, value);
    }
    return text;
}

}  // namespace insula::tables::durability
