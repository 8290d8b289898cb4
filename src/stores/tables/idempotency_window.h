// IdempotencyWindow: the keys of a source's recent writes, so that a retry is applied once. Bounded
// in age and number (catalog::kIdempotencyWindow, kIdempotencyKeysMax). Not thread-safe: its source
// guards it.
#pragma once

#include <list>
#include <string_view>
#include <unordered_map>

#include "core/catalog/catalog.h"

namespace insula::tables {

inline constexpr size_t kIdempotencyKeyBytesMax = 255;

class IdempotencyWindow {
  public:
    // Entries come in the order of their time, but for those loaded at first use, which may come
    // late.
    void add(catalog::IdempotencyEntry entry);
    // nullptr if the key was not used within the window.
    const catalog::IdempotencyEntry* find(std::string_view key, WallNanos now) const;
    size_t size() const { return entries_.size(); }

  private:
    void prune(WallNanos now);

    using Entries = std::list<catalog::IdempotencyEntry>;

    Entries entries_;  // oldest first
    std::unordered_map<std::string_view, Entries::iterator> by_key_;
};

}  // namespace insula::tables
