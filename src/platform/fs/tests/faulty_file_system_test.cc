#include "platform/fs/faulty_file_system.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "platform/fs/crash_file_system.h"

namespace insula {
namespace {

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

class FaultyFileSystemTest : public ::testing::Test {
  protected:
    std::unique_ptr<File> open_file(std::string_view path) {
        auto file = fs_.open(path, OpenMode::create_or_open);
        EXPECT_TRUE(file) << file.error().describe();
        return file ? *std::move(file) : nullptr;
    }
    std::string inner_content(std::string_view path) {
        const auto content = read_file(inner_, path, kMiB);
        return content ? *content : "-";
    }

    CrashFileSystem inner_;
    FaultyFileSystem fs_{inner_};
};

TEST_F(FaultyFileSystemTest, CountsEveryCall) {
    std::array<std::byte, 4> buffer{};
    const auto file = open_file("a");             // 1
    ASSERT_OK(file->write_at(as_bytes("x"), 0));  // 2
    ASSERT_OK(file->read_at(buffer, 0));          // 3
    ASSERT_OK(file->sync_data());                 // 4
    ASSERT_OK(file->truncate(0));                 // 5
    ASSERT_OK(file->size());                      // 6
    ASSERT_OK(fs_.rename("a", "b"));              // 7
    ASSERT_OK(fs_.remove("b"));                   // 8
    ASSERT_OK(fs_.create_directory("d"));         // 9
    ASSERT_OK(fs_.remove_directory("d"));         // 10
    ASSERT_OK(fs_.sync_directory("."));           // 11
    ASSERT_OK(fs_.list("."));                     // 12
    ASSERT_OK(fs_.exists("a"));                   // 13
    ASSERT_OK(fs_.space("."));                    // 14
    ASSERT_OK(fs_.lock("LOCK"));                  // 15
    EXPECT_EQ(fs_.calls(), 15u);
    EXPECT_EQ(fs_.faults(), 0u);
}

TEST_F(FaultyFileSystemTest, FailsExactlyTheChosenCall) {
    const auto file = open_file("a");
    fs_.arm({.at_call = 2});
    ASSERT_OK(file->write_at(as_bytes("1"), 0));
    const Status failed = file->write_at(as_bytes("2"), 1);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Code::internal);
    EXPECT_EQ(fs_.last_fault(), "write a (call 2)");
    ASSERT_OK(file->write_at(as_bytes("3"), 2));
    EXPECT_EQ(fs_.faults(), 1u);
    EXPECT_EQ(inner_content("a"), std::string("1\0"
                                              "3",
                                              3));
}

TEST_F(FaultyFileSystemTest, FromThenOnFailsAllLaterCalls) {
    const auto file = open_file("a");
    fs_.arm({.at_call = 2, .fault = Fault::disk_full, .from_then_on = true});
    ASSERT_OK(file->write_at(as_bytes("1"), 0));
    for (int i = 0; i < 3; ++i) {
        const Status failed = file->write_at(as_bytes("2"), 1);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().code(), Code::storage_exhausted);
    }
    EXPECT_TRUE(file->size()) << "a full disk can still be read";
    EXPECT_FALSE(fs_.open("b", OpenMode::create));
    EXPECT_TRUE(fs_.open("a", OpenMode::read));
    fs_.disarm();
    ASSERT_OK(file->write_at(as_bytes("2"), 1));
}

TEST_F(FaultyFileSystemTest, CountsOnlyTheChosenKind) {
    const auto file = open_file("a");
    fs_.arm({.at_call = 2, .only = StorageCall::sync});
    ASSERT_OK(file->sync_data());
    ASSERT_OK(file->write_at(as_bytes("1"), 0));
    EXPECT_EQ(fs_.calls(), 1u);
    EXPECT_FALSE(file->sync_data());
    ASSERT_OK(file->sync_data());
}

TEST_F(FaultyFileSystemTest, AShortWriteLeavesTheFirstHalf) {
    const auto file = open_file("a");
    fs_.arm({.at_call = 1, .fault = Fault::short_write});
    EXPECT_FALSE(file->write_at(as_bytes("abcdef"), 0));
    EXPECT_EQ(inner_content("a"), "abc");
}

TEST_F(FaultyFileSystemTest, AnInterruptedCallIsNotNoticed) {
    const auto file = open_file("a");
    fs_.arm({.at_call = 1, .fault = Fault::interrupted, .from_then_on = true});
    ASSERT_OK(file->write_at(as_bytes("abcdefg"), 0));
    std::array<std::byte, 16> buffer{};
    for (const size_t bytes : {3u, 7u, 16u}) {
        const auto count = file->read_at(MutableBytes(buffer).first(bytes), 0);
        ASSERT_OK(count);
        EXPECT_EQ(as_text(Bytes(buffer).first(*count)),
                  std::string_view("abcdefg").substr(0, bytes));
    }
    EXPECT_EQ(fs_.faults(), 4u);
}

TEST_F(FaultyFileSystemTest, ALateErrorReportsWhatHappenedAsFailed) {
    ASSERT_OK(open_file("a")->write_at(as_bytes("x"), 0));
    fs_.arm({.at_call = 1, .fault = Fault::late_io_error, .from_then_on = true});
    EXPECT_FALSE(fs_.rename("a", "b"));
    EXPECT_EQ(inner_content("b"), "x");
    EXPECT_FALSE(fs_.open("c", OpenMode::create));
    EXPECT_EQ(inner_content("c"), "");
}

TEST_F(FaultyFileSystemTest, TooManyFilesMeetsOnlyCallsThatNeedADescriptor) {
    const auto file = open_file("a");
    fs_.arm({.at_call = 1, .fault = Fault::too_many_files, .from_then_on = true});
    ASSERT_OK(file->write_at(as_bytes("x"), 0));
    const auto failed = fs_.open("a", OpenMode::read);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().reason(), "too_many_open_files");
    EXPECT_FALSE(fs_.sync_directory("."));
    EXPECT_FALSE(fs_.list("."));
    EXPECT_FALSE(fs_.lock("LOCK"));
}

TEST_F(FaultyFileSystemTest, AfterAFailedSyncALaterOneMayPretend) {
    for (const bool pretend : {true, false}) {
        const std::string path = pretend ? "a" : "b";
        ASSERT_OK(write_file_durably(inner_, path, "old"));
        const auto file = open_file(path);
        fs_.arm({.at_call = 1, .only = StorageCall::sync, .later_syncs_pretend = pretend});
        ASSERT_OK(file->write_at(as_bytes("new"), 0));
        EXPECT_FALSE(file->sync_data());
        ASSERT_OK(file->sync_data());
        ASSERT_OK(open_file(path)->sync_data());
        EXPECT_EQ(inner_content(path), "new") << "the cache still shows it";
        std::set<std::string> found;
        for (uint64_t seed = 0; seed < 50; ++seed) {
            const auto content = read_file(*inner_.crash(seed), path, kMiB);
            ASSERT_OK(content);
            found.insert(*content);
        }
        EXPECT_EQ(found.contains("old"), pretend);
    }
}

}  // namespace
}  // namespace insula
