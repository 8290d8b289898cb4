// How many refusals of a tenant's are worth an entry: nobody fills the disk by being refused. What
// is passed over is counted. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "platform/runtime/clock.h"

namespace insula::audit {

inline constexpr double kRefusalsBurst = 1'000;  // of a tenant, or of nobody's
inline constexpr double kRefusalsPerSecond = 2;  // after that; some 60 MB a day
// Tenants that are told apart; those beyond share one allowance.
inline constexpr size_t kRefusedTenantsMax = 4'096;

class RefusalLimit {
  public:
    // Absent: of nobody's.
    using Whose = std::optional<TenantId>;

    bool admit(const Whose& tenant, SteadyTime now);
    // One that was admitted, or needed no leave, had no place.
    void drop(const Whose& tenant);
    // How many were passed over, of whom; forgets them.
    std::vector<std::pair<Whose, uint64_t>> take_dropped();

  private:
    struct Allowance {
        double left = kRefusalsBurst;
        SteadyTime at{};
    };
    Allowance& allowance(const Whose& tenant, SteadyTime now);
    static void refill(Allowance& allowance, SteadyTime now);

    std::map<Whose, Allowance> allowances_;
    Allowance shared_;
    std::map<Whose, uint64_t> dropped_;
};

}  // namespace insula::audit
