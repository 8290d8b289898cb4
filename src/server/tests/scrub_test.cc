// How fast the scrub reads.
#include "server/scrub.h"

#include <gtest/gtest.h>

#include "platform/runtime/clock.h"

namespace insula::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ReadPace, WaitsAsLongAsTheBytesMayTake) {
    ManualClock clock;
    ReadPace pace(1000);
    EXPECT_EQ(pace.after(500, clock.steady_now()), milliseconds(500));
    EXPECT_EQ(pace.after(500, clock.steady_now()), seconds(1)) << "who did not wait waits later";
    clock.advance(seconds(1));
    EXPECT_EQ(pace.after(1, clock.steady_now()), milliseconds(1));
}

TEST(ReadPace, TimeWithoutReadingIsNotMadeUpFor) {
    ManualClock clock;
    ReadPace pace(1000);
    EXPECT_EQ(pace.after(100, clock.steady_now()), milliseconds(100));
    clock.advance(seconds(3600));
    EXPECT_EQ(pace.after(100, clock.steady_now()), milliseconds(100));
}

TEST(ReadPace, NoRateIsTooSmallOrTooLargeToBeMet) {
    ManualClock clock;
    EXPECT_EQ(ReadPace(1).after(3, clock.steady_now()), seconds(3));
    EXPECT_LE(ReadPace(1ull << 40).after(1ull << 20, clock.steady_now()), milliseconds(1));
}

}  // namespace
}  // namespace insula::server
