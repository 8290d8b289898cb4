// Meters: what each tenant uses at the moment and has used since the start, and the refusals where
// that is too much. Stored things are counted where they are stored. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "core/tenancy/limits.h"
#include "core/tenancy/rate_limiter.h"

namespace insula::tenancy {

// Since the start of the server.
struct Usage {
    uint64_t requests = 0;
    uint64_t bytes_received = 0;
    uint64_t bytes_sent = 0;
    uint64_t searches = 0;
    uint64_t searches_running = 0;
};

// What a limit refuses: resource_exhausted `…_limit_reached` that names the limit and says when to
// come again; storage_exhausted `…_quota_exceeded` for stored things, for which no time helps.
// `field` is one of limit_fields(), and set in `limits`.
Error limit_refusal(const LimitField& field, const Limits& limits,
                    std::chrono::nanoseconds wait = {});

class TenantMeter;

// A search that is under way. Move-only.
class RunningSearch {
  public:
    RunningSearch() = default;
    RunningSearch(RunningSearch&& other) noexcept = default;
    RunningSearch& operator=(RunningSearch&& other) noexcept;
    ~RunningSearch() { end(); }

  private:
    friend class TenantMeter;
    explicit RunningSearch(std::shared_ptr<TenantMeter> meter) : meter_(std::move(meter)) {}
    void end();
    std::shared_ptr<TenantMeter> meter_;
};

class TenantMeter : public std::enable_shared_from_this<TenantMeter> {
  public:
    // A request that has come: `requests_per_second`, `bytes_per_second`.
    Status admit_request(const Limits& limits, SteadyTime now);
    // Its bytes and its answer's.
    void count_bytes(uint64_t received, uint64_t sent, const Limits& limits, SteadyTime now);
    // How long an answer that goes out in pieces has to wait before the next one.
    std::chrono::nanoseconds pace(const Limits& limits, SteadyTime now) const;
    // `concurrent_searches`.
    Result<RunningSearch> begin_search(const Limits& limits);
    // A refusal that somebody else has found.
    void count_refusal(const LimitField& field);

    Usage usage() const;
    // Of the limit that stands at this place of limit_fields().
    uint64_t refusals(size_t field) const { return refusals_.at(field).load(); }

  private:
    friend class RunningSearch;
    static constexpr size_t kFields = kLimits;
    Status refuse(std::string_view name, const Limits& limits, std::chrono::nanoseconds wait);

    RateLimiter requests_rate_;
    RateLimiter bytes_rate_;
    std::atomic<uint64_t> requests_{0};
    std::atomic<uint64_t> bytes_received_{0};
    std::atomic<uint64_t> bytes_sent_{0};
    std::atomic<uint64_t> searches_{0};
    std::atomic<uint64_t> searches_running_{0};
    std::array<std::atomic<uint64_t>, kFields> refusals_{};
};

class Meters {
  public:
    // The tenant's, made where it has none.
    std::shared_ptr<TenantMeter> of(const TenantId& tenant);
    // Once it was removed.
    void forget(const TenantId& tenant);
    // Of all tenants, by the place in limit_fields().
    std::vector<uint64_t> refusals() const;

  private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<TenantId, std::shared_ptr<TenantMeter>> meters_;
    std::vector<uint64_t> refusals_of_removed_ = std::vector<uint64_t>(limit_fields().size());
};

}  // namespace insula::tenancy
