#include "platform/postgres/sqlstate.h"

#include <gtest/gtest.h>

namespace insula::postgres {
namespace {

TEST(Sqlstate, SaysWhatHelps) {
    for (const std::string_view conflict : {"40001", "40P01", "55P03", "57014"}) {
        EXPECT_EQ(recovery_of(conflict), Recovery::repeat) << conflict;
    }
    for (const std::string_view away :
         {"57P01", "57P02", "57P03", "57P05", "08006", "08003", "53300", "25006", "26000"}) {
        EXPECT_EQ(recovery_of(away), Recovery::reconnect) << away;
    }
    for (const std::string_view final :
         {"23505", "23503", "42P01", "28P01", "3D000", "53100", "57P04", "22021", "XX000", ""}) {
        EXPECT_EQ(recovery_of(final), Recovery::none) << final;
    }
}

TEST(Sqlstate, BecomesACode) {
    EXPECT_EQ(code_of("23505"), Code::already_exists);
    EXPECT_EQ(code_of("23503"), Code::failed_precondition);
    EXPECT_EQ(code_of("53100"), Code::storage_exhausted);
    EXPECT_EQ(code_of("40001"), Code::aborted);
    EXPECT_EQ(code_of("57P01"), Code::unavailable);
    EXPECT_EQ(code_of("57014"), Code::unavailable);
    EXPECT_EQ(code_of("XX001"), Code::data_loss);
    EXPECT_EQ(code_of("XX000"), Code::internal);
    EXPECT_EQ(code_of("42601"), Code::internal);
}

}  // namespace
}  // namespace insula::postgres
