#include "base/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace insula {

namespace {

constexpr size_t kCompared = 64;
// Comparing more would take longer than the answer is worth.
constexpr size_t kCandidatesMax = 5000;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Levenshtein's distance, doubled, with a case change at half the price of another letter.
size_t distance(std::string_view a, std::string_view b) {
    std::array<size_t, kCompared + 1> row;
    for (size_t j = 0; j <= b.size(); ++j) row[j] = 2 * j;
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = 2 * (i + 1);
        for (size_t j = 0; j < b.size(); ++j) {
            const size_t change = a[i] == b[j] ? 0 : lower(a[i]) == lower(b[j]) ? 1 : 2;
            const size_t best = std::min({diagonal + change, row[j] + 2, row[j + 1] + 2});
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates) {
    std::string_view nearest;
    // A third of the name may be wrong, and one letter of a short one.
    size_t allowed = std::max<size_t>(2, 2 * std::min(name.size(), kCompared) / 3) + 1;
    if (candidates.size() > kCandidatesMax) return nearest;
    for (const std::string_view candidate : candidates) {
        const size_t length = std::min(candidate.size(), kCompared);
        const size_t own = std::min(name.size(), kCompared);
        // Each letter more or less is an edit.
        if (2 * (std::max(length, own) - std::min(length, own)) >= allowed) continue;
        const size_t edits = distance(name.substr(0, kCompared), candidate.substr(0, kCompared));
        if (edits < allowed) {
            allowed = edits;
            nearest = candidate;
        }
    }
    return nearest;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
    const std::string_view nearest = nearest_name(name, candidates);
    return nearest.empty() ? std::string() : fmt::format("Did you mean \"{}\"?", nearest);
}

std::string joined(std::span<const std::string_view> names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace insula
