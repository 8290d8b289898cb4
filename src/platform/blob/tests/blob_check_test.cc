#include "platform/blob/blob_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/units.h"
#include "platform/blob/blob_file.h"
#include "platform/blob/blob_format.h"
#include "platform/fs/crash_file_system.h"
#include "platform/runtime/random.h"

namespace insula::blob {
namespace {

constexpr FileId kId{42};
constexpr std::string_view kPath = "a.blob";

class BlobCheckTest : public ::testing::Test {
  protected:
    // Three frames, the last one not full.
    void SetUp() override {
        std::string content(2 * kFrameBytes + 5000, '\0');
        SeededRandom random(3);
        random.fill({reinterpret_cast<uint8_t*>(content.data()), content.size()});
        content_bytes_ = content.size();
        auto writer = BlobWriter::create(fs_, "tmp", std::string(kPath), kId);
        ASSERT_TRUE(writer.has_value());
        ASSERT_TRUE((*writer)->append(as_bytes(content)).has_value());
        ASSERT_TRUE((*writer)->finish().has_value());
        whole_ = *read_file(fs_, kPath, kMiB);
    }

    BlobCheck check(const std::string& file) {
        auto opened = fs_.open(kPath, OpenMode::create_or_open);
        EXPECT_TRUE((*opened)->truncate(0).has_value());
        EXPECT_TRUE((*opened)->write_at(as_bytes(file), 0).has_value());
        read_ = 0;
        const auto found =
            check_blob(fs_, std::string(kPath), {.id = kId, .content_bytes = content_bytes_},
                       [&](uint64_t bytes) {
                           EXPECT_LE(bytes, 256 * kKiB);
                           read_ += bytes;
                           return Status();
                       });
        EXPECT_TRUE(found.has_value());
        return found ? *found : BlobCheck();
    }

    CrashFileSystem fs_;
    uint64_t content_bytes_ = 0;
    std::string whole_;
    uint64_t read_ = 0;
};

TEST_F(BlobCheckTest, AGoodFileIsReadWhollyAndHasNothingWrong) {
    const BlobCheck found = check(whole_);
    EXPECT_TRUE(found.damages.empty());
    EXPECT_EQ(found.file_bytes, whole_.size());
    EXPECT_EQ(read_, whole_.size());
}

TEST_F(BlobCheckTest, AFlippedBitIsNamedByItsOffset) {
    SeededRandom random(4);
    for (int i = 0; i < 300; ++i) {
        // The ends wholly, the rest at random.
        uint64_t at = random.below(whole_.size());
        if (i < 64) at = static_cast<uint64_t>(i);
        if (i >= 64 && i < 140) at = whole_.size() - 1 - static_cast<uint64_t>(i - 64);
        std::string file = whole_;
        file[at] = static_cast<char>(file[at] ^ (1 << random.below(8)));
        const BlobCheck found = check(file);
        ASSERT_EQ(found.damages.size(), 1u) << "flip at " << at;
        const BlobDamage& damage = found.damages[0];
        EXPECT_LE(damage.offset, at) << damage.what;
        EXPECT_LT(at, damage.offset + damage.bytes) << damage.what;
        const bool in_an_end = at < kHeaderBytes || at >= whole_.size() - kFooterBytes;
        EXPECT_EQ(damage.bytes == 1, !in_an_end) << damage.what << " at " << at;
    }
}

TEST_F(BlobCheckTest, AllThatIsWrongIsReported) {
    std::string file = whole_;
    file[3] ^= 1;
    file[kHeaderBytes + 10] ^= 1;
    std::fill_n(file.begin() + kHeaderBytes + kFrameBytes + 4096, 4096, '\0');
    file[file.size() - 10] ^= 1;
    const BlobCheck found = check(file);
    std::vector<uint64_t> offsets;
    for (const BlobDamage& damage : found.damages) offsets.push_back(damage.offset);
    EXPECT_EQ(offsets, (std::vector<uint64_t>{0, file.size() - kFooterBytes, kHeaderBytes + 10,
                                              kHeaderBytes + kFrameBytes}));
}

TEST_F(BlobCheckTest, AShorterOrLongerFileIsDamaged) {
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{30}, kHeaderBytes + kFrameBytes + 17,
                                 static_cast<uint64_t>(whole_.size()) - 1}) {
        const BlobCheck found = check(whole_.substr(0, bytes));
        ASSERT_FALSE(found.damages.empty()) << bytes;
        EXPECT_EQ(found.damages[0].offset, bytes);
    }
    EXPECT_FALSE(check(whole_ + "x").damages.empty());
}

TEST_F(BlobCheckTest, AnotherFilesContentIsDamage) {
    auto writer = BlobWriter::create(fs_, "tmp", "other", FileId{43});
    ASSERT_TRUE((*writer)->append(as_bytes(std::string(content_bytes_, 'x'))).has_value());
    ASSERT_TRUE((*writer)->finish().has_value());
    const BlobCheck found = check(*read_file(fs_, "other", kMiB));
    ASSERT_FALSE(found.damages.empty());
    EXPECT_NE(found.damages[0].what.find("it is file 43, not 42"), std::string::npos)
        << found.damages[0].what;
}

}  // namespace
}  // namespace insula::blob
