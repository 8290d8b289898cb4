// Replay beside requests: a tenant is there as soon as its own records are in.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "platform/fs/tests/held_file_system.h"
#include "platform/json/utf8.h"
#include "stores/tables/ingest/json_shredder.h"
#include "stores/tables/tests/store_crash_run.h"

namespace insula::tables::durability {
namespace {

template <class T>
::testing::AssertionResult succeeded(const T& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().describe();
}

constexpr std::string_view kLastSegment = "/00000003.seg";
// Of the times that a segment of an earlier stream is opened: all are checked first, and measured
// by the new stream's journal.
constexpr int kReplay = 3;

TenantId late() { return TestNode::tenant(); }
TenantId early() {
    TenantId tenant = TestNode::tenant();
    tenant.bytes.back() = 17;
    return tenant;
}

// Tenant `early` has three rows in the first segment of the journal, tenant `late` some in each.
class StoreReplay : public ::testing::Test {
  protected:
    void SetUp() override {
        // A tenant is known to a store that finds it in the catalog.
        auto node = open(disk_.get());
        ASSERT_TRUE(succeeded(add_tenant(node->catalog(), {.id = early(), .slug = "early"})));
        ASSERT_TRUE(succeeded(node->close()));
        node = open(disk_.get());
        for (int i = 0; i < 3; ++i) write(*node, early(), i);
        for (late_rows_ = 0; !exists(*node, kLastSegment); ++late_rows_) {
            ASSERT_LT(late_rows_, 1000u);
            write(*node, late(), late_rows_);
        }
        write(*node, late(), late_rows_++);
        auto found = disk_->crash(1);  // all of it was synced
        node.reset();
        disk_ = std::move(found);
    }

    void TearDown() override {
        if (held_) held_->let_go();
        if (replay_.joinable()) replay_.join();
        node_.reset();
    }

    static std::unique_ptr<TestNode> open(FileSystem* fs, bool replay = true) {
        static ManualClock clock;
        NodeSettings settings = small_settings();
        settings.replay = replay;
        settings.limits.journal_bytes = kGiB;  // nothing is flushed but where a test asks
        auto node = TestNode::open(*fs, clock, settings);
        EXPECT_TRUE(succeeded(node));
        return node ? *std::move(node) : nullptr;
    }
    // Starts a node whose replay waits before the last segment.
    void start_held() {
        held_.emplace(*disk_, std::string(kLastSegment), kReplay);
        node_ = open(&*held_, /*replay=*/false);
        ASSERT_TRUE(node_);
        replay_ = std::thread([this] { replayed_ = node_->store().replay(); });
        held_->wait_until_held();
    }
    void finish() {
        held_->let_go();
        replay_.join();
    }

    static bool exists(TestNode& node, std::string_view segment) {
        return node.journal().usage().segments > 0 &&
               node.journal().durable().position >= (static_cast<uint64_t>(segment[8] - '0')) *
                                                        small_settings().journal.segment_bytes;
    }
    static void write(TestNode& node, const TenantId& tenant, uint64_t value) {
        std::string body = fmt::format(R"({{"a":{},"t":"{}"}})", value, std::string(700, 'x'));
        const size_t bytes = body.size();
        body.append(kJsonPadding, ' ');
        const auto source = node.store().find_or_create(tenant, "s");
        ASSERT_TRUE(succeeded(source));
        const WriteInput input{.shred =
                                   [&](SchemaPtr schema) {
                                       return shred_json(std::string_view(body).substr(0, bytes),
                                                         std::move(schema));
                                   },
                               .idempotency = std::nullopt,
                               .audit = {}};
        ASSERT_TRUE(succeeded((*source)->write(input, Deadline::after(std::chrono::seconds(20)))));
        ASSERT_TRUE(succeeded(node.journal().flush()));
    }
    static uint64_t rows(TestNode& node, const TenantId& tenant) {
        const auto source = node.store().find(tenant, "s");
        EXPECT_TRUE(succeeded(source));
        return source ? (*source)->stats().rows : 0;
    }
    std::optional<Status> waited_for(const TenantId& tenant) {
        auto told = std::make_shared<std::optional<Status>>();
        node_->store().recovery().wait(tenant, [told](Status status) { *told = status; });
        told_.push_back(told);
        return *told;
    }

    std::unique_ptr<CrashFileSystem> disk_ = empty_store();
    std::optional<HeldFileSystem> held_;
    std::unique_ptr<TestNode> node_;
    std::thread replay_;
    Status replayed_;
    uint64_t late_rows_ = 0;
    std::vector<std::shared_ptr<std::optional<Status>>> told_;
};

TEST_F(StoreReplay, ATenantIsOpenAsSoonAsItsOwnRecordsAreIn) {
    ASSERT_NO_FATAL_FAILURE(start_held());
    RecoveryGate& gate = node_->store().recovery();
    EXPECT_EQ(gate.closed(), 1u);
    EXPECT_TRUE(gate.is_open(early()));
    EXPECT_FALSE(gate.is_open(late()));
    EXPECT_TRUE(waited_for(early())) << "nobody waits for an open tenant";
    EXPECT_FALSE(waited_for(late()));
    EXPECT_EQ(rows(*node_, early()), 3u);
    write(*node_, early(), 3);
    EXPECT_EQ(rows(*node_, early()), 4u);

    finish();
    EXPECT_TRUE(succeeded(replayed_));
    EXPECT_EQ(gate.closed(), 0u);
    ASSERT_TRUE(told_.back()->has_value());
    EXPECT_TRUE(told_.back()->value().has_value());
    EXPECT_EQ(rows(*node_, late()), late_rows_);
    EXPECT_EQ(rows(*node_, early()), 4u);
}

TEST_F(StoreReplay, WhatItStillHasToReadIsNotReleasedByOthers) {
    ASSERT_NO_FATAL_FAILURE(start_held());
    write(*node_, early(), 3);
    const uint64_t bytes = node_->journal().usage().bytes;
    ASSERT_TRUE(succeeded(node_->store().flush_all()));
    node_->store().maintain();
    EXPECT_GE(node_->journal().usage().bytes, bytes);
    finish();
    ASSERT_TRUE(succeeded(replayed_));
    EXPECT_EQ(rows(*node_, late()), late_rows_);
    EXPECT_EQ(rows(*node_, early()), 4u);
    ASSERT_TRUE(succeeded(node_->store().flush_all()));
    EXPECT_LT(node_->journal().usage().bytes, bytes) << "and is afterwards";
}

TEST_F(StoreReplay, OneThatFailsTellsThoseWhoWaitAndLosesNothing) {
    ASSERT_NO_FATAL_FAILURE(start_held());
    EXPECT_FALSE(waited_for(late()));
    write(*node_, early(), 3);
    held_->let_go(/*failing=*/true);
    replay_.join();
    ASSERT_FALSE(replayed_);
    ASSERT_TRUE(told_.back()->has_value());
    EXPECT_EQ(told_.back()->value().error().reason(), "tenant_recovering");
    const auto later = waited_for(late());
    ASSERT_TRUE(later.has_value()) << "nobody begins to wait any more";
    EXPECT_EQ(later->error().reason(), "tenant_recovering");

    ASSERT_TRUE(succeeded(node_->close()));
    node_.reset();
    node_ = open(disk_.get());
    EXPECT_EQ(rows(*node_, late()), late_rows_);
    EXPECT_EQ(rows(*node_, early()), 4u);
}

TEST_F(StoreReplay, WhatIsAllInFilesIsNotReadAgain) {
    auto node = open(disk_.get());
    ASSERT_TRUE(succeeded(node->store().flush_all()));
    node.reset();
    held_.emplace(*disk_, ".seg", 1000);
    node_ = open(&*held_, /*replay=*/false);
    EXPECT_EQ(node_->store().recovery().closed(), 0u);
    ASSERT_TRUE(succeeded(node_->store().replay()));
    EXPECT_EQ(rows(*node_, late()), late_rows_);
}

}  // namespace
}  // namespace insula::tables::durability
