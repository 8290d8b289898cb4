#include "core/tenancy/meter.h"

#include <fmt/format.h>

#include <mutex>

#include "base/check.h"

namespace insula::tenancy {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kBusyRetry{250};  // after that some search may have ended

const LimitField& field_of(std::string_view name) {
    const LimitField* field = find_limit(name);
    INSULA_CHECK(field != nullptr, "a limit is one of the list");
    return *field;
}

size_t place_of(const LimitField& field) {
    return static_cast<size_t>(&field - limit_fields().data());
}

// Never told too early.
milliseconds rounded_up(nanoseconds wait) {
    return std::chrono::ceil<milliseconds>(std::max(wait, nanoseconds(1)));
}

bool is_stored(const LimitField& field) {
    return field.value == &Limits::storage_bytes || field.value == &Limits::rows ||
           field.value == &Limits::sources;
}

}  // namespace

Error limit_refusal(const LimitField& field, const Limits& limits, nanoseconds wait) {
    const uint64_t limit = (limits.*field.value).value_or(0);
    if (is_stored(field)) {
        return Error(Code::storage_exhausted, field.refusal_reason,
                     fmt::format("The tenant's quota of {} is {}, which this would exceed.",
                                 field.name, limit))
            .with_hint(
                "Delete what is not needed, or ask for a higher quota; a retry alone does not "
                "help.");
    }
    if (field.value == &Limits::streamed_bytes) {
        return Error(Code::payload_too_large, field.refusal_reason,
                     fmt::format("The answer is longer than the tenant's limit of {} bytes "
                                 "(streamed_bytes).",
                                 limit))
            .with_hint("Ask for fewer rows or columns; a retry alone does not help.");
    }
    const milliseconds after = rounded_up(wait);
    return Error(
               Code::resource_exhausted, field.refusal_reason,
               fmt::format("The tenant's limit of {} is {}, which is reached.", field.name, limit))
        .with_hint(fmt::format("Retry after {} ms.", after.count()))
        .with_retry_after(after);
}

RunningSearch& RunningSearch::operator=(RunningSearch&& other) noexcept {
    if (this != &other) {
        end();
        meter_ = std::move(other.meter_);
    }
    return *this;
}

void RunningSearch::end() {
    if (meter_) --meter_->searches_running_;
    meter_ = nullptr;
}

Status TenantMeter::refuse(std::string_view name, const Limits& limits, nanoseconds wait) {
    const LimitField& field = field_of(name);
    count_refusal(field);
    return fail(limit_refusal(field, limits, wait));
}

Status TenantMeter::admit_request(const Limits& limits, SteadyTime now) {
    requests_.fetch_add(1, std::memory_order_relaxed);
    if (limits.bytes_per_second) {
        const nanoseconds wait = bytes_rate_.wait(now);
        if (wait.count() > 0) return refuse("bytes_per_second", limits, wait);
    }
    if (limits.requests_per_second) {
        const auto wait = requests_rate_.take(1, *limits.requests_per_second, now);
        if (wait) return refuse("requests_per_second", limits, *wait);
    }
    return {};
}

void TenantMeter::count_bytes(uint64_t received, uint64_t sent, const Limits& limits,
                              SteadyTime now) {
    bytes_received_.fetch_add(received, std::memory_order_relaxed);
    bytes_sent_.fetch_add(sent, std::memory_order_relaxed);
    if (limits.bytes_per_second) bytes_rate_.charge(received + sent, *limits.bytes_per_second, now);
}

nanoseconds TenantMeter::pace(const Limits& limits, SteadyTime now) const {
    return limits.bytes_per_second ? bytes_rate_.wait(now) : nanoseconds(0);
}

Result<RunningSearch> TenantMeter::begin_search(const Limits& limits) {
    const uint64_t running = ++searches_running_;
    RunningSearch search(shared_from_this());
    if (limits.concurrent_searches && running > *limits.concurrent_searches) {
        return fail(refuse("concurrent_searches", limits, kBusyRetry).error());
    }
    searches_.fetch_add(1, std::memory_order_relaxed);
    return search;
}

void TenantMeter::count_refusal(const LimitField& field) {
    refusals_.at(place_of(field)).fetch_add(1, std::memory_order_relaxed);
}

Usage TenantMeter::usage() const {
    return {.requests = requests_.load(),
            .bytes_received = bytes_received_.load(),
            .bytes_sent = bytes_sent_.load(),
            .searches = searches_.load(),
            .searches_running = searches_running_.load()};
}

std::shared_ptr<TenantMeter> Meters::of(const TenantId& tenant) {
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = meters_.find(tenant); found != meters_.end()) return found->second;
    }
    const std::unique_lock lock(mutex_);
    std::shared_ptr<TenantMeter>& meter = meters_[tenant];
    if (!meter) meter = std::make_shared<TenantMeter>();
    return meter;
}

void Meters::forget(const TenantId& tenant) {
    const std::unique_lock lock(mutex_);
    const auto found = meters_.find(tenant);
    if (found == meters_.end()) return;
    for (size_t field = 0; field < refusals_of_removed_.size(); ++field) {
        refusals_of_removed_[field] += found->second->refusals(field);
    }
    meters_.erase(found);
}

std::vector<uint64_t> Meters::refusals() const {
    const std::shared_lock lock(mutex_);
    std::vector<uint64_t> all = refusals_of_removed_;
    for (const auto& [tenant, meter] : meters_) {
        for (size_t field = 0; field < all.size(); ++field) all[field] += meter->refusals(field);
    }
    return all;
}

}  // namespace insula::tenancy
