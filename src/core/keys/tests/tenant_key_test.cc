#include "core/keys/tenant_key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/crypto/hash.h"

namespace insula::keys {
namespace {

RootKey root_of(uint64_t seed) {
    SeededRandom random(seed);
    return RootKey(crypto::SecretKey::random(random));
}

std::string text(const crypto::SecretKey& key) { return std::string(as_text(key.bytes())); }

class TenantKeyTest : public ::testing::Test {
  protected:
    StoredTenantKey make(uint64_t id, uint32_t version = 1) {
        return make_tenant_key(
            root_, {.id = {id}, .tenant = tenant_, .version = version, .created_at = 5}, random_);
    }

    SeededRandom random_{7};
    const TenantId tenant_ = random_.uuid();
    const RootKey root_ = root_of(1);
};

TEST_F(TenantKeyTest, OpensUnderItsRootKeyOnly) {
    const StoredTenantKey stored = make(3);
    const auto key = open_tenant_key(root_, stored);
    ASSERT_TRUE(key);
    EXPECT_EQ((*key)->id(), KeyId{3});
    EXPECT_EQ((*key)->tenant(), tenant_);
    const auto wrong = open_tenant_key(root_of(2), stored);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().reason(), "wrong_root_key");
    EXPECT_EQ(wrong.error().code(), Code::failed_precondition);
}

TEST_F(TenantKeyTest, ARowOfAnotherTenantOrKeyDoesNotOpen) {
    const StoredTenantKey good = make(3);
    StoredTenantKey other = good;
    other.tenant = random_.uuid();
    EXPECT_EQ(open_tenant_key(root_, other).error().code(), Code::data_loss);
    other = good;
    other.id = {4};
    EXPECT_EQ(open_tenant_key(root_, other).error().code(), Code::data_loss);
    other = good;
    other.wrapped[20] ^= std::byte{1};
    EXPECT_EQ(open_tenant_key(root_, other).error().code(), Code::data_loss);
    // Under a root key that only says it is the right one.
    other = good;
    other.root = root_of(2).id();
    EXPECT_EQ(open_tenant_key(root_of(2), other).error().code(), Code::data_loss);
}

TEST_F(TenantKeyTest, EveryPurposeAndStreamHasAKeyOfItsOwn) {
    const auto key = *open_tenant_key(root_, make(3));
    const auto other = *open_tenant_key(root_, make(4));
    const std::vector<std::string> keys{text(key->files().key), text(key->journal_key(StreamId{1})),
                                        text(key->journal_key(StreamId{2})),
                                        text(other->files().key),
                                        text(other->journal_key(StreamId{1}))};
    for (size_t a = 0; a < keys.size(); ++a) {
        for (size_t b = 0; b < a; ++b) EXPECT_NE(keys[a], keys[b]) << a << " and " << b;
    }
    EXPECT_EQ(text(key->journal_key(StreamId{1})), keys[1]);
    EXPECT_EQ(key->files().id, KeyId{3});
    EXPECT_EQ(key->files().tenant, tenant_);
}

TEST_F(TenantKeyTest, RewrappingChangesTheRootKeyAndNothingElse) {
    const StoredTenantKey before = make(3);
    const RootKey next = root_of(2);
    const auto after = rewrap(root_, next, before, random_);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->root, next.id());
    EXPECT_NE(after->wrapped, before.wrapped);
    EXPECT_EQ(text((*open_tenant_key(next, *after))->files().key),
              text((*open_tenant_key(root_, before))->files().key));
    EXPECT_EQ(open_tenant_key(root_, *after).error().reason(), "wrong_root_key");
    EXPECT_EQ(*rewrap(root_, next, *after, random_), *after) << "done already";
    EXPECT_EQ(rewrap(root_of(3), next, before, random_).error().reason(), "wrong_root_key");
}

TEST_F(TenantKeyTest, ADestroyedKeyHasNothingLeftAndSaysSo) {
    const StoredTenantKey gone = destroy(make(3), 99);
    EXPECT_EQ(gone.wrapped, crypto::WrappedKey{});
    EXPECT_EQ(gone.destroyed_at, 99);
    const auto opened = open_tenant_key(root_, gone);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().reason(), "key_destroyed");
    EXPECT_EQ(opened.error().code(), Code::failed_precondition);
    EXPECT_EQ(*rewrap(root_, root_of(2), gone, random_), gone);
    EXPECT_EQ(destroy(gone, 100), gone);
    EXPECT_TRUE(destroy(make(3), 0).destroyed());
}

TEST_F(TenantKeyTest, TheHighestVersionSealsUnlessItIsDestroyed) {
    EXPECT_EQ(current_key({}), nullptr);
    EXPECT_EQ(next_version({}), 1u);
    std::vector<StoredTenantKey> keys{make(5, 2), make(9, 1)};
    EXPECT_EQ(current_key(keys)->id, KeyId{5});
    EXPECT_EQ(next_version(keys), 3u);
    keys.push_back(destroy(make(10, 3), 1));
    EXPECT_EQ(current_key(keys), nullptr) << "an older key never seals again";
    EXPECT_EQ(next_version(keys), 4u);
}

TEST_F(TenantKeyTest, WhatIsStoredAndDerivedIsTheSameInEveryVersion) {
    // docs/formats/keys.md; computed with Python's hmac.
    const TenantKey key(KeyId{3}, TenantId{},
                        *crypto::SecretKey::parse("000102030405060708090a0b0c0d0e0f101112131415161"
                                                  "718191a1b1c1d1e1f"));
    EXPECT_EQ(crypto::hex_encode(key.files().key.bytes()),
              "80104b90ee5d9a5d539fa32e9602d9d3cd3631ac64faeabeb9300ea3e1eec77a");
    EXPECT_EQ(crypto::hex_encode(key.journal_key(StreamId{5}).bytes()),
              "f6c0c00fe853b0181aaffe7d00e9bfaa03e650916fa75c23b1a6aa223f89435a");
}

}  // namespace
}  // namespace insula::keys
