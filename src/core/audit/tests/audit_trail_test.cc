#include "core/audit/audit_trail.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/tests/seeds.h"
#include "core/audit/checkpoint.h"
#include "core/audit/tests/log_harness.h"
#include "core/audit/verification.h"
#include "core/catalog/tests/forwarding_catalog.h"
#include "platform/runtime/log.h"

namespace insula::audit {
namespace {

constexpr std::string_view kControlDb = "data/control.db";

catalog::AuditRecord record_of(uint64_t number) {
    const Entry entry = numbered_entry(number);
    return {.number = 0, .id = entry.id, .tenant = {}, .record = encode(entry)};
}

// A change that does nothing but be told.
Status store(catalog::Catalog& catalog, uint64_t first, uint64_t end) {
    catalog::ChangeDirectory change;
    for (uint64_t i = first; i < end; ++i) change.audit.push_back(record_of(i));
    const auto revision = catalog.change_directory(change);
    if (!revision) return fail(revision.error());
    return {};
}

// A catalog, a log and a trail over one file system.
class Node {
  public:
    static Result<std::unique_ptr<Node>> open(FileSystem& fs, uint64_t segment_bytes = kMiB) {
        auto node = std::make_unique<Node>(fs);
        RETURN_IF_ERROR(create_directories(fs, "data"));
        ASSIGN_OR_RETURN(node->catalog,
                         catalog::open_sqlite_catalog(fs, node->clock, std::string(kControlDb)));
        ASSIGN_OR_RETURN(node->log, open_log(fs, segment_bytes));
        node->trail = std::make_unique<AuditTrail>(
            TrailOptions{},
            TrailServices{*node->log, *node->catalog, node->disk, node->clock, node->random});
        return node;
    }
    explicit Node(FileSystem& fs) : disk(fs, clock, "data", 0) {}

    ManualClock clock;
    SeededRandom random{8};
    DiskReserve disk;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<AuditLog> log;
    std::unique_ptr<AuditTrail> trail;
};

// Has nothing to say for a while.
class CatalogAway final : public catalog::ForwardingCatalog {
  public:
    using ForwardingCatalog::ForwardingCatalog;
    Result<std::vector<catalog::AuditRecord>> audit_records(size_t count) override {
        if (away) return fail(unavailable("catalog_unavailable", "It is away."));
        return ForwardingCatalog::audit_records(count);
    }
    bool away = true;
};

class AuditTrailTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(log::set_level("off")); }
    void TearDown() override { EXPECT_TRUE(log::set_level("info")); }

    static std::unique_ptr<Node> opened(FileSystem& fs) {
        auto node = Node::open(fs);
        EXPECT_TRUE(node) << node.error().describe();
        return node ? *std::move(node) : nullptr;
    }
    static Entry refusal(std::optional<TenantId> tenant = {}) {
        Entry entry;
        entry.tenant = tenant;
        entry.decision = kDenied;
        return entry;
    }

    CrashFileSystem fs_;
};

TEST_F(AuditTrailTest, BringsRecordsInOrderAndForgetsThem) {
    const auto node = opened(fs_);
    ASSERT_TRUE(store(*node->catalog, 0, 3));
    ASSERT_TRUE(store(*node->catalog, 3, 4));
    ASSERT_TRUE(node->trail->pass(/*sign_now=*/false));
    const auto texts = texts_of(*node->log);
    ASSERT_EQ(texts.size(), 4u);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(texts[i], record_of(i).record);
    EXPECT_TRUE(node->catalog->audit_records(10)->empty());
    EXPECT_EQ(node->log->checkpoint_size(), 4u) << "signed before the catalog forgets";
}

TEST_F(AuditTrailTest, SignsWhatIsOnlyToldOnceASecond) {
    const auto node = opened(fs_);
    for (const uint64_t is_signed : {1U, 1U, 3U}) {
        node->trail->tell(refusal());
        ASSERT_TRUE(node->trail->pass(/*sign_now=*/false));
        EXPECT_EQ(node->log->checkpoint_size(), is_signed);
        if (node->log->size() == 2) node->clock.advance(std::chrono::seconds(1));
    }
}

TEST_F(AuditTrailTest, ARecordThatTheLogHasIsNotBroughtAgain) {
    const auto node = opened(fs_);
    ASSERT_TRUE(store(*node->catalog, 0, 2));
    // As a power cut between the two leaves it.
    ASSERT_TRUE(node->log->append(new_entries(0, 1)));
    ASSERT_TRUE(node->trail->pass(/*sign_now=*/true));
    EXPECT_EQ(node->log->size(), 2u);
    EXPECT_TRUE(node->catalog->audit_records(10)->empty());
}

TEST_F(AuditTrailTest, BringsWhatIsToldAndCountsWhatHasNoRoom) {
    const auto node = opened(fs_);
    for (size_t i = 0; i < kToldQueueMax + 5; ++i) {
        Entry read;
        read.decision = kAllowed;
        node->trail->tell(read);
    }
    EXPECT_EQ(node->trail->state().queued, kToldQueueMax);
    EXPECT_EQ(node->trail->state().dropped, 5u);
    ASSERT_TRUE(node->trail->pass(/*sign_now=*/false));
    EXPECT_EQ(node->log->size(), kToldQueueMax);
    node->clock.advance(std::chrono::minutes(1));
    ASSERT_TRUE(node->trail->pass(/*sign_now=*/false));
    const auto last = decode(texts_of(*node->log, kToldQueueMax).front());
    ASSERT_TRUE(last);
    EXPECT_EQ(last->dropped, 5u);
    EXPECT_EQ(last->action, "audit:Dropped");
    EXPECT_NE(last->id, EntryId());
}

TEST_F(AuditTrailTest, WhatIsToldDoesNotWaitForACatalogThatIsAway) {
    const auto node = opened(fs_);
    ASSERT_TRUE(store(*node->catalog, 0, 3));
    CatalogAway away(std::move(node->catalog));
    AuditTrail trail(TrailOptions{},
                     TrailServices{*node->log, away, node->disk, node->clock, node->random});
    trail.tell(refusal());
    const Status passed = trail.pass(/*sign_now=*/true);
    ASSERT_FALSE(passed);
    EXPECT_EQ(passed.error().code(), Code::unavailable);
    EXPECT_EQ(node->log->size(), 1u);
    away.away = false;
    ASSERT_TRUE(trail.pass(/*sign_now=*/true));
    EXPECT_EQ(node->log->size(), 4u);
    EXPECT_TRUE(away.audit_records(10)->empty());
}

TEST_F(AuditTrailTest, NobodyFillsTheDiskByBeingRefused) {
    const auto node = opened(fs_);
    const TenantId tenant = node->random.uuid();
    for (size_t i = 0; i < 3'000; ++i) {
        node->trail->tell(refusal(tenant));
        node->trail->tell(refusal());
    }
    const auto burst = static_cast<size_t>(kRefusalsBurst);
    EXPECT_EQ(node->trail->state().queued, 2 * burst) << "each has its own allowance";
    node->clock.advance(std::chrono::seconds(10));
    for (size_t i = 0; i < 3'000; ++i) node->trail->tell(refusal(tenant));
    EXPECT_EQ(node->trail->state().queued,
              2 * burst + 10 * static_cast<size_t>(kRefusalsPerSecond));
    node->clock.advance(std::chrono::minutes(1));
    ASSERT_TRUE(node->trail->pass(/*sign_now=*/true));
    std::map<std::string, uint64_t> dropped;
    for (const std::string& text : texts_of(*node->log)) {
        const auto entry = decode(text);
        if (entry->dropped > 0) dropped[entry->tenant ? "tenant" : "nobody"] = entry->dropped;
    }
    EXPECT_EQ(dropped["tenant"], 6'000 - burst - 20);
    EXPECT_EQ(dropped["nobody"], 3'000 - burst);
}

TEST_F(AuditTrailTest, AFullDiskTakesNoRefusals) {
    fs_.set_space({.total_bytes = 1000, .available_bytes = 10});
    CrashFileSystem& fs = fs_;
    Node node(fs);
    DiskReserve full(fs, node.clock, "data", 500);
    const auto log = open_log(fs);
    const auto catalog = catalog::open_sqlite_catalog(fs, node.clock, std::string(kControlDb));
    ASSERT_TRUE(log && catalog);
    AuditTrail trail({}, {**log, **catalog, full, node.clock, node.random});
    trail.tell(refusal());
    EXPECT_EQ(trail.state().queued, 0u);
    EXPECT_EQ(trail.state().dropped, 1u);
}

TEST_F(AuditTrailTest, CatchingUpBringsAllThatWasBeforeAndStoppingTheRest) {
    const auto node = opened(fs_);
    node->trail->start();
    for (uint64_t i = 0; i < 20; ++i) {
        ASSERT_TRUE(store(*node->catalog, i, i + 1));
        ASSERT_TRUE(node->trail->catch_up(Deadline::after(std::chrono::seconds(20))));
        EXPECT_EQ(node->log->size(), i + 1);
        EXPECT_EQ(node->log->checkpoint_size(), i + 1);
    }
    node->trail->tell(refusal());
    ASSERT_TRUE(node->trail->stop());
    EXPECT_EQ(node->log->size(), 21u);
    EXPECT_EQ(node->log->checkpoint_size(), 21u);
    EXPECT_FALSE(node->trail->catch_up(Deadline::after(std::chrono::seconds(20))));
}

// How many changes were acknowledged.
uint64_t work(FileSystem& fs) {
    uint64_t stored = 0;
    const auto node = Node::open(fs, 1);
    if (!node) return stored;
    for (uint64_t i = 0; i < 12; ++i) {
        if (!store(*(*node)->catalog, i * 40, (i + 1) * 40)) return stored;
        stored = (i + 1) * 40;
        (*node)->clock.advance(std::chrono::seconds(1));
        if (i % 3 == 2 && !(*node)->trail->pass(/*sign_now=*/i % 2 == 0)) return stored;
    }
    return stored;
}

TEST_F(AuditTrailTest, AfterACutAtEverySyncEachRecordIsInTheLogOnce) {
    const uint64_t before = fs_.sync_calls();
    EXPECT_EQ(work(fs_), 480u);
    const uint64_t syncs = fs_.sync_calls() - before;
    ASSERT_GT(syncs, 20u);
    const SeedRange seeds = test_seeds(5, 1);
    uint64_t brought_later = 0;
    for (uint64_t cut = 1; cut <= syncs; ++cut) {
        CrashFileSystem fs;
        fs.set_power_cut({.at_sync = cut, .after_effect = cut % 2 == 0});
        const uint64_t stored = work(fs);
        for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
            SCOPED_TRACE("cut at sync " + std::to_string(cut) + ", seed " + std::to_string(seed));
            const auto found = fs.crash(seed);
            const auto node = Node::open(*found, 1);
            ASSERT_TRUE(node) << node.error().describe();
            const uint64_t size = (*node)->log->size();
            ASSERT_TRUE((*node)->trail->pass(/*sign_now=*/true));
            brought_later += (*node)->log->size() > size ? 1 : 0;
            const auto texts = texts_of(*(*node)->log);
            ASSERT_GE(texts.size(), stored);
            for (uint64_t i = 0; i < texts.size(); ++i) ASSERT_EQ(texts[i], record_of(i).record);
            ASSERT_TRUE((*node)->catalog->audit_records(1)->empty());
            const auto report = verify_log(*found, std::string(kTestLog), {});
            ASSERT_TRUE(report);
            ASSERT_EQ(report->damages, 0u) << report->findings.front().what;
        }
    }
    EXPECT_GT(brought_later, 0u);
}

}  // namespace
}  // namespace insula::audit
