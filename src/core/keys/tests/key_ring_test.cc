#include "core/keys/key_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace insula::keys {
namespace {

RootKey root_of(uint64_t seed) {
    SeededRandom random(seed);
    return RootKey(crypto::SecretKey::random(random));
}

std::vector<RootKey> roots(std::initializer_list<uint64_t> seeds) {
    std::vector<RootKey> all;
    for (const uint64_t seed : seeds) all.push_back(root_of(seed));
    return all;
}

class KeyRingTest : public ::testing::Test {
  protected:
    KeyRing ring(std::initializer_list<uint64_t> root_seeds = {1}, size_t keys_max = 100) {
        return KeyRing(
            roots(root_seeds),
            [this](TenantId, KeyId id) -> Result<std::optional<StoredTenantKey>> {
                ++reads_;
                const auto row = rows_.find(id.value);
                if (row == rows_.end()) return std::nullopt;
                const auto found = row->second;
                if (after_read_) after_read_();
                return found;
            },
            keys_max);
    }
    void store(uint64_t id, TenantId tenant, uint64_t root_seed = 1) {
        rows_.insert_or_assign(
            id, make_tenant_key(root_of(root_seed), {.id = {id}, .tenant = tenant}, random_));
    }

    SystemRandom random_;
    const TenantId a_ = random_.uuid();
    const TenantId b_ = random_.uuid();
    std::map<uint64_t, StoredTenantKey> rows_;
    int reads_ = 0;
    std::function<void()> after_read_;
};

TEST_F(KeyRingTest, ReadsARowOnceAndSharesTheKey) {
    store(3, a_);
    KeyRing ring = this->ring();
    const auto first = ring.find(a_, {3});
    ASSERT_TRUE(first);
    EXPECT_EQ(*ring.find(a_, {3}), *first);
    EXPECT_EQ(reads_, 1);
    const auto files = ring.file_keys()(a_, {3});
    ASSERT_TRUE(files);
    EXPECT_EQ(files->get(), &(*first)->files());
}

TEST_F(KeyRingTest, AKeyThatIsNotThereOrAnothersIsMissingAlike) {
    store(3, a_);
    KeyRing ring = this->ring();
    const auto absent = ring.find(b_, {4});
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().reason(), "key_missing");
    EXPECT_EQ(absent.error().code(), Code::failed_precondition);
    for (int i = 0; i < 2; ++i) {
        const auto foreign = ring.find(b_, {3});
        ASSERT_FALSE(foreign) << (i == 0 ? "not open" : "open");
        EXPECT_EQ(foreign.error().reason(), "key_missing");
        ASSERT_TRUE(ring.find(a_, {3}));
    }
    EXPECT_EQ(ring.file_keys()(b_, {3}).error().reason(), "key_missing");
}

TEST_F(KeyRingTest, ForgettingATenantEndsItsKeysAndNoOthers) {
    store(3, a_);
    store(4, b_);
    KeyRing ring = this->ring();
    std::weak_ptr<const TenantKey> key = *ring.find(a_, {3});
    ASSERT_TRUE(ring.find(b_, {4}));
    rows_.at(3) = destroy(rows_.at(3), 1);
    EXPECT_TRUE(ring.find(a_, {3})) << "still open";
    ring.forget(a_);
    EXPECT_TRUE(key.expired()) << "wiped at once";
    EXPECT_EQ(ring.find(a_, {3}).error().reason(), "key_destroyed");
    EXPECT_EQ(ring.open_keys(), 1u);
    reads_ = 0;
    EXPECT_TRUE(ring.find(b_, {4}));
    EXPECT_EQ(reads_, 0);
}

TEST_F(KeyRingTest, ARowReadBeforeItWasDestroyedIsNotKeptAfter) {
    store(3, a_);
    KeyRing ring = this->ring();
    after_read_ = [&] {
        rows_.at(3) = destroy(rows_.at(3), 1);
        ring.forget(a_);
    };
    EXPECT_TRUE(ring.find(a_, {3})) << "came before";
    after_read_ = nullptr;
    EXPECT_EQ(ring.open_keys(), 0u);
    EXPECT_EQ(ring.find(a_, {3}).error().reason(), "key_destroyed");
}

TEST_F(KeyRingTest, KeepsTheOnesUsedLast) {
    for (uint64_t id = 1; id <= 4; ++id) store(id, a_);
    KeyRing ring = this->ring({1}, 3);
    for (const uint64_t id : {1, 2, 3, 1, 4}) ASSERT_TRUE(ring.find(a_, {id}));
    EXPECT_EQ(ring.open_keys(), 3u);
    reads_ = 0;
    for (const uint64_t id : {1, 3, 4}) ASSERT_TRUE(ring.find(a_, {id}));
    EXPECT_EQ(reads_, 0);
    ASSERT_TRUE(ring.find(a_, {2}));
    EXPECT_EQ(reads_, 1) << "it was the one used longest ago";
}

TEST_F(KeyRingTest, ARotationOfTheRootKeyMayStopAnywhere) {
    for (uint64_t id = 1; id <= 6; ++id) store(id, a_);
    for (int attempt = 0; attempt < 2; ++attempt) {
        KeyRing ring = this->ring({2, 1});
        for (uint64_t id = 1; id <= (attempt == 0 ? 3 : 6); ++id) {
            const auto rewrapped = ring.rewrap(rows_.at(id), random_);
            ASSERT_TRUE(rewrapped);
            if (attempt == 1 && id <= 3) EXPECT_EQ(*rewrapped, rows_.at(id));
            rows_.at(id) = *rewrapped;
        }
        for (uint64_t id = 1; id <= 6; ++id) EXPECT_TRUE(ring.find(a_, {id})) << id;
    }
    KeyRing ring = this->ring({2});
    for (uint64_t id = 1; id <= 6; ++id) EXPECT_TRUE(ring.find(a_, {id})) << id;
    EXPECT_EQ(this->ring({1}).find(a_, {1}).error().reason(), "wrong_root_key");
    EXPECT_EQ(ring.make({.id = {7}, .tenant = a_}, random_).root, root_of(2).id());
}

TEST_F(KeyRingTest, AnErrorOfTheCatalogIsPassedOnAndNotRemembered) {
    store(3, a_);
    bool broken = true;
    KeyRing ring(roots({1}), [&](TenantId, KeyId) -> Result<std::optional<StoredTenantKey>> {
        if (broken) return fail(unavailable("catalog_unavailable", "Not now."));
        return rows_.at(3);
    });
    EXPECT_EQ(ring.find(a_, {3}).error().reason(), "catalog_unavailable");
    broken = false;
    EXPECT_TRUE(ring.find(a_, {3}));
}

TEST_F(KeyRingTest, ThreadsMayShareIt) {
    for (uint64_t id = 1; id <= 20; ++id) store(id, id % 2 == 0 ? a_ : b_);
    const auto rows = rows_;
    KeyRing ring(
        roots({1}),
        [&](TenantId, KeyId id) -> Result<std::optional<StoredTenantKey>> {
            return rows.at(id.value);
        },
        8);
    std::vector<std::jthread> threads;
    for (uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            SeededRandom random(seed);
            for (int i = 0; i < 500; ++i) {
                const uint64_t id = 1 + random.below(20);
                const auto key = ring.find(id % 2 == 0 ? a_ : b_, {id});
                ASSERT_TRUE(key);
                ASSERT_EQ((*key)->id().value, id);
                if (random.below(20) == 0) ring.forget(random.below(2) == 0 ? a_ : b_);
            }
        });
    }
    threads.clear();
    EXPECT_LE(ring.open_keys(), 8u);
}

}  // namespace
}  // namespace insula::keys
