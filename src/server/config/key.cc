#include "server/config/key.h"

#include <algorithm>
#include <unordered_map>

namespace insula::config {
namespace {

struct Index {
    std::vector<Key> all;
    std::unordered_map<std::string_view, const Key*> by_name;
    std::unordered_map<std::string_view, const Key*> by_yaml_alias;
    std::unordered_map<std::string, EnvironmentName> by_environment;
};

Index make_index() {
    Index index;
    for (const auto part : {server_keys(), table_keys(), operation_keys(), object_keys()}) {
        index.all.insert(index.all.end(), part.begin(), part.end());
    }
    for (const Key& key : index.all) {
        index.by_name.emplace(key.name, &key);
        for (const std::string_view alias : words(key.yaml_aliases)) {
            index.by_yaml_alias.emplace(alias, &key);
        }
        index.by_environment.emplace(environment_name(key), EnvironmentName{&key, {}});
        for (const std::string_view alias : words(key.aliases)) {
            const size_t colon = alias.find(':');
            const std::string_view unit =
                colon == std::string_view::npos ? std::string_view{} : alias.substr(colon + 1);
            index.by_environment.emplace(std::string(alias.substr(0, colon)),
                                         EnvironmentName{&key, unit});
        }
    }
    return index;
}

const Index& index() {
    static const Index index = make_index();
    return index;
}

// Edits (insert, delete, replace, swap neighbours) that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
    for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a.size()][b.size()];
}

std::string_view last_part(std::string_view name) {
    return name.substr(name.find_last_of('.') + 1);
}

class Nearest {
  public:
    explicit Nearest(std::string_view name) : name_(name.substr(0, kNameMax)) {}
    // Ties go to the alphabet, so that the answer does not depend on the order of a hash table.
    void offer(std::string_view candidate, size_t bonus = 0) {
        const size_t distance = edit_distance(name_, candidate);
        const size_t rank = distance > bonus ? distance - bonus : 0;
        const size_t limit = std::max<size_t>(2, std::max(name_.size(), candidate.size()) / 3);
        if (rank > limit) return;
        if (best_.empty() || rank < rank_ || (rank == rank_ && candidate < best_)) {
            best_ = candidate;
            rank_ = rank;
        }
    }
    std::string result() const { return best_; }

  private:
    static constexpr size_t kNameMax = 128;
    std::string_view name_;
    std::string best_;
    size_t rank_ = 0;
};

}  // namespace

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> result;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        if (end > 0) result.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

std::span<const Key> keys() { return index().all; }

const Key* find_key(std::string_view name) {
    const auto found = index().by_name.find(name);
    return found == index().by_name.end() ? nullptr : found->second;
}

const Key* find_yaml_key(std::string_view path) {
    if (const Key* key = find_key(path)) return key;
    const auto found = index().by_yaml_alias.find(path);
    return found == index().by_yaml_alias.end() ? nullptr : found->second;
}

bool is_section(std::string_view path) {
    const std::string prefix = std::string(path) + ".";
    return std::any_of(keys().begin(), keys().end(),
                       [&](const Key& key) { return key.name.starts_with(prefix); });
}

std::string environment_name(const Key& key) {
    std::string name = "INSULA_";
    for (const char c : key.name) {
        const bool letter = c >= 'a' && c <= 'z';
        name.push_back(letter ? static_cast<char>(c - 'a' + 'A') : c == '.' ? '_' : c);
    }
    return name;
}

std::optional<EnvironmentName> find_environment_name(std::string_view name) {
    const auto found = index().by_environment.find(std::string(name));
    if (found == index().by_environment.end()) return std::nullopt;
    return found->second;
}

std::string nearest_yaml_name(std::string_view name) {
    Nearest nearest(name);
    for (const Key& key : keys()) {
        // A key in the wrong section is the commonest mistake: the same last part counts as
        // likeness.
        const bool same_last = last_part(key.name) == last_part(name);
        nearest.offer(key.name, same_last ? last_part(name).size() : 0);
        for (size_t dot = key.name.find('.'); dot != std::string_view::npos;
             dot = key.name.find('.', dot + 1)) {
            nearest.offer(key.name.substr(0, dot));
        }
    }
    return nearest.result();
}

std::string nearest_environment_name(std::string_view name) {
    Nearest nearest(name);
    for (const auto& [known, entry] : index().by_environment) nearest.offer(known);
    return nearest.result();
}

}  // namespace insula::config
