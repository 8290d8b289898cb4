#include "core/audit/refusal_limit.h"

#include <algorithm>
#include <utility>

namespace insula::audit {

bool RefusalLimit::admit(const Whose& tenant, SteadyTime now) {
    Allowance& held = allowance(tenant, now);
    if (held.left < 1) {
        drop(tenant);
        return false;
    }
    held.left -= 1;
    return true;
}

void RefusalLimit::drop(const Whose& tenant) {
    const bool apart = dropped_.size() < kRefusedTenantsMax || dropped_.contains(tenant);
    ++dropped_[apart ? tenant : Whose()];
}

std::vector<std::pair<RefusalLimit::Whose, uint64_t>> RefusalLimit::take_dropped() {
    const auto taken = std::exchange(dropped_, {});
    return {taken.begin(), taken.end()};
}

RefusalLimit::Allowance& RefusalLimit::allowance(const Whose& tenant, SteadyTime now) {
    auto found = allowances_.find(tenant);
    if (found == allowances_.end() && allowances_.size() >= kRefusedTenantsMax) {
        // Those that have all of theirs again need not be known.
        for (auto known = allowances_.begin(); known != allowances_.end();) {
            refill(known->second, now);
            known =
                known->second.left >= kRefusalsBurst ? allowances_.erase(known) : std::next(known);
        }
    }
    if (found == allowances_.end()) {
        if (allowances_.size() >= kRefusedTenantsMax) {
            refill(shared_, now);
            return shared_;
        }
        found = allowances_.emplace(tenant, Allowance{.left = kRefusalsBurst, .at = now}).first;
    }
    refill(found->second, now);
    return found->second;
}

void RefusalLimit::refill(Allowance& allowance, SteadyTime now) {
    const double seconds = std::chrono::duration<double>(now - allowance.at).count();
    allowance.left = std::min(kRefusalsBurst, allowance.left + seconds * kRefusalsPerSecond);
    allowance.at = now;
}

}  // namespace insula::audit
