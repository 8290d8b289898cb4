// RecoveryGate: the tenants whose records of earlier starts are still being applied, and who waits
// for them. A tenant that was never closed is open. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace insula::tables {

class RecoveryGate {
  public:
    using Done = std::move_only_function<void(Status)>;

    // Those who wait for one tenant; who comes beyond is refused at once.
    static constexpr size_t kWaitersMax = 65'536;

    // Before others look.
    void close(const TenantId& tenant) {
        waiting_[tenant];
        closed_.store(waiting_.size());
    }
    // All that the tenant had written is there: whoever waits goes on.
    void open(const TenantId& tenant);
    // Opening the rest has failed: whoever waits or comes is told, with unavailable.
    void fail_all();

    // Quick where all are open, which is nearly always.
    bool is_open(const TenantId& tenant) const;
    size_t closed() const { return closed_.load(std::memory_order_acquire); }
    // Calls `done` once: at once, or from the thread that opens the tenant; with unavailable
    // "tenant_recovering" where that cannot be waited for.
    void wait(const TenantId& tenant, Done done);

  private:
    mutable std::mutex mutex_;
    std::unordered_map<TenantId, std::vector<Done>> waiting_;  // of closed tenants
    std::atomic<size_t> closed_ = 0;
    bool failed_ = false;
};

// unavailable: the tenant's rows are still being read.
Error tenant_recovering();

}  // namespace insula::tables
