#include "platform/runtime/fail_point.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace insula {
namespace {

FailPoint first("test.first");
FailPoint second("test.second");

Status arm(std::string_view text) {
    ASSIGN_OR_RETURN(const FailPlan plan, parse_fail_plan(text));
    return arm_fail_point(plan);
}

class FailPoints : public ::testing::Test {
  protected:
    void TearDown() override { disarm_fail_points(); }
};

using FailPointsDeathTest = FailPoints;

TEST_F(FailPoints, AreKnownByName) {
    const auto names = fail_point_names();
    EXPECT_TRUE(std::ranges::is_sorted(names));
    EXPECT_EQ(std::ranges::count(names, "test.first"), 1);
    EXPECT_EQ(std::ranges::count(names, "test.second"), 1);
}

TEST_F(FailPointsDeathTest, KillTheProcessWhenReachedTheNthTime) {
    EXPECT_EXIT(
        {
            ASSERT_TRUE(arm("test.first:3"));
            first.reach();
            second.reach();
            first.reach();
            std::fprintf(stderr, "twice\n");
            first.reach();
        },
        ::testing::KilledBySignal(SIGKILL), "twice\nfail point test.first reached 3 times: killed");
}

TEST_F(FailPoints, DoNothingOtherwise) {
    first.reach();
    ASSERT_TRUE(arm("test.first:3"));
    first.reach();
    first.reach();
    second.reach();
    disarm_fail_points();
    first.reach();
}

TEST_F(FailPoints, HoldUpFromTheNthTimeOn) {
    ASSERT_TRUE(arm("test.second:2:delay"));
    const auto time_of = [](FailPoint& point) {
        const auto begin = std::chrono::steady_clock::now();
        point.reach();
        return std::chrono::steady_clock::now() - begin;
    };
    EXPECT_LT(time_of(second), std::chrono::milliseconds(300));
    EXPECT_GE(time_of(second), std::chrono::milliseconds(300));
    EXPECT_GE(time_of(second), std::chrono::milliseconds(300));
}

TEST_F(FailPoints, OfUnknownNamesAndActionsAreRefused) {
    const Status unknown = arm("test.third");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().reason(), "invalid_configuration");
    EXPECT_NE(unknown.error().message().find("test.first"), std::string_view::npos);
    const Status failing = arm("test.first:1:error");
    ASSERT_FALSE(failing);
    EXPECT_NE(failing.error().message().find("kill or delay"), std::string_view::npos);
}

TEST(FailPlan, IsNameCountAndAction) {
    const auto plain = parse_fail_plan("a.b");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->point, "a.b");
    EXPECT_EQ(plain->at, 1u);
    EXPECT_EQ(plain->action, FailAction::kill);
    const auto whole = parse_fail_plan("a.b:12:error");
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->at, 12u);
    EXPECT_EQ(whole->action, FailAction::error);
    for (const std::string_view bad : {"", ":1", "a:0", "a:x", "a:1x", "a:1:burn", "a:"}) {
        EXPECT_FALSE(parse_fail_plan(bad)) << bad;
    }
}

TEST(ArmedPlan, FailsOnce) {
    ArmedPlan plan({.point = "p", .at = 2, .action = FailAction::error});
    EXPECT_FALSE(plan.reach());
    EXPECT_TRUE(plan.reach());
    EXPECT_FALSE(plan.reach());
}

}  // namespace
}  // namespace insula
