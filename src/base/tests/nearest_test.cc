#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace insula {
namespace {

TEST(NearestName, SlipsAreFoundAndStrangersAreNot) {
    const std::vector<std::string_view> names{"amount", "city", "created_at"};
    EXPECT_EQ(nearest_name("amuont", names), "amount");
    EXPECT_EQ(nearest_name("Amount", names), "amount");
    EXPECT_EQ(nearest_name("create_at", names), "created_at");
    EXPECT_EQ(nearest_name("zzz", names), "");
    EXPECT_EQ(nearest_name("", names), "");
    std::vector<std::string_view> many(5000, "amount");
    EXPECT_EQ(nearest_name("amuont", many), "amount");
    many.emplace_back("amount");
    EXPECT_EQ(nearest_name("amuont", many), "") << "nobody waits for so many to be compared";
}

}  // namespace
}  // namespace insula
