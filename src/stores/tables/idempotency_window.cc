#include "stores/tables/idempotency_window.h"

#include <utility>

namespace insula::tables {

void IdempotencyWindow::add(catalog::IdempotencyEntry entry) {
    const WallNanos now = entry.created_at;
    entries_.push_back(std::move(entry));
    const auto added = std::prev(entries_.end());
    const auto earlier = by_key_.find(added->key);
    if (earlier != by_key_.end()) {
        const auto replaced = earlier->second;
        by_key_.erase(earlier);
        entries_.erase(replaced);
    }
    by_key_.emplace(added->key, added);
    prune(now);
}

const catalog::IdempotencyEntry* IdempotencyWindow::find(std::string_view key,
                                                         WallNanos now) const {
    const auto at = by_key_.find(key);
    if (at == by_key_.end() || now - at->second->created_at > catalog::kIdempotencyWindow) {
        return nullptr;
    }
    return &*at->second;
}

void IdempotencyWindow::prune(WallNanos now) {
    while (!entries_.empty() && (entries_.size() > catalog::kIdempotencyKeysMax ||
                                 now - entries_.front().created_at > catalog::kIdempotencyWindow)) {
        by_key_.erase(entries_.front().key);
        entries_.pop_front();
    }
}

}  // namespace insula::tables
