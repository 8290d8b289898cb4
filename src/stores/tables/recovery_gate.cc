#include "stores/tables/recovery_gate.h"

#include <utility>

namespace insula::tables {

Error tenant_recovering() {
    return unavailable(
               "tenant_recovering",
               "The server has started, and still reads this tenant's rows from its journal.")
        .with_hint("Nothing was done. Send the request again in a moment.");
}

void RecoveryGate::open(const TenantId& tenant) {
    std::vector<Done> waiting;
    {
        const std::lock_guard lock(mutex_);
        const auto found = waiting_.find(tenant);
        if (found == waiting_.end()) return;
        waiting = std::move(found->second);
        waiting_.erase(found);
        closed_.store(waiting_.size(), std::memory_order_release);
    }
    for (Done& done : waiting) done({});
}

void RecoveryGate::fail_all() {
    std::vector<Done> waiting;
    {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        for (auto& [tenant, done] : waiting_) {
            for (Done& one : done) waiting.push_back(std::move(one));
            done.clear();
        }
    }
    for (Done& done : waiting) done(fail(tenant_recovering()));
}

bool RecoveryGate::is_open(const TenantId& tenant) const {
    if (closed() == 0) return true;
    const std::lock_guard lock(mutex_);
    return !waiting_.contains(tenant);
}

void RecoveryGate::wait(const TenantId& tenant, Done done) {
    Status status;
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = waiting_.find(tenant); found != waiting_.end()) {
            if (!failed_ && found->second.size() < kWaitersMax) {
                found->second.push_back(std::move(done));
                return;
            }
            status = fail(tenant_recovering());
        }
    }
    done(std::move(status));
}

}  // namespace insula::tables
