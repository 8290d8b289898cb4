#include "platform/fs/private_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/fs/tests/temporary_directory.h"

namespace insula {
namespace {

mode_t mode_of(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777u;
}

class PrivateFileTest : public ::testing::Test {
  protected:
    TemporaryDirectory directory_;
    const std::string path_ = directory_.path() + "/key";
};

TEST_F(PrivateFileTest, IsForItsOwnerAloneWhateverTheUmask) {
    for (const mode_t mask : {0000u, 0777u, 0022u}) {
        const mode_t before = ::umask(mask);
        const Status created = create_private_file(path_, "secret\n");
        ::umask(before);
        ASSERT_TRUE(created) << created.error().describe();
        EXPECT_EQ(mode_of(path_), 0600u) << mask;
        EXPECT_EQ(*read_private_file(path_, 100), "secret\n");
        ASSERT_EQ(::unlink(path_.c_str()), 0);
    }
}

TEST_F(PrivateFileTest, NothingIsReplacedAndNothingLeftBeside) {
    ASSERT_TRUE(create_private_file(path_, "first"));
    const Status second = create_private_file(path_, "second");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::already_exists);
    EXPECT_EQ(*read_private_file(path_, 100), "first");
    OsFileSystem fs;
    EXPECT_EQ(fs.list(directory_.path())->size(), 1u);
}

TEST_F(PrivateFileTest, AFileLeftHalfWrittenByACrashIsReplaced) {
    ASSERT_TRUE(create_private_file(path_ + ".new", "ha"));
    ASSERT_TRUE(create_private_file(path_, "whole"));
    EXPECT_EQ(*read_private_file(path_, 100), "whole");
    OsFileSystem fs;
    EXPECT_EQ(fs.list(directory_.path())->size(), 1u);
}

TEST_F(PrivateFileTest, OneThatOthersMayTouchIsRefusedWithItsMode) {
    ASSERT_TRUE(create_private_file(path_, "secret"));
    for (const mode_t mode : {0640u, 0604u, 0620u, 0602u, 0610u, 0601u, 0666u}) {
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
        const auto found = read_private_file(path_, 100);
        ASSERT_FALSE(found) << mode;
        EXPECT_EQ(found.error().reason(), "private_file_exposed");
        EXPECT_NE(found.error().detail().find("its mode is 06"), std::string_view::npos);
        EXPECT_EQ(found.error().message().find(path_), std::string_view::npos);
    }
    for (const mode_t mode : {0600u, 0400u, 0700u}) {
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
        EXPECT_TRUE(read_private_file(path_, 100)) << mode;
    }
}

TEST_F(PrivateFileTest, OtherKindsOfThingsAreRefused) {
    EXPECT_EQ(read_private_file(path_, 100).error().code(), Code::not_found);
    ASSERT_TRUE(create_private_file(path_, "secret"));
    const std::string link = directory_.path() + "/link";
    ASSERT_EQ(::symlink(path_.c_str(), link.c_str()), 0);
    EXPECT_EQ(read_private_file(link, 100).error().reason(), "private_file_exposed");
    EXPECT_EQ(read_private_file(directory_.path(), 100).error().reason(), "private_file_exposed");
    const std::string pipe = directory_.path() + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(read_private_file(pipe, 100).error().reason(), "private_file_exposed");
    EXPECT_EQ(create_private_file(directory_.path() + "/absent/key", "x").error().code(),
              Code::not_found);
}

TEST_F(PrivateFileTest, IsOfLimitedSize) {
    ASSERT_TRUE(create_private_file(path_, std::string(100, 'x')));
    EXPECT_EQ(read_private_file(path_, 100)->size(), 100u);
    EXPECT_EQ(read_private_file(path_, 99).error().code(), Code::payload_too_large);
}

}  // namespace
}  // namespace insula
