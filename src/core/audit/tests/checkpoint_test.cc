#include "core/audit/checkpoint.h"

#include <gtest/gtest.h>

#include "platform/crypto/base64url.h"

namespace insula::audit {
namespace {

class CheckpointTest : public ::testing::Test {
  protected:
    static crypto::SigningKey key(uint64_t seed) {
        SeededRandom random(seed);
        return crypto::SigningKey::random(random);
    }
    const crypto::SigningKey key_ = key(1);
    const Tree tree_{.root = leaf_hash(as_bytes(std::string_view("x"))), .size = 1234};
    const std::string note_ = sign_checkpoint(tree_, key_);
};

TEST_F(CheckpointTest, IsReadBack) {
    const auto tree = verify_checkpoint(note_, key_.public_key());
    ASSERT_TRUE(tree) << tree.error().describe();
    EXPECT_EQ(tree->size, tree_.size);
    EXPECT_EQ(tree->root, tree_.root);
}

TEST_F(CheckpointTest, HasTheLinesOfASignedNote) {
    const std::string name = log_name(key_.public_key());
    const std::string start =
        name + "\n1234\n" + base64(tree_.root) + "\n\n\xe2\x80\x94 " + name + " ";
    EXPECT_EQ(note_.substr(0, start.size()), start);
    EXPECT_EQ(note_.back(), '\n');
}

// The example of the specification, and of golang.org/x/mod/sumdb/note.
TEST_F(CheckpointTest, KeysAndSignaturesAreThoseOfTheSpecification) {
    const auto key_bytes = crypto::base64url_decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW");
    ASSERT_TRUE(key_bytes && key_bytes->size() == 33);
    crypto::PublicKey key;
    std::copy(key_bytes->begin() + 1, key_bytes->end(), key.begin());
    EXPECT_EQ(verifier_key("PeterNeumann", key),
              "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    const auto signed_bytes = crypto::base64url_decode(
        "x08go_ZJkuBS9UG_SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJn"
        "AM");
    ASSERT_TRUE(signed_bytes && signed_bytes->size() == 68);
    crypto::Signature signature;
    std::copy(signed_bytes->begin() + 4, signed_bytes->end(), signature.begin());
    const std::string_view text =
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n";
    EXPECT_TRUE(crypto::verify_signature(key, as_bytes(text), signature));
}

TEST_F(CheckpointTest, AnythingElseIsRefused) {
    EXPECT_FALSE(verify_checkpoint(note_, key(2).public_key()));
    EXPECT_FALSE(verify_checkpoint("", key_.public_key()));
    EXPECT_FALSE(verify_checkpoint(note_.substr(0, note_.size() - 1), key_.public_key()));
    for (size_t i = 0; i < note_.size(); ++i) {
        for (const int bit : {0, 3, 6}) {
            std::string changed = note_;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            EXPECT_FALSE(verify_checkpoint(changed, key_.public_key())) << i << " " << bit;
        }
    }
    const Tree other{.root = tree_.root, .size = 1235};
    const std::string of_other = sign_checkpoint(other, key_);
    const size_t body = note_.find("\n\n");
    EXPECT_FALSE(verify_checkpoint(of_other.substr(0, of_other.find("\n\n")) + note_.substr(body),
                                   key_.public_key()));
}

TEST_F(CheckpointTest, OtherSignaturesStandBesideIt) {
    const std::string witness = "\xe2\x80\x94 witness.example AAAA\n";
    EXPECT_TRUE(verify_checkpoint(note_ + witness, key_.public_key()));
}

TEST_F(CheckpointTest, AVerifierKeyIsReadBackAndNothingElseIsOne) {
    const std::string text = verifier_key(key_.public_key());
    const auto read = parse_verifier_key(text + "\n");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, key_.public_key());
    for (size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(parse_verifier_key(changed)) << changed;
    }
    EXPECT_EQ(parse_verifier_key("").error().reason(), "invalid_verifier_key");
}

}  // namespace
}  // namespace insula::audit
