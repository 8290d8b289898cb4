#include "core/audit/audit_log.h"

#include <gtest/gtest.h>

#include "base/tests/seeds.h"
#include "core/audit/checkpoint.h"
#include "core/audit/tests/log_harness.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/runtime/log.h"

namespace insula::audit {
namespace {

class AuditLogTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(log::set_level("off")); }
    void TearDown() override { EXPECT_TRUE(log::set_level("info")); }

    static std::unique_ptr<AuditLog> opened(FileSystem& fs, uint64_t segment_bytes = kMiB) {
        auto log = open_log(fs, segment_bytes);
        EXPECT_TRUE(log) << log.error().describe();
        return log ? *std::move(log) : nullptr;
    }
    static std::string segment(uint64_t first) {
        return std::string(kTestLog) + "/" + segment_name(first);
    }

    CrashFileSystem fs_;
};

TEST_F(AuditLogTest, KeepsEntriesInOrderOverARestart) {
    {
        const auto log = opened(fs_);
        ASSERT_TRUE(log->append(new_entries(0, 3)));
        ASSERT_TRUE(log->append(new_entries(3, 5)));
        EXPECT_EQ(log->size(), 5u);
        ASSERT_TRUE(log->write_checkpoint());
    }
    const auto log = opened(fs_);
    EXPECT_EQ(log->size(), 5u);
    EXPECT_EQ(log->checkpoint_size(), 5u);
    const auto texts = texts_of(*log);
    ASSERT_EQ(texts.size(), 5u);
    for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(*decode(texts[i]), numbered_entry(i));
    ASSERT_TRUE(log->append(new_entries(5, 6)));
    EXPECT_EQ(texts_of(*log, 4).size(), 2u);
}

// Segments of the smallest size: a block each.
TEST_F(AuditLogTest, GoesOnOverSegmentsAndRestarts) {
    std::vector<Hash> leaves;
    for (uint64_t i = 0; i < 1000; i += 100) {
        const auto log = opened(fs_, 1);
        ASSERT_TRUE(log) << i;
        ASSERT_TRUE(log->append(new_entries(i, i + 100)));
        ASSERT_TRUE(log->write_checkpoint());
        for (uint64_t k = i; k < i + 100; ++k) {
            leaves.push_back(leaf_hash(as_bytes(new_entry(k).text)));
        }
        const auto tree = verify_checkpoint(log->checkpoint(), log->key());
        ASSERT_TRUE(tree);
        EXPECT_EQ(tree->size, i + 100);
        EXPECT_EQ(tree->root, tree_hash(leaves));
    }
    const auto log = opened(fs_, 1);
    EXPECT_EQ(log->usage().segments, 4u);
    EXPECT_EQ(texts_of(*log).size(), 1000u);
    EXPECT_EQ(texts_of(*log, 700).size(), 300u);
    std::vector<uint64_t> down;
    ASSERT_TRUE(log->visit_down(300, [&](uint64_t index, std::string_view) {
        down.push_back(index);
        return down.size() < 100;
    }));
    EXPECT_EQ(down.size(), 100u);
    EXPECT_EQ(down.front(), 299u);
    EXPECT_EQ(down.back(), 200u);
}

TEST_F(AuditLogTest, ProvesEachEntryAndItsGrowth) {
    const auto log = opened(fs_, 1);
    const uint64_t entries = 2 * kBlockEntries + 77;
    ASSERT_TRUE(log->append(new_entries(0, entries)));
    EXPECT_EQ(log->prove(0).error().reason(), "audit_entry_not_found") << "no checkpoint has it";
    ASSERT_TRUE(log->write_checkpoint());
    const Tree whole = *verify_checkpoint(log->checkpoint(), log->key());
    std::vector<Hash> leaves;
    for (uint64_t i = 0; i < entries; ++i) {
        leaves.push_back(leaf_hash(as_bytes(new_entry(i).text)));
    }
    for (const uint64_t i : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256}, uint64_t{511},
                             uint64_t{512}, entries - 1}) {
        const auto proof = log->prove(i);
        ASSERT_TRUE(proof) << i << proof.error().describe();
        EXPECT_EQ(proof->entry.text, new_entry(i).text);
        EXPECT_TRUE(verify_inclusion({leaves[i], i}, whole, proof->proof)) << i;
        EXPECT_EQ(proof->tree.size, whole.size);
    }
    EXPECT_EQ(log->prove(entries).error().reason(), "audit_entry_not_found");
    for (const uint64_t first :
         {uint64_t{1}, uint64_t{200}, uint64_t{256}, uint64_t{300}, uint64_t{513}, entries}) {
        const auto proof = log->prove_growth(first);
        ASSERT_TRUE(proof) << first;
        const Tree then{.root = tree_hash(std::span(leaves).first(first)), .size = first};
        EXPECT_TRUE(verify_consistency(then, whole, proof->proof)) << first;
    }
    EXPECT_FALSE(log->prove_growth(0));
    EXPECT_FALSE(log->prove_growth(entries + 1));
}

TEST_F(AuditLogTest, KnowsTheLastRecordsOfTheCatalogOverARestart) {
    {
        const auto log = opened(fs_);
        ASSERT_TRUE(log->append(new_entries(0, 300)));
        const std::vector<NewEntry> other{new_entry(900, Origin::Kind::node)};
        ASSERT_TRUE(log->append(other));
    }
    const auto log = opened(fs_);
    EXPECT_TRUE(log->has_catalog_record(entry_id(299)));
    EXPECT_TRUE(log->has_catalog_record(entry_id(300 - kCatalogRecordsAtOnceMax)));
    EXPECT_FALSE(log->has_catalog_record(entry_id(300 - kCatalogRecordsAtOnceMax - 1)));
    EXPECT_FALSE(log->has_catalog_record(entry_id(900))) << "not of the catalog";
}

TEST_F(AuditLogTest, RemembersHowFarTheJournalIsDerivedOverSegments) {
    const auto log = opened(fs_, 1);
    std::vector<NewEntry> entries = new_entries(0, kBlockEntries);
    entries[7].origin = {.kind = Origin::Kind::journal, .lsn = {StreamId{3}, 4096}};
    ASSERT_TRUE(log->append(entries));
    ASSERT_TRUE(log->append(new_entries(kBlockEntries, kBlockEntries + 1)));
    EXPECT_EQ(log->usage().segments, 2u);
    const auto again = opened(fs_, 1);
    EXPECT_EQ(again->derived(), (Lsn{StreamId{3}, 4096}));
}

TEST_F(AuditLogTest, TheKeyIsMadeOnceAndALostOneIsNotReplaced) {
    const auto key = opened(fs_)->key();
    EXPECT_EQ(opened(fs_)->key(), key);
    ASSERT_TRUE(fs_.remove(std::string(kTestLog) + "/signing-key"));
    const auto without = open_log(fs_);
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().code(), Code::data_loss);
    EXPECT_NE(without.error().detail().find("signing-key"), std::string_view::npos);
}

TEST_F(AuditLogTest, RefusesToOpenWhatIsNotItsOwn) {
    {
        const auto log = opened(fs_);
        ASSERT_TRUE(log->append(new_entries(0, 10)));
        ASSERT_TRUE(log->write_checkpoint());
    }
    const std::string checkpoint = std::string(kTestLog) + "/checkpoint";
    const auto refused = [&](FileSystem& fs, std::string_view named) {
        const auto log = open_log(fs);
        ASSERT_FALSE(log) << named;
        EXPECT_EQ(log.error().code(), Code::data_loss);
        EXPECT_NE(log.error().detail().find(named), std::string_view::npos)
            << log.error().describe();
    };
    const auto no_checkpoint = fs_.crash(1);
    ASSERT_TRUE(no_checkpoint->remove(checkpoint));
    refused(*no_checkpoint, "checkpoint");
    const auto other_checkpoint = fs_.crash(1);
    SeededRandom random(99);
    ASSERT_TRUE(write_file_durably(*other_checkpoint, checkpoint,
                                   sign_checkpoint({}, crypto::SigningKey::random(random))));
    refused(*other_checkpoint, "checkpoint");
    const auto cut = fs_.crash(1);
    const std::string content = *read_file(*cut, segment(0), kGiB);
    ASSERT_TRUE(write_file_durably(*cut, segment(0), content.substr(0, content.size() - 400)));
    refused(*cut, segment_name(0));
    const auto missing = fs_.crash(1);
    ASSERT_TRUE(missing->remove(segment(0)));
    refused(*missing, segment_name(0));
    const auto changed = fs_.crash(1);
    std::string other = content;
    other[other.find("user/4")] ^= 1;
    ASSERT_TRUE(write_file_durably(*changed, segment(0), other));
    refused(*changed, "offset");
}

TEST_F(AuditLogTest, AFullDiskLeavesItAsItWasAndAFailedSyncEndsIt) {
    FaultyFileSystem faulty(fs_);
    const auto log = opened(faulty);
    ASSERT_TRUE(log->append(new_entries(0, 2)));
    faulty.arm({.at_call = 1, .fault = Fault::disk_full, .only = StorageCall::write});
    EXPECT_EQ(log->append(new_entries(2, 4)).error().code(), Code::storage_exhausted);
    ASSERT_TRUE(log->append(new_entries(2, 4)));
    EXPECT_EQ(texts_of(*log).size(), 4u);
    faulty.arm({.at_call = 1, .only = StorageCall::sync});
    EXPECT_EQ(log->append(new_entries(4, 5)).error().reason(), "audit_log_fenced");
    faulty.disarm();
    EXPECT_EQ(log->append(new_entries(4, 5)).error().reason(), "audit_log_fenced");
    EXPECT_FALSE(log->write_checkpoint());
    EXPECT_FALSE(log->health());
    EXPECT_EQ(texts_of(*log).size(), 4u);
}

// What a first run was told is durable.
struct Told {
    uint64_t entries = 0;
    uint64_t checkpoint = 0;
};

Told work(FileSystem& fs) {
    Told told;
    const auto log = open_log(fs, 1);
    if (!log) return told;
    for (uint64_t i = 0; i < 600; i += 150) {
        if (!(*log)->append(new_entries(i, i + 150))) return told;
        told.entries = i + 150;
        if (!(*log)->write_checkpoint()) return told;
        told.checkpoint = (*log)->checkpoint_size();
    }
    return told;
}

TEST_F(AuditLogTest, LosesNothingThatWasToldAndGoesOnAfterACutAtEverySync) {
    const uint64_t before = fs_.sync_calls();
    EXPECT_EQ(work(fs_).entries, 600u);
    const uint64_t syncs = fs_.sync_calls() - before;
    ASSERT_GT(syncs, 20u);
    const SeedRange seeds = test_seeds(10, 2);
    uint64_t torn = 0;
    for (uint64_t cut = 1; cut <= syncs; ++cut) {
        CrashFileSystem fs;
        fs.set_power_cut({.at_sync = cut});
        const Told told = work(fs);
        for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
            SCOPED_TRACE("cut at sync " + std::to_string(cut) + ", seed " + std::to_string(seed));
            const auto found = fs.crash(seed);
            const auto log = open_log(*found, 1);
            ASSERT_TRUE(log) << log.error().describe();
            const uint64_t size = (*log)->size();
            ASSERT_GE(size, told.entries);
            ASSERT_GE((*log)->checkpoint_size(), told.checkpoint);
            torn += size % 150 == 0 ? 0 : 1;
            const auto texts = texts_of(**log);
            ASSERT_EQ(texts.size(), size);
            for (uint64_t i = 0; i < size; ++i) ASSERT_EQ(texts[i], new_entry(i).text);
            ASSERT_TRUE((*log)->append(new_entries(size, size + 10)));
            ASSERT_TRUE((*log)->write_checkpoint());
            ASSERT_TRUE(open_log(*found, 1));
        }
    }
    if (!seeds.single()) EXPECT_GT(torn, 0u) << "no write was ever torn";
}

}  // namespace
}  // namespace insula::audit
