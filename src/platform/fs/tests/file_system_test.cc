// One suite over both file systems that stand on their own: the operating system and the crash
// simulation.
#include "platform/fs/file_system.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/fs/os_file_system.h"
#include "platform/fs/tests/temporary_directory.h"

namespace insula {
namespace {

// `status` is a Status or a Result.
#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()
#define EXPECT_CODE(expression, expected_code)                                        \
    do {                                                                              \
        const auto failed = (expression);                                             \
        ASSERT_FALSE(failed) << #expression;                                          \
        EXPECT_EQ(failed.error().code(), expected_code) << failed.error().describe(); \
    } while (false)

enum class Kind { os, crash, faulty_over_crash };

class FileSystemSuite : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        switch (GetParam()) {
            case Kind::os:
                directory_ = std::make_unique<TemporaryDirectory>();
                base_ = directory_->path();
                fs_ = std::make_unique<OsFileSystem>();
                break;
            case Kind::crash:
                fs_ = std::make_unique<CrashFileSystem>();
                base_ = "base";
                break;
            case Kind::faulty_over_crash:
                inner_ = std::make_unique<CrashFileSystem>();
                fs_ = std::make_unique<FaultyFileSystem>(*inner_);
                base_ = "base";
                break;
        }
        if (GetParam() != Kind::os) ASSERT_OK(fs_->create_directory(base_));
    }
    std::string at(std::string_view name) const { return base_ + "/" + std::string(name); }
    void put(std::string_view name, std::string_view content) {
        const auto file = fs_->open(at(name), OpenMode::create_or_open);
        ASSERT_OK(file);
        ASSERT_OK((*file)->truncate(0));
        ASSERT_OK((*file)->write_at(as_bytes(content), 0));
    }
    std::string get(std::string_view name) {
        const auto content = read_file(*fs_, at(name), kMiB);
        if (!content) return "error: " + std::string(code_name(content.error().code()));
        return *content;
    }
    std::vector<std::string> names(std::string_view name = "") {
        const auto entries = fs_->list(name.empty() ? base_ : at(name));
        EXPECT_TRUE(entries);
        std::vector<std::string> result;
        if (!entries) return result;
        for (const auto& entry : *entries) {
            result.push_back(entry.name + (entry.is_directory ? "/" : ""));
        }
        return result;
    }

    std::unique_ptr<TemporaryDirectory> directory_;
    std::unique_ptr<CrashFileSystem> inner_;
    std::unique_ptr<FileSystem> fs_;
    std::string base_;
};

INSTANTIATE_TEST_SUITE_P(All, FileSystemSuite,
                         ::testing::Values(Kind::os, Kind::crash, Kind::faulty_over_crash),
                         [](const auto& info) {
                             switch (info.param) {
                                 case Kind::os:
                                     return "os";
                                 case Kind::crash:
                                     return "crash";
                                 case Kind::faulty_over_crash:
                                     return "faulty_over_crash";
                             }
                             return "unknown";
                         });

TEST_P(FileSystemSuite, WhatIsWrittenIsRead) {
    const auto file = fs_->open(at("a"), OpenMode::create);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(as_bytes("hello"), 0));
    ASSERT_OK((*file)->write_at(as_bytes("J"), 0));
    ASSERT_OK((*file)->sync_data());
    EXPECT_EQ(*(*file)->size(), 5u);
    EXPECT_EQ(get("a"), "Jello");
}

TEST_P(FileSystemSuite, AReadStopsAtTheEnd) {
    put("a", "hello");
    const auto file = fs_->open(at("a"), OpenMode::read);
    ASSERT_OK(file);
    std::array<std::byte, 16> buffer{};
    const auto count = (*file)->read_at(buffer, 3);
    ASSERT_OK(count);
    EXPECT_EQ(as_text(Bytes(buffer).first(*count)), "lo");
    EXPECT_EQ(*(*file)->read_at(buffer, 5), 0u);
    EXPECT_EQ(*(*file)->read_at(buffer, 5000), 0u);
}

TEST_P(FileSystemSuite, AGapReadsAsZeros) {
    const auto file = fs_->open(at("a"), OpenMode::create);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(as_bytes("x"), 10'000));
    EXPECT_EQ(get("a"), std::string(10'000, '\0') + "x");
}

TEST_P(FileSystemSuite, TruncateCutsAndAGrownFileShowsZerosAgain) {
    put("a", "hello world");
    const auto file = fs_->open(at("a"), OpenMode::read_write);
    ASSERT_OK(file);
    ASSERT_OK((*file)->truncate(5));
    EXPECT_EQ(get("a"), "hello");
    ASSERT_OK((*file)->truncate(8));
    EXPECT_EQ(get("a"), std::string("hello\0\0\0", 8));
}

TEST_P(FileSystemSuite, RandomWritesEqualAModel) {
    SeededRandom random(7);
    std::string model;
    const auto file = fs_->open(at("a"), OpenMode::create);
    ASSERT_OK(file);
    for (int step = 0; step < 400; ++step) {
        const uint64_t offset = random.below(40'000);
        if (random.below(10) == 0) {
            ASSERT_OK((*file)->truncate(offset));
            model.resize(offset);
            continue;
        }
        // A zero byte often, so that pages of zeros are met too.
        const char letter = random.below(3) == 0 ? '\0' : static_cast<char>('a' + step % 26);
        const std::string data(random.below(9'000), letter);
        ASSERT_OK((*file)->write_at(as_bytes(data), offset));
        if (data.empty()) continue;
        if (model.size() < offset + data.size()) model.resize(offset + data.size());
        model.replace(offset, data.size(), data);
        if (step % 7 == 0) ASSERT_OK((*file)->sync_data());
        ASSERT_EQ(get("a"), model) << "step " << step;
    }
}

TEST_P(FileSystemSuite, OpenModesKeepTheirPromises) {
    EXPECT_CODE(fs_->open(at("a"), OpenMode::read), Code::not_found);
    EXPECT_CODE(fs_->open(at("a"), OpenMode::read_write), Code::not_found);
    EXPECT_CODE(fs_->open(at("missing/a"), OpenMode::create), Code::not_found);
    put("a", "x");
    EXPECT_CODE(fs_->open(at("a"), OpenMode::create), Code::already_exists);
    ASSERT_OK(fs_->open(at("a"), OpenMode::create_or_open));
    EXPECT_EQ(get("a"), "x");
    EXPECT_CODE(fs_->open(base_, OpenMode::read), Code::failed_precondition);
    EXPECT_CODE(fs_->open(base_, OpenMode::read_write), Code::failed_precondition);
    EXPECT_CODE(fs_->open(at("a/b"), OpenMode::read), Code::failed_precondition);
}

TEST_P(FileSystemSuite, AFileOpenedForReadingRefusesWrites) {
    put("a", "x");
    const auto file = fs_->open(at("a"), OpenMode::read);
    ASSERT_OK(file);
    EXPECT_FALSE((*file)->write_at(as_bytes("y"), 0));
    EXPECT_FALSE((*file)->truncate(0));
    EXPECT_EQ(get("a"), "x");
}

TEST_P(FileSystemSuite, AnErrorNamesCallAndPathInItsDetailOnly) {
    const auto missing = fs_->open(at("secret"), OpenMode::read);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().detail().find("open " + at("secret")), std::string_view::npos);
    EXPECT_EQ(missing.error().message().find("secret"), std::string_view::npos);
}

TEST_P(FileSystemSuite, RenameReplacesItsTarget) {
    put("a", "new");
    put("b", "old");
    ASSERT_OK(fs_->rename(at("a"), at("b")));
    EXPECT_EQ(get("b"), "new");
    EXPECT_EQ(names(), std::vector<std::string>{"b"});
    EXPECT_CODE(fs_->rename(at("a"), at("b")), Code::not_found);
}

TEST_P(FileSystemSuite, AnOpenFileOutlivesItsName) {
    put("a", "hello");
    const auto file = fs_->open(at("a"), OpenMode::read);
    ASSERT_OK(file);
    ASSERT_OK(fs_->remove(at("a")));
    std::array<std::byte, 5> buffer{};
    EXPECT_EQ(*(*file)->read_at(buffer, 0), 5u);
    EXPECT_EQ(as_text(buffer), "hello");
    EXPECT_CODE(fs_->remove(at("a")), Code::not_found);
}

TEST_P(FileSystemSuite, DirectoriesAreMadeListedRenamedAndRemoved) {
    ASSERT_OK(fs_->create_directory(at("d")));
    EXPECT_CODE(fs_->create_directory(at("d")), Code::already_exists);
    EXPECT_CODE(fs_->create_directory(at("x/y")), Code::not_found);
    put("d/b", "");
    put("d/a", "");
    ASSERT_OK(fs_->create_directory(at("d/c")));
    EXPECT_EQ(names("d"), (std::vector<std::string>{"a", "b", "c/"}));
    EXPECT_CODE(fs_->remove_directory(at("d")), Code::failed_precondition);
    EXPECT_CODE(fs_->remove_directory(at("d/a")), Code::failed_precondition);
    EXPECT_CODE(fs_->remove(at("d/c")), Code::failed_precondition);
    ASSERT_OK(fs_->rename(at("d"), at("e")));
    EXPECT_EQ(names(), std::vector<std::string>{"e/"});
    EXPECT_CODE(fs_->rename(at("e/a"), at("e/c")), Code::failed_precondition);
    ASSERT_OK(fs_->remove_directory(at("e/c")));
    ASSERT_OK(fs_->sync_directory(at("e")));
    EXPECT_CODE(fs_->sync_directory(at("d")), Code::not_found);
    EXPECT_CODE(fs_->list(at("d")), Code::not_found);
}

TEST_P(FileSystemSuite, ExistsTellsFilesAndDirectories) {
    put("a", "");
    EXPECT_TRUE(*fs_->exists(at("a")));
    EXPECT_TRUE(*fs_->exists(base_));
    EXPECT_FALSE(*fs_->exists(at("b")));
    EXPECT_FALSE(*fs_->exists(at("a/b")));
}

TEST_P(FileSystemSuite, SpaceIsTold) {
    const auto space = fs_->space(base_);
    ASSERT_OK(space);
    EXPECT_GT(space->total_bytes, 0u);
    EXPECT_LE(space->available_bytes, space->total_bytes);
    EXPECT_CODE(fs_->space(at("missing")), Code::not_found);
}

TEST_P(FileSystemSuite, ALockIsHeldOnceUntilItIsDropped) {
    auto lock = fs_->lock(at("LOCK"));
    ASSERT_OK(lock);
    EXPECT_CODE(fs_->lock(at("LOCK")), Code::already_exists);
    lock->reset();
    ASSERT_OK(fs_->lock(at("LOCK")));
}

TEST_P(FileSystemSuite, CreateDirectoriesMakesAllLevelsAndMayBeRepeated) {
    for (int round = 0; round < 2; ++round) {
        ASSERT_OK(create_directories(*fs_, at("x/y/z")));
    }
    put("x/y/z/a", "deep");
    EXPECT_EQ(get("x/y/z/a"), "deep");
    EXPECT_CODE(create_directories(*fs_, at("x/y/z/a/b")), Code::failed_precondition);
}

TEST_P(FileSystemSuite, RemoveTreeRemovesAllAndAMissingTreeIsSuccess) {
    ASSERT_OK(create_directories(*fs_, at("x/y")));
    put("x/a", "1");
    put("x/y/b", "2");
    ASSERT_OK(remove_tree(*fs_, at("x")));
    EXPECT_TRUE(names().empty());
    ASSERT_OK(remove_tree(*fs_, at("x")));
}

TEST_P(FileSystemSuite, ReadFileRefusesMoreThanItsBound) {
    put("a", "12345");
    EXPECT_EQ(*read_file(*fs_, at("a"), 5), "12345");
    EXPECT_CODE(read_file(*fs_, at("a"), 4), Code::payload_too_large);
}

TEST_P(FileSystemSuite, WriteFileDurablyReplacesAndLeavesNoTemporary) {
    ASSERT_OK(write_file_durably(*fs_, at("a"), "a long first content"));
    put("a.tmp", "left from before a crash, and longer than what comes");
    ASSERT_OK(write_file_durably(*fs_, at("a"), "second"));
    EXPECT_EQ(get("a"), "second");
    EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST(ParentPath, IsWhatStandsBeforeTheLastName) {
    EXPECT_EQ(parent_path("a/b/c"), "a/b");
    EXPECT_EQ(parent_path("a/b/"), "a");
    EXPECT_EQ(parent_path("a//b"), "a");
    EXPECT_EQ(parent_path("c"), ".");
    EXPECT_EQ(parent_path("."), ".");
    EXPECT_EQ(parent_path("/a"), "/");
    EXPECT_EQ(parent_path("/"), "/");
}

// What is left of write_file_durably() at every call at which the power may go.
TEST(WriteFileDurably, LeavesTheOldOrTheNewContentWhereverThePowerGoes) {
    const std::string old_content(3'000, 'o');
    const std::string new_content(5'000, 'n');
    uint64_t olds = 0;
    uint64_t news = 0;
    for (const bool after_effect : {false, true}) {
        for (uint64_t call = 1;; ++call) {
            CrashFileSystem fs;
            ASSERT_OK(create_directories(fs, "d"));
            ASSERT_OK(write_file_durably(fs, "d/a", old_content));
            fs.set_power_cut({.at_call = call, .after_effect = after_effect});
            const bool acknowledged = static_cast<bool>(write_file_durably(fs, "d/a", new_content));
            for (uint64_t seed = 0; seed < 100; ++seed) {
                const auto found = fs.crash(seed);
                const auto content = read_file(*found, "d/a", kMiB);
                ASSERT_OK(content);
                ASSERT_TRUE(*content == old_content || *content == new_content)
                    << "call " << call << " seed " << seed;
                if (acknowledged) ASSERT_EQ(*content, new_content) << "seed " << seed;
                ++(*content == old_content ? olds : news);
                ASSERT_OK(write_file_durably(*found, "d/a", "third"));
                ASSERT_EQ(*read_file(*found, "d/a", kMiB), "third");
            }
            if (acknowledged) break;
        }
    }
    EXPECT_GT(olds, 0u);
    EXPECT_GT(news, 0u);
}

TEST(CreateDirectories, SurvivesEveryPowerCutOnceItHasReturned) {
    CrashFileSystem fs;
    ASSERT_OK(fs.create_directory("a"));  // by a process that was killed before its sync
    ASSERT_OK(create_directories(fs, "a/b/c"));
    for (uint64_t seed = 0; seed < 100; ++seed) {
        EXPECT_TRUE(*fs.crash(seed)->exists("a/b/c")) << "seed " << seed;
    }
}

TEST(CreateDirectories, FailsLoudlyAtEveryFailedCall) {
    for (uint64_t call = 1;; ++call) {
        CrashFileSystem inner;
        ASSERT_OK(inner.create_directory("a"));
        FaultyFileSystem fs(inner);
        fs.arm({.at_call = call});
        const Status status = create_directories(fs, "a/b/c");
        if (fs.calls() < call) {
            EXPECT_GT(call, 7u);
            break;
        }
        EXPECT_FALSE(status) << fs.last_fault();
    }
}

TEST(WriteFileDurably, FailsLoudlyAtEveryFailedCall) {
    for (const Fault fault : {Fault::io_error, Fault::late_io_error, Fault::disk_full,
                              Fault::short_write, Fault::too_many_files}) {
        for (uint64_t call = 1;; ++call) {
            CrashFileSystem inner;
            ASSERT_OK(write_file_durably(inner, "a", "old"));
            FaultyFileSystem fs(inner);
            fs.arm({.at_call = call, .fault = fault});
            const Status status = write_file_durably(fs, "a", "new");
            if (fs.calls() < call) {
                EXPECT_GT(call, 5u);
                break;
            }
            EXPECT_EQ(fs.faults() > 0, !status) << fs.last_fault();
            for (uint64_t seed = 0; seed < 10; ++seed) {
                const auto content = read_file(*inner.crash(seed), "a", kMiB);
                ASSERT_OK(content);
                if (status) {
                    EXPECT_EQ(*content, "new");
                } else {
                    EXPECT_TRUE(*content == "old" || *content == "new") << fs.last_fault();
                }
            }
        }
    }
}

}  // namespace
}  // namespace insula
