#include "platform/runtime/heap_profile.h"

#include <gtest/gtest.h>

namespace insula {
namespace {

TEST(HeapProfile, ADumpBecomesWhatPprofReads) {
    const auto text = to_pprof_text(
        "heap_v2/2097152\n"
        "  t*: 3: 4096 [0: 0]\n"
        "  t0: 3: 4096 [0: 0]\n"
        "@ 0x1 0x2\n"
        "  t*: 1: 1024 [0: 0]\n"
        "  t0: 1: 1024 [0: 0]\n"
        "@ 0x3\n"
        "  t*: 2: 3072 [0: 0]\n"
        "\n"
        "MAPPED_LIBRARIES:\n"
        "00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x\n");
    ASSERT_TRUE(text);
    EXPECT_EQ(*text,
              "heap profile: 3: 4096 [0: 0] @ heap_v2/2097152\n"
              "1: 1024 [0: 0] @ 0x1 0x2\n"
              "2: 3072 [0: 0] @ 0x3\n"
              "\n"
              "MAPPED_LIBRARIES:\n"
              "00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x\n");
}

TEST(HeapProfile, AnotherFormIsAnError) {
    EXPECT_FALSE(to_pprof_text(""));
    EXPECT_FALSE(to_pprof_text("heap_v3/1\n  t*: 3: 4096 [0: 0]\n"));
}

}  // namespace
}  // namespace insula
