#include "platform/runtime/clock.h"

namespace insula {

WallNanos SystemClock::wall_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

SteadyTime SystemClock::steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace insula
