#include "stores/tables/engine_host.h"

#include <gtest/gtest.h>

#include "platform/fs/crash_file_system.h"

namespace insula::tables {
namespace {

constexpr uint64_t kInstanceBytes = 64u << 20;

TenantId tenant(uint8_t number) {
    TenantId id;
    id.bytes[0] = number;
    return id;
}

// Room for one instance.
class EngineHostBound : public testing::Test {
  protected:
    CrashFileSystem fs_;
    ManualClock clock_;
    EngineHost host_{{.memory_bytes = 2 * kInstanceBytes, .instance_memory_bytes = kInstanceBytes},
                     fs_,
                     clock_,
                     "spill"};
};

TEST_F(EngineHostBound, AnIdleInstanceMakesRoomForAnotherTenant) {
    ASSERT_TRUE(host_.acquire(tenant(1)));
    ASSERT_TRUE(host_.acquire(tenant(2)));
    EXPECT_EQ(host_.open_instances(), 1u);
}

TEST_F(EngineHostBound, AnInstanceInUseMakesNoRoom) {
    const auto used = host_.acquire(tenant(1));
    ASSERT_TRUE(used);
    const auto refused = host_.acquire(tenant(2));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "too_many_active_tenants");
}

// Given as what the engine is asked for: an instance of its own for each bound.
TEST_F(EngineHostBound, AnotherBoundOnMemoryMakesAnotherInstance) {
    const auto first = *host_.acquire(tenant(1));
    EXPECT_EQ(*host_.acquire(tenant(1)), first);
    EXPECT_EQ(*host_.acquire(tenant(1), kInstanceBytes), first) << "no more than the server gives";
    const auto bounded = *host_.acquire(tenant(1), kInstanceBytes / 2);
    EXPECT_NE(bounded, first);
    EXPECT_EQ(*host_.acquire(tenant(1), kInstanceBytes / 2), bounded);
    EXPECT_EQ(host_.open_instances(), 1u);
    EXPECT_NE(*host_.acquire(tenant(1)), bounded) << "and back";
}

}  // namespace
}  // namespace insula::tables
