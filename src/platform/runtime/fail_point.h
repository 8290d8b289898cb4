// Fail points: named moments of the program at which a test can kill it or hold it up, to see what
// a restart, or somebody beside it, makes of that. They stand in the released program, so that what
// is tested is what is shipped.
//
//   namespace { FailPoint written("tables.flush.written"); }
//   …
//   written.reach();
//
// A point that is not armed costs one relaxed load. Arming is for tests: the server refuses it
// outside of development (server.fail_points).
//
// Threads: reach() is thread-safe; points are made before main() and armed before threads start.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace insula {

enum class FailAction : uint8_t {
    kill,   // SIGKILL to this process, as kill -9 does it
    error,  // the call fails: only where the point says so
    delay,  // kFailPointDelay, at each time from that one on
};

// "NAME", "NAME:3", "NAME:3:delay": what happens when a point is reached the third time.
struct FailPlan {
    std::string point;
    uint64_t at = 1;
    FailAction action = FailAction::kill;
};
Result<FailPlan> parse_fail_plan(std::string_view text);

// Counts how often its point was reached and does what it says. Thread-safe.
class ArmedPlan {
  public:
    explicit ArmedPlan(const FailPlan& plan) : plan_(plan) {}
    const FailPlan& plan() const { return plan_; }
    // True if the caller has to fail now. Does not return from a kill.
    bool reach();

  private:
    const FailPlan plan_;
    std::atomic<uint64_t> reached_{0};
};

class FailPoint {
  public:
    // `name` is a literal. For objects at namespace scope only: a point is never taken out again.
    explicit FailPoint(const char* name) noexcept;
    FailPoint(const FailPoint&) = delete;
    FailPoint& operator=(const FailPoint&) = delete;

    void reach() {
        if (plan_.load(std::memory_order_relaxed) != nullptr) [[unlikely]] {
            strike();
        }
    }
    std::string_view name() const { return name_; }

  private:
    friend Status arm_fail_point(const FailPlan& plan);
    friend void disarm_fail_points();
    friend std::vector<std::string_view> fail_point_names();
    void strike();

    const char* const name_;
    FailPoint* const next_;
    std::atomic<ArmedPlan*> plan_{nullptr};
};

// All points of the program, sorted.
std::vector<std::string_view> fail_point_names();
// invalid_argument for an unknown name, whose message lists the known ones, and for
// FailAction::error: a FailPoint has nobody to give an error to.
Status arm_fail_point(const FailPlan& plan);
void disarm_fail_points();

}  // namespace insula
