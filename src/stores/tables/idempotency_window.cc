#include "stores/tables/idempotency_window.h"

namespace insula::tables {

void IdempotencyWindow::add(catalog::IdempotencyEntry entry) {
    const WallNanos now = entry.created_at;
    order_.emplace_back(entry.key, now);
    std::string key = entry.key;
    entries_.insert_or_assign(std::move(key), std::move(entry));
    prune(now);
}

const catalog::IdempotencyEntry* IdempotencyWindow::find(std::string_view key,
                                                         WallNanos now) const {
    const auto at = entries_.find(std::string(key));
    if (at == entries_.end() || now - at->second.created_at > catalog::kIdempotencyWindow) {
        return nullptr;
    }
    return &at->second;
}

void IdempotencyWindow::prune(WallNanos now) {
    while (!order_.empty() && (order_.size() > catalog::kIdempotencyKeysMax ||
                               now - order_.front().second > catalog::kIdempotencyWindow)) {
        const auto& [key, created_at] = order_.front();
        // A key that was used again meanwhile has a younger entry.
        const auto at = entries_.find(key);
        if (at != entries_.end() && at->second.created_at == created_at) entries_.erase(at);
        order_.pop_front();
    }
}

}  // namespace insula::tables
