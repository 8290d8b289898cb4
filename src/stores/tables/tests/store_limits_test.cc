// Limits of the store that no setting lowers.
#include <gtest/gtest.h>

#include "platform/fs/crash_file_system.h"
#include "stores/tables/tests/store_harness.h"

namespace insula::tables::durability {
namespace {

TEST(StoreLimits, OneSourceMoreThanATenantMayHaveIsRefused) {
    CrashFileSystem fs;
    ManualClock clock;
    NodeSettings settings = small_settings();
    settings.limits.sources_max = 2;
    auto node = TestNode::open(fs, clock, settings);
    ASSERT_TRUE(node) << node.error().describe();
    ASSERT_TRUE((*node)->write("a", R"({"x":1})"));
    ASSERT_TRUE((*node)->write("b", R"({"x":1})"));
    const auto refused = (*node)->write("c", R"({"x":1})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::failed_precondition);
    EXPECT_EQ(refused.error().reason(), "source_limit_reached");
    EXPECT_TRUE((*node)->write("b", R"({"x":2})")) << "those that are there take writes";

    ASSERT_TRUE((*node)->store().remove_source(TestNode::tenant(), "a"));
    EXPECT_TRUE((*node)->write("c", R"({"x":1})")) << "a removed one makes room";
}

}  // namespace
}  // namespace insula::tables::durability
