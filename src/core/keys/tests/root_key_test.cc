#include "core/keys/root_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "platform/crypto/hash.h"
#include "platform/fs/private_file.h"
#include "platform/fs/tests/temporary_directory.h"

namespace insula::keys {
namespace {

constexpr std::string_view kHex =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

class RootKeyTest : public ::testing::Test {
  protected:
    TemporaryDirectory directory_;
    const std::string path_ = directory_.path() + "/root.key";
    SystemRandom random_;
};

TEST_F(RootKeyTest, IsMadeOnceAndFoundAgain) {
    const auto first = load_root_key({.path = path_, .may_create = true}, random_);
    ASSERT_TRUE(first) << first.error().describe();
    EXPECT_TRUE(first->created);
    for (const bool may_create : {true, false}) {
        const auto again = load_root_key({.path = path_, .may_create = may_create}, random_);
        ASSERT_TRUE(again);
        EXPECT_FALSE(again->created);
        EXPECT_EQ(again->key.id(), first->key.id());
    }
}

TEST_F(RootKeyTest, ALostOneIsNotReplacedInSilence) {
    const auto found = load_root_key({.path = path_}, random_);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().reason(), "root_key_missing");
    EXPECT_NE(found.error().detail().find(path_), std::string_view::npos);
    EXPECT_EQ(load_root_key({}, random_).error().reason(), "root_key_missing");
    EXPECT_EQ(load_root_key({.may_create = true}, random_).error().reason(), "root_key_missing");
    OsFileSystem fs;
    EXPECT_FALSE(*fs.exists(path_));
}

TEST_F(RootKeyTest, TheEnvironmentCountsBeforeTheFile) {
    ASSERT_TRUE(load_root_key({.path = path_, .may_create = true}, random_));
    const auto file = load_root_key({.path = path_}, random_);
    const auto text = load_root_key({.text = std::string(kHex) + "\n", .path = path_}, random_);
    ASSERT_TRUE(file && text);
    EXPECT_NE(text->key.id(), file->key.id());
    EXPECT_FALSE(text->created);
    const auto base64 =
        load_root_key({.text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, random_);
    ASSERT_TRUE(base64);
    EXPECT_EQ(base64->key.id(), text->key.id());
}

TEST_F(RootKeyTest, WhatIsNoKeyIsRefusedAndNotRepeated) {
    const auto text = load_root_key({.text = "swordfish", .path = path_}, random_);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().reason(), "root_key_unreadable");
    EXPECT_EQ(text.error().describe().find("swordfish"), std::string::npos);
    for (const std::string& content : {std::string(), std::string("swordfish"),
                                       std::string(kHex.substr(1)), std::string(200, 'a')}) {
        ASSERT_TRUE(create_private_file(path_, content));
        const auto found = load_root_key({.path = path_, .may_create = true}, random_);
        ASSERT_FALSE(found) << content;
        EXPECT_EQ(found.error().reason(), "root_key_unreadable");
        EXPECT_NE(found.error().detail().find(path_), std::string_view::npos);
        OsFileSystem fs;
        ASSERT_TRUE(fs.remove(path_));
    }
}

TEST_F(RootKeyTest, AFileThatOthersMayReadIsRefused) {
    ASSERT_TRUE(load_root_key({.path = path_, .may_create = true}, random_));
    ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
    EXPECT_EQ(load_root_key({.path = path_, .may_create = true}, random_).error().reason(),
              "private_file_exposed");
}

TEST_F(RootKeyTest, WhatIsDerivedIsTheSameInEveryVersion) {
    // docs/formats/keys.md; computed with Python's hmac.
    const RootKey root(*crypto::SecretKey::parse(kHex));
    EXPECT_EQ(root.id().value, 0x72611daa50d83c40u);
    EXPECT_EQ(crypto::hex_encode(root.wrapping_key().bytes()),
              "6dc7fc5398d189fc93444e02e0817e5de4c3d964381356f6ce9b065fc27e130e");
}

}  // namespace
}  // namespace insula::keys
