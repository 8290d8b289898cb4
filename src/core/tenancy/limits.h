// Limits: what a tenant may use. Each is absent (nothing is limited) or a number; a tenant's own
// come before those of its plan, and those before the server's, field by field. Values, and the one
// list of their names, bounds and units, which requests, answers, the catalog and the reference go
// by. Thread-safe as any value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace insula::tenancy {

struct Limits {
    // Stored things, counted exactly: a write beyond them stores nothing.
    std::optional<uint64_t> storage_bytes;
    std::optional<uint64_t> rows;
    std::optional<uint64_t> sources;
    // Rates: what was not used in a second may be used at once, and no more.
    std::optional<uint64_t> requests_per_second;
    std::optional<uint64_t> bytes_per_second;
    // At one time.
    std::optional<uint64_t> concurrent_searches;
    // Of one streamed answer.
    std::optional<uint64_t> streamed_bytes;
    // Of the engine that runs the tenant's queries; no more than the server gives each tenant.
    std::optional<uint64_t> query_memory_bytes;
    bool operator==(const Limits&) const = default;
};

using LimitsPtr = std::shared_ptr<const Limits>;

struct LimitField {
    std::string_view name;
    std::optional<uint64_t> Limits::* value;
    uint64_t min;  // 0: nothing at all is a limit, too
    uint64_t max;
    std::string_view description;
    std::string_view refusal_reason;  // of the error
};
inline constexpr size_t kLimits = 8;
std::span<const LimitField> limit_fields();
// nullptr: there is none of the name. The seeds' names (storage_quota, …) are known, too.
const LimitField* find_limit(std::string_view name);

// invalid_argument `invalid_limit` where one is out of its bounds.
Status check_limits(const Limits& limits);
// What is absent in `first` is taken from `second`.
Limits with_defaults(Limits first, const Limits& second);

}  // namespace insula::tenancy
