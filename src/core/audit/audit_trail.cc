#include "core/audit/audit_trail.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/audit/catalog_record.h"
#include "platform/runtime/log.h"

namespace insula::audit {

namespace {

constexpr std::string_view kDroppedAction = "audit:Dropped";

}  // namespace

AuditTrail::~AuditTrail() {
    INSULA_CHECK(!thread_.joinable(), "an audit trail is stopped before it is destroyed");
}

void AuditTrail::start() {
    dropped_told_at_ = services_.clock.steady_now();
    thread_ = std::thread([this] { run(); });
}

Status AuditTrail::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wanted_.notify_all();
    passed_.notify_all();
    if (thread_.joinable()) thread_.join();
    dropped_told_at_ = SteadyTime{};  // what is missing is told now
    return pass(/*sign_now=*/true);
}

void AuditTrail::tell(Entry entry) {
    if (entry.time == 0) entry.time = services_.clock.wall_now();
    const bool refused = entry.decision != kAllowed;
    const bool has_room = services_.disk.admit().has_value();
    const SteadyTime now = services_.clock.steady_now();
    const std::lock_guard lock(mutex_);
    if (refused && !limit_.admit(entry.tenant, now)) {
        ++dropped_;
        return;
    }
    if (!has_room || told_.size() >= kToldQueueMax) return count_dropped(entry.tenant);
    told_.push_back(std::move(entry));
    if (told_.size() < kToldAtOnceMax) return;
    pass_wanted_ = true;
    wanted_.notify_one();
}

// With mutex_ held.
void AuditTrail::count_dropped(const std::optional<TenantId>& tenant) {
    limit_.drop(tenant);
    ++dropped_;
}

catalog::AuditRecord AuditTrail::record_of(Entry entry) const {
    entry.id = new_entry_id(services_.random);
    entry.time = services_.clock.wall_now();
    return catalog_record(entry);
}

Status AuditTrail::catch_up(Deadline deadline) {
    Lock lock(mutex_);
    // One that is under way may have passed the point already.
    const uint64_t wanted = begun_ + 1;
    pass_wanted_ = true;
    wanted_.notify_one();
    const auto ended = [&] { return stopping_ || done_ >= wanted; };
    if (!passed_.wait_until(lock, deadline.when(), ended)) {
        return fail(deadline_exceeded());
    }
    if (done_ < wanted) return fail(unavailable("stopping", "The server is stopping."));
    if (last_failure_) return fail(*last_failure_);
    return {};
}

AuditTrail::State AuditTrail::state() const {
    const std::lock_guard lock(mutex_);
    return {.dropped = dropped_, .failures = failures_, .queued = told_.size()};
}

void AuditTrail::run() {
    Lock lock(mutex_);
    while (!stopping_) {
        wanted_.wait_for(lock, options_.interval, [&] { return stopping_ || pass_wanted_; });
        if (stopping_) return;
        const bool asked_for = std::exchange(pass_wanted_, false);
        const uint64_t number = ++begun_;
        lock.unlock();
        const Status passed = pass(asked_for);
        lock.lock();
        done_ = number;
        last_failure_.reset();
        if (!passed) last_failure_ = passed.error();
        passed_.notify_all();
    }
}

Status AuditTrail::pass(bool sign_now) {
    const std::lock_guard passing(passing_);
    const auto bring = [&]() -> Status {
        tell_dropped();
        // What is told here is nowhere else: it does not wait for a catalog that is away.
        Status of_catalog;
        for (;;) {
            const Result<size_t> records = bring_records();
            if (!records) of_catalog = fail(records.error());
            ASSIGN_OR_RETURN(const size_t told, bring_told());
            if (records.value_or(0) < kCatalogRecordsAtOnceMax && told < kToldAtOnceMax) break;
        }
        const auto since = services_.clock.steady_now() - signed_at_;
        if (sign_now || since >= options_.checkpoint_interval) RETURN_IF_ERROR(sign());
        return of_catalog;
    };
    const Status brought = bring();
    if (brought) return {};
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = ++failures_ == 1 || !last_failure_;
    }
    if (first) {
        log::error("the audit log cannot be brought up to date; what it lacks is kept",
                   {{"error", brought.error().describe()}});
    }
    return brought;
}

Status AuditTrail::sign() {
    RETURN_IF_ERROR(services_.log.write_checkpoint());
    signed_at_ = services_.clock.steady_now();
    return {};
}

// Returns how many there were.
Result<size_t> AuditTrail::bring_records() {
    ASSIGN_OR_RETURN(const auto records, services_.catalog.audit_records(kCatalogRecordsAtOnceMax));
    if (records.empty()) return size_t{0};
    std::vector<NewEntry> entries;
    std::vector<uint64_t> numbers;
    for (const catalog::AuditRecord& record : records) {
        numbers.push_back(record.number);
        // Brought before a stop that came too soon for the catalog to forget it.
        if (services_.log.has_catalog_record(record.id)) continue;
        entries.push_back({.origin = {.kind = Origin::Kind::catalog, .lsn = {}},
                           .id = record.id,
                           .text = record.record});
    }
    RETURN_IF_ERROR(services_.log.append(entries));
    // Signed first: the end of a log that no checkpoint covers could be cut off unnoticed.
    RETURN_IF_ERROR(sign());
    RETURN_IF_ERROR(services_.catalog.forget_audit_records(numbers));
    return records.size();
}

Result<size_t> AuditTrail::bring_told() {
    std::vector<Entry> taken;
    {
        const std::lock_guard lock(mutex_);
        const size_t count = std::min(told_.size(), kToldAtOnceMax);
        taken.assign(std::make_move_iterator(told_.begin()),
                     std::make_move_iterator(told_.begin() + static_cast<ptrdiff_t>(count)));
        told_.erase(told_.begin(), told_.begin() + static_cast<ptrdiff_t>(count));
    }
    if (taken.empty()) return size_t{0};
    std::vector<NewEntry> entries;
    entries.reserve(taken.size());
    for (Entry& entry : taken) {
        entry.id = new_entry_id(services_.random);
        entries.push_back(told_entry(entry));
    }
    if (const Status appended = services_.log.append(entries); !appended) {
        put_back(std::move(taken));
        return fail(appended.error());
    }
    return entries.size();
}

// In front of what was told meanwhile, as far as there is room.
void AuditTrail::put_back(std::vector<Entry> entries) {
    const std::lock_guard lock(mutex_);
    for (size_t i = entries.size(); i-- > 0;) {
        if (told_.size() < kToldQueueMax) {
            told_.push_front(std::move(entries[i]));
        } else {
            count_dropped(entries[i].tenant);
        }
    }
}

NewEntry AuditTrail::told_entry(const Entry& entry) const {
    return {
        .origin = {.kind = Origin::Kind::node, .lsn = {}}, .id = entry.id, .text = encode(entry)};
}

void AuditTrail::tell_dropped() {
    const SteadyTime now = services_.clock.steady_now();
    if (now - dropped_told_at_ < options_.dropped_interval) return;
    const std::lock_guard lock(mutex_);
    if (told_.size() >= kToldQueueMax) return;
    dropped_told_at_ = now;
    for (const auto& [tenant, count] : limit_.take_dropped()) {
        Entry entry;
        entry.time = services_.clock.wall_now();
        entry.tenant = tenant;
        entry.action = kDroppedAction;
        entry.dropped = count;
        // Beyond the queue's bound by as many as there are tenants in it.
        told_.push_back(std::move(entry));
    }
}

}  // namespace insula::audit
