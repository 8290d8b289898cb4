#include "core/policy/context_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/policy/shown_text.h"

namespace insula::policy {

Status ContextTable::add(std::string_view key, std::string value) {
    auto name = find_key(key);
    if (!name) {
        return fail(invalid_argument("invalid_context",
                                     fmt::format("\"{}\" is no key of a condition.", shown(key)))
                        .with_hint(key_hint(key)));
    }
    auto at = std::ranges::find(entries_, *name, &Entry::key);
    if (at == entries_.end()) {
        at = entries_.insert(at, Entry{.key = *std::move(name), .texts = {}, .values = {}});
    } else if (!key_info(at->key.key).multivalued) {
        return fail(invalid_argument(
            "invalid_context", fmt::format("The key \"{}\" has one value only.", shown(key))));
    }
    at->texts.push_back(std::move(value));
    at->values.emplace_back(at->texts.back());
    return {};
}

std::span<const std::string_view> ContextTable::values(const KeyName& key) const {
    const auto at = std::ranges::find(entries_, key, &Entry::key);
    return at == entries_.end() ? std::span<const std::string_view>() : at->values;
}

}  // namespace insula::policy
