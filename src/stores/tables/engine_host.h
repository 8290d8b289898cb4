// EngineHost: the engine instances of a node, one per active tenant and one for maintenance
// (flushes), within one memory budget; the threads that are lent to running queries; the spill
// directory. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/ids.h"
#include "platform/engine/engine.h"
#include "platform/fs/file_system.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/thread_pool.h"

namespace insula::tables {

struct EngineHostOptions {
    uint64_t memory_bytes = 2ull << 30;  // of all instances together
    uint64_t instance_memory_bytes = 512ull << 20;
    uint64_t spill_bytes = 8ull << 30;  // per instance
    size_t parallelism = 2;             // threads a query may use
    std::chrono::seconds idle_close{60};
    // Asked before each write of a spill: a query must not take the last of the disk.
    std::function<Status()> admit_spill = [] { return Status(); };
};

class EngineHost {
  public:
    // `spill_directory` must exist; files in it belong to nobody else. `fs` and `clock` outlive the
    // host.
    EngineHost(EngineHostOptions options, FileSystem& fs, Clock& clock,
               std::string spill_directory);
    ~EngineHost();

    // The tenant's instance, opened if it is not, with no more memory than `memory_max`; one that
    // was opened with another bound ends with the queries that use it. resource_exhausted when as
    // many tenants as the budget allows are active.
    Result<std::shared_ptr<engine::Instance>> acquire(const TenantId& tenant,
                                                      uint64_t memory_max = UINT64_MAX);
    // The instance that writes files.
    Result<std::shared_ptr<engine::Instance>> maintenance();

    // Closes instances that nobody has used for idle_close. Returns how many.
    size_t close_idle();
    size_t open_instances() const;
    uint64_t memory_bytes() const;  // held by all instances

  private:
    class Spill;
    class Lending;
    struct Held {
        std::shared_ptr<engine::Instance> instance;
        SteadyTime used;
        uint64_t memory_bytes = 0;
    };

    Result<std::shared_ptr<engine::Instance>> open(uint64_t memory_bytes, size_t parallelism);
    size_t close_idle_locked(std::chrono::nanoseconds idle);

    const EngineHostOptions options_;
    Clock& clock_;
    const size_t instances_max_;
    std::unique_ptr<Spill> spill_;
    std::unique_ptr<Lending> lending_;
    mutable std::mutex mutex_;
    std::unordered_map<TenantId, Held> tenants_;
    std::shared_ptr<engine::Instance> maintenance_;
};

}  // namespace insula::tables
