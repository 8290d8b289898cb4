#include "core/tenancy/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace insula::tenancy {

namespace {

constexpr uint64_t kBytesMax = 1ull << 60;
constexpr uint64_t kQueryMemoryMin = 32ull << 20;  // below it the engine does not start
constexpr uint64_t kRowsMax = 1ull << 50;
constexpr uint64_t kRateMax = 10'000'000;
constexpr uint64_t kBytesPerSecondMin = 1024;  // less would let no answer pass

constexpr std::array<LimitField, kLimits> kFields{{
    {.name = "storage_bytes",
     .value = &Limits::storage_bytes,
     .min = 0,
     .max = kBytesMax,
     .description = "bytes of stored rows, before compression",
     .refusal_reason = "storage_bytes_quota_exceeded"},
    {.name = "rows",
     .value = &Limits::rows,
     .min = 0,
     .max = kRowsMax,
     .description = "stored rows",
     .refusal_reason = "rows_quota_exceeded"},
    {.name = "sources",
     .value = &Limits::sources,
     .min = 0,
     .max = 1'000'000,
     .description = "sources",
     .refusal_reason = "sources_quota_exceeded"},
    {.name = "requests_per_second",
     .value = &Limits::requests_per_second,
     .min = 1,
     .max = kRateMax,
     .description = "requests a second; as many may come at once",
     .refusal_reason = "requests_per_second_limit_reached"},
    {.name = "bytes_per_second",
     .value = &Limits::bytes_per_second,
     .min = kBytesPerSecondMin,
     .max = kBytesMax,
     .description = "bytes a second, of requests and answers together",
     .refusal_reason = "bytes_per_second_limit_reached"},
    {.name = "concurrent_searches",
     .value = &Limits::concurrent_searches,
     .min = 1,
     .max = 100'000,
     .description = "searches, aggregates and streams at one time",
     .refusal_reason = "concurrent_searches_limit_reached"},
    {.name = "streamed_bytes",
     .value = &Limits::streamed_bytes,
     .min = 1,
     .max = kBytesMax,
     .description = "bytes of one streamed answer",
     .refusal_reason = "streamed_bytes_limit_reached"},
    {.name = "query_memory_bytes",
     .value = &Limits::query_memory_bytes,
     .min = kQueryMemoryMin,
     .max = kBytesMax,
     .description = "bytes of memory for queries",
     .refusal_reason = "query_memory"},
}};

// As the seeds' CreateTenant calls them.
constexpr std::array kAliases{
    std::pair{std::string_view("storage_quota"), std::string_view("storage_bytes")},
    std::pair{std::string_view("bandwidth_quota"), std::string_view("bytes_per_second")},
    std::pair{std::string_view("request_rate_limit"), std::string_view("requests_per_second")},
};

}  // namespace

std::span<const LimitField> limit_fields() { return kFields; }

const LimitField* find_limit(std::string_view name) {
    for (const auto& [alias, meant] : kAliases) {
        if (name == alias) name = meant;
    }
    const auto found = std::ranges::find(kFields, name, &LimitField::name);
    return found == kFields.end() ? nullptr : &*found;
}

Status check_limits(const Limits& limits) {
    for (const LimitField& field : kFields) {
        const std::optional<uint64_t>& value = limits.*field.value;
        if (!value || (*value >= field.min && *value <= field.max)) continue;
        return fail(invalid_argument(
            "invalid_limit",
            fmt::format("The limit {} is {} to {}.", field.name, field.min, field.max)));
    }
    return {};
}

Limits with_defaults(Limits first, const Limits& second) {
    for (const LimitField& field : kFields) {
        std::optional<uint64_t>& value = first.*field.value;
        if (!value) value = second.*field.value;
    }
    return first;
}

}  // namespace insula::tenancy
