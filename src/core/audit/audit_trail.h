// AuditTrail: brings what has happened into the audit log. Changes are told by records that the
// catalog stores with them: they are taken from there in order, and go from there only when the log
// has them for good, so that each is in the log once, whatever ends the server in between. What
// changes nothing (refusals, reads) comes through a bounded queue.
//
// Threads: start() begins one; tell(), catch_up() and state() from any; the rest from the thread
// that owns it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "core/audit/audit_log.h"
#include "core/audit/entry.h"
#include "core/audit/refusal_limit.h"
#include "core/catalog/catalog.h"
#include "platform/fs/disk_reserve.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/deadline.h"
#include "platform/runtime/random.h"

namespace insula::audit {

inline constexpr size_t kToldQueueMax = 8'192;
inline constexpr size_t kToldAtOnceMax = 1'024;

struct TrailOptions {
    std::chrono::milliseconds interval{250};  // between looks at the catalog
    // Between checkpoints where only refusals and reads are new.
    std::chrono::milliseconds checkpoint_interval{1000};
    std::chrono::milliseconds dropped_interval{60'000};  // entries that say what is missing
};

// All must outlive it.
struct TrailServices {
    AuditLog& log;
    catalog::Catalog& catalog;
    DiskReserve& disk;
    Clock& clock;
    Random& random;
};

class AuditTrail {
  public:
    AuditTrail(TrailOptions options, TrailServices services)
        : options_(options), services_(services) {}
    ~AuditTrail();

    void start();
    // Ends the thread, brings in what is left and signs a last checkpoint.
    Status stop();

    // Of what describes no change; its id, and its time where it has none, are added. Never waits:
    // dropped and counted where the queue is full, the disk is, or a tenant is refused too often.
    void tell(Entry entry);
    // `entry` with an id and the time, to be stored with the change that it tells of.
    catalog::AuditRecord record_of(Entry entry) const;
    // Returns when all is in the log that was stored or told before the call, and a checkpoint is
    // of it: for whoever reads the log and expects what he has just done.
    Status catch_up(Deadline deadline);

    const AuditLog& log() const { return services_.log; }
    struct State {
        uint64_t dropped = 0;   // since the start
        uint64_t failures = 0;  // of passes
        size_t queued = 0;
    };
    State state() const;

    // One pass on the caller's thread; for the thread, and for tests.
    Status pass(bool sign_now);

  private:
    using Lock = std::unique_lock<std::mutex>;
    void run();
    Status sign();
    Result<size_t> bring_records();
    Result<size_t> bring_told();
    void put_back(std::vector<Entry> entries);
    void tell_dropped();
    NewEntry told_entry(const Entry& entry) const;
    void count_dropped(const std::optional<TenantId>& tenant);

    const TrailOptions options_;
    TrailServices services_;

    std::mutex passing_;  // held during a pass; before mutex_
    SteadyTime signed_at_{};
    SteadyTime dropped_told_at_{};

    mutable std::mutex mutex_;
    std::condition_variable wanted_;
    std::condition_variable passed_;
    std::deque<Entry> told_;
    RefusalLimit limit_;
    uint64_t dropped_ = 0;
    uint64_t failures_ = 0;
    uint64_t begun_ = 0;                 // passes
    uint64_t done_ = 0;                  // the last that ended, by its number
    std::optional<Error> last_failure_;  // of that pass
    bool pass_wanted_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace insula::audit
