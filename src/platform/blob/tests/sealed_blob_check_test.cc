// Sealed files as whoever has no key looks at them.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "platform/blob/blob_check.h"
#include "platform/blob/tests/sealed_blobs.h"

namespace insula::blob {
namespace {

class SealedBlobCheckTest : public SealedBlobTest {
  protected:
    void SetUp() override {
        content_ = random_content(2 * kFrameBytes + 5'000);
        ASSERT_TRUE(write(fs_, "a", content_));
        good_ = raw(fs_, "a");
    }
    BlobCheck check(const std::string& file, crypto::KeyId key_id = kKeyId) {
        put_raw(fs_, "a", file);
        const auto found =
            check_blob(fs_, "a", {.id = kId, .content_bytes = content_.size(), .key_id = key_id},
                       [](uint64_t) { return Status(); });
        EXPECT_TRUE(found);
        return found ? *found : BlobCheck();
    }

    std::string content_;
    std::string good_;
};

TEST_F(SealedBlobCheckTest, AGoodFileHasNothingWrong) {
    const BlobCheck found = check(good_);
    EXPECT_TRUE(found.damages.empty()) << found.damages.at(0).what;
    EXPECT_EQ(found.file_bytes, good_.size());
}

TEST_F(SealedBlobCheckTest, AFlippedBitIsNamedByItsOffsetAndPart) {
    const uint64_t table = kHeaderBytes + content_.size();
    const std::map<uint64_t, std::string> places{
        {kHeaderBytes + kFrameBytes + 17, "(frame 1)"},
        {table + 5, "table of checksums"},
        {table + 3 * kChecksumBytes + 20, "tags of the frames"},
        {good_.size() - kFooterBytes - 50, "seal of the file"}};
    for (const auto& [byte, what] : places) {
        std::string bad = good_;
        bad[byte] = static_cast<char>(bad[byte] ^ 8);
        const BlobCheck found = check(bad);
        ASSERT_EQ(found.damages.size(), 1u) << what;
        EXPECT_EQ(found.damages[0].offset, byte);
        EXPECT_EQ(found.damages[0].bytes, 1u);
        EXPECT_NE(found.damages[0].what.find(what), std::string::npos) << found.damages[0].what;
    }
}

TEST_F(SealedBlobCheckTest, ACutFileAndOneOfAnotherSealAreDamaged) {
    for (const size_t size :
         {size_t{0}, size_t{10}, size_t{70'000}, good_.size() - kFooterBytes, good_.size() - 1}) {
        EXPECT_FALSE(check(good_.substr(0, size)).damages.empty()) << size;
    }
    EXPECT_FALSE(check(good_ + '\0').damages.empty());
    EXPECT_FALSE(check(good_, crypto::KeyId{8}).damages.empty());
    EXPECT_FALSE(check(good_, crypto::KeyId{}).damages.empty());
}

}  // namespace
}  // namespace insula::blob
