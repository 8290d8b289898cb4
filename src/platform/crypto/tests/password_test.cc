#include "platform/crypto/password.h"

#include <gtest/gtest.h>

namespace insula::crypto {
namespace {

// As little as Argon2id takes, so that the tests are fast.
constexpr PasswordCost kCheap{.memory_bytes = 8 * kKiB, .passes = 1};

TEST(Password, VerifiesOnlyItself) {
    const auto hash = hash_password("correct horse", kCheap);
    ASSERT_TRUE(hash);
    EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << *hash;
    EXPECT_TRUE(*verify_password(*hash, "correct horse"));
    for (const std::string_view wrong : {"correct horsf", "correct hors", "correct horse ", ""}) {
        EXPECT_FALSE(*verify_password(*hash, wrong)) << wrong;
    }
    EXPECT_FALSE(*verify_password(*hash, std::string_view("correct horse\0", 14)));
    EXPECT_NE(*hash_password("correct horse", kCheap), *hash) << "salted";
}

TEST(Password, TheDefaultCostIsWhatTheConstantsSay) {
    const auto hash = hash_password("x");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << *hash;
    EXPECT_TRUE(*verify_password(*hash, "x"));
    EXPECT_FALSE(needs_rehash(*hash));
}

TEST(Password, AHashOfAnotherCostIsToBeMadeAnew) {
    const auto hash = hash_password("x", kCheap);
    ASSERT_TRUE(hash);
    EXPECT_TRUE(needs_rehash(*hash));
    EXPECT_FALSE(needs_rehash(*hash, kCheap));
    EXPECT_TRUE(needs_rehash("nonsense", kCheap));
}

TEST(Password, AHashThatCannotBeReadIsDamageNotAWrongPassword) {
    const std::string hash = *hash_password("x", kCheap);
    for (const std::string& bad :
         {std::string(), std::string("nonsense"), hash.substr(0, 20), "$argon2i" + hash.substr(9),
          hash + std::string(200, 'A'), std::string("$argon2id$v=19$m=8,t=1,p=1$$")}) {
        const auto verified = verify_password(bad, "x");
        ASSERT_FALSE(verified) << bad;
        EXPECT_EQ(verified.error().code(), Code::data_loss) << bad;
    }
}

TEST(Password, IsOfLimitedLength) {
    EXPECT_EQ(hash_password(std::string(kPasswordBytesMax + 1, 'x'), kCheap).error().reason(),
              "password_too_long");
    const std::string longest(kPasswordBytesMax, 'x');
    const auto hash = hash_password(longest, kCheap);
    ASSERT_TRUE(hash);
    EXPECT_TRUE(*verify_password(*hash, longest));
    EXPECT_FALSE(*verify_password(*hash, longest + "x"));
}

}  // namespace
}  // namespace insula::crypto
