#include "platform/fs/disk_reserve.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"

namespace insula {
namespace {

class DiskReserveOf : public testing::Test {
  protected:
    void make(uint64_t total, std::optional<uint64_t> reserve = std::nullopt) {
        disk_.set_space({.total_bytes = total, .available_bytes = total});
        reserve_.emplace(fs_, clock_, ".", reserve);
        total_ = total;
    }
    void leave(uint64_t available) {
        disk_.set_space({.total_bytes = total_, .available_bytes = available});
    }
    void next_check() { clock_.advance(DiskReserve::kCheckInterval); }

    CrashFileSystem disk_;
    FaultyFileSystem fs_{disk_};
    ManualClock clock_;
    uint64_t total_ = 0;
    std::optional<DiskReserve> reserve_;
};

TEST_F(DiskReserveOf, TwoPercentOfASmallDiskAreKept) {
    make(10 * kGiB);
    EXPECT_EQ(reserve_->state().reserve_bytes, 10 * kGiB / 50);
}

TEST_F(DiskReserveOf, OneGibibyteOfALargeDiskIsKept) {
    make(1000 * kGiB);
    EXPECT_EQ(reserve_->state().reserve_bytes, 1 * kGiB);
}

TEST_F(DiskReserveOf, WritesAreRefusedBelowTheReserveAndResume) {
    make(10 * kGiB, 100 * kMiB);
    ASSERT_TRUE(reserve_->admit());
    leave(100 * kMiB - 1);
    next_check();
    const Status refused = reserve_->admit();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::storage_exhausted);
    EXPECT_EQ(refused.error().reason(), "disk_full");
    EXPECT_TRUE(reserve_->state().refusing);
    leave(100 * kMiB);
    next_check();
    EXPECT_TRUE(reserve_->admit());
    EXPECT_EQ(reserve_->refusals(), 1u);
}

TEST_F(DiskReserveOf, TheFileSystemIsAskedOnceAnInterval) {
    make(10 * kGiB);
    fs_.arm({});
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(reserve_->admit());
    EXPECT_EQ(fs_.calls(), 1u);
    next_check();
    ASSERT_TRUE(reserve_->admit());
    EXPECT_EQ(fs_.calls(), 2u);
}

TEST_F(DiskReserveOf, WhatWasKnownLastHoldsWhileTheFileSystemDoesNotSay) {
    make(10 * kGiB, 100 * kMiB);
    leave(0);
    ASSERT_FALSE(reserve_->admit());
    fs_.arm({.at_call = 1, .fault = Fault::io_error, .from_then_on = true});
    next_check();
    EXPECT_FALSE(reserve_->admit());
    fs_.disarm();
    leave(1 * kGiB);
    next_check();
    EXPECT_TRUE(reserve_->admit());
}

}  // namespace
}  // namespace insula
