// Time as an interface, so that tests decide what time it is. Wall clocks only show times and
// expire things; nothing is ordered by them (journal positions and hybrid logical clocks do that).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace insula {

using SteadyTime = std::chrono::steady_clock::time_point;
// Nanoseconds since 1970-01-01T00:00:00Z.
using WallNanos = int64_t;

class Clock {
  public:
    virtual ~Clock() = default;
    virtual WallNanos wall_now() = 0;
    virtual SteadyTime steady_now() = 0;
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
  public:
    WallNanos wall_now() override;
    SteadyTime steady_now() override;
};

// A clock that moves only when told. Thread-safe.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(WallNanos start = 1'700'000'000'000'000'000) : nanos_(start) {}
    WallNanos wall_now() override { return nanos_; }
    SteadyTime steady_now() override { return SteadyTime(std::chrono::nanoseconds(nanos_)); }
    void advance(std::chrono::nanoseconds by) { nanos_ += by.count(); }

  private:
    std::atomic<int64_t> nanos_;
};

}  // namespace insula
