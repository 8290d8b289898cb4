#include "platform/fs/crash_file_system.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace insula {
namespace {

constexpr uint64_t kSeeds = 200;

#define ASSERT_OK(status) ASSERT_TRUE(status) << (status).error().describe()

std::unique_ptr<File> open_file(FileSystem& fs, std::string_view path,
                                OpenMode mode = OpenMode::create_or_open) {
    auto file = fs.open(path, mode);
    EXPECT_TRUE(file) << file.error().describe();
    return file ? *std::move(file) : nullptr;
}

void put(FileSystem& fs, std::string_view path, std::string_view content) {
    ASSERT_OK(open_file(fs, path)->write_at(as_bytes(content), 0));
}

// Content and entry durable.
void put_durably(FileSystem& fs, std::string_view path, std::string_view content) {
    put(fs, path, content);
    ASSERT_OK(open_file(fs, path)->sync_data());
    ASSERT_OK(fs.sync_directory(parent_path(path)));
}

// The content of `path`, or "-" if it is not there.
std::string content_of(FileSystem& fs, std::string_view path) {
    const auto content = read_file(fs, path, 128 * kMiB);
    if (content) return *content;
    EXPECT_EQ(content.error().code(), Code::not_found) << content.error().describe();
    return "-";
}

// What is found under `path` after power cuts of many seeds.
std::set<std::string> outcomes(const CrashFileSystem& fs, std::string_view path) {
    std::set<std::string> found;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) found.insert(content_of(*fs.crash(seed), path));
    return found;
}

using Set = std::set<std::string>;

TEST(CrashFileSystem, ASyncedWriteSurvivesEverySeed) {
    CrashFileSystem fs;
    put_durably(fs, "a", "hello");
    EXPECT_EQ(outcomes(fs, "a"), Set{"hello"});
}

TEST(CrashFileSystem, AWriteWithoutSyncMayBeLost) {
    CrashFileSystem fs;
    put_durably(fs, "a", "old");
    put(fs, "a", "new");
    EXPECT_EQ(outcomes(fs, "a"), (Set{"old", "new"}));
}

TEST(CrashFileSystem, ASyncCoversWritesOfOtherFilesOfTheSameName) {
    CrashFileSystem fs;
    put_durably(fs, "a", "old");
    put(fs, "a", "new");
    ASSERT_OK(open_file(fs, "a", OpenMode::read)->sync_data());
    EXPECT_EQ(outcomes(fs, "a"), Set{"new"});
}

TEST(CrashFileSystem, UnsyncedWritesSurviveInAnyOrder) {
    CrashFileSystem fs;
    const std::string sectors(2 * kCrashSectorBytes, '.');
    put_durably(fs, "a", sectors);
    const auto file = open_file(fs, "a");
    ASSERT_OK(file->write_at(as_bytes("1"), 0));
    ASSERT_OK(file->write_at(as_bytes("2"), kCrashSectorBytes));
    Set found;
    for (const std::string& content : outcomes(fs, "a")) {
        found.insert({content[0], content[kCrashSectorBytes]});
    }
    EXPECT_EQ(found, (Set{"..", "1.", ".2", "12"}));
}

TEST(CrashFileSystem, WithinASectorALaterWriteBringsTheEarlierOnes) {
    CrashFileSystem fs;
    put_durably(fs, "a", "..");
    const auto file = open_file(fs, "a");
    ASSERT_OK(file->write_at(as_bytes("1"), 0));
    ASSERT_OK(file->write_at(as_bytes("2"), 1));
    EXPECT_EQ(outcomes(fs, "a"), (Set{"..", "1.", "12"}));
}

TEST(CrashFileSystem, TornWritesTearAtSectors) {
    CrashFileSystem fs;
    constexpr size_t kSectors = 10;
    put_durably(fs, "a", std::string(kSectors * kCrashSectorBytes, 'o'));
    put(fs, "a", std::string(kSectors * kCrashSectorBytes, 'n'));
    bool torn = false;
    for (const std::string& content : outcomes(fs, "a")) {
        ASSERT_EQ(content.size(), kSectors * kCrashSectorBytes);
        for (size_t sector = 0; sector < kSectors; ++sector) {
            const std::string part = content.substr(sector * kCrashSectorBytes, kCrashSectorBytes);
            EXPECT_EQ(part, std::string(kCrashSectorBytes, part[0])) << "torn within a sector";
            torn |= part[0] != content[0];
        }
    }
    EXPECT_TRUE(torn);
}

TEST(CrashFileSystem, TheSizeMaySurviveWithoutTheBytesAndTheBytesWithoutTheSize) {
    CrashFileSystem fs;
    put_durably(fs, "a", "12");
    ASSERT_OK(open_file(fs, "a")->write_at(as_bytes("345"), 2));
    EXPECT_EQ(outcomes(fs, "a"), (Set{"12", "12345", std::string("12\0\0\0", 5)}));
}

TEST(CrashFileSystem, AnUnsyncedTruncateMayBeLost) {
    CrashFileSystem fs;
    put_durably(fs, "a", std::string(2'000, 'x'));
    ASSERT_OK(open_file(fs, "a")->truncate(1'024));
    const Set found = outcomes(fs, "a");
    EXPECT_TRUE(found.contains(std::string(2'000, 'x')));
    EXPECT_TRUE(found.contains(std::string(1'024, 'x')));
}

TEST(CrashFileSystem, ACreatedFileWithoutDirectorySyncMayVanishWithItsSyncedContent) {
    CrashFileSystem fs;
    put(fs, "a", "hello");
    ASSERT_OK(open_file(fs, "a")->sync_data());
    EXPECT_EQ(outcomes(fs, "a"), (Set{"-", "hello"}));
}

TEST(CrashFileSystem, ADirectoryThatWasNotSyncedMayVanishWithAllInIt) {
    CrashFileSystem fs;
    ASSERT_OK(fs.create_directory("d"));
    put_durably(fs, "d/a", "hello");
    EXPECT_EQ(outcomes(fs, "d/a"), (Set{"-", "hello"}));
    ASSERT_OK(fs.sync_directory("."));
    EXPECT_EQ(outcomes(fs, "d/a"), Set{"hello"});
}

TEST(CrashFileSystem, ARemovedFileMayComeBackUntilItsDirectoryIsSynced) {
    CrashFileSystem fs;
    put_durably(fs, "a", "hello");
    ASSERT_OK(fs.remove("a"));
    EXPECT_EQ(outcomes(fs, "a"), (Set{"-", "hello"}));
    ASSERT_OK(fs.sync_directory("."));
    EXPECT_EQ(outcomes(fs, "a"), Set{"-"});
}

// Both names, as found after power cuts of many seeds: "content of a|content of b".
Set pairs(const CrashFileSystem& fs, std::string_view a, std::string_view b) {
    Set found;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
        const auto after = fs.crash(seed);
        found.insert(content_of(*after, a) + "|" + content_of(*after, b));
    }
    return found;
}

TEST(CrashFileSystem, ARenameWithoutDirectorySyncMayBeLost) {
    CrashFileSystem fs;
    put_durably(fs, "a", "new");
    put_durably(fs, "b", "old");
    ASSERT_OK(fs.rename("a", "b"));
    EXPECT_EQ(pairs(fs, "a", "b"), (Set{"new|old", "-|new"}));
    ASSERT_OK(fs.sync_directory("."));
    EXPECT_EQ(pairs(fs, "a", "b"), Set{"-|new"});
}

TEST(CrashFileSystem, ARenameBetweenDirectoriesIsDurableOnceEitherIsSynced) {
    for (const std::string_view synced : {"from", "to"}) {
        CrashFileSystem fs;
        ASSERT_OK(create_directories(fs, "from"));
        ASSERT_OK(create_directories(fs, "to"));
        put_durably(fs, "from/a", "x");
        ASSERT_OK(fs.rename("from/a", "to/a"));
        EXPECT_EQ(pairs(fs, "from/a", "to/a"), (Set{"x|-", "-|x"}));
        ASSERT_OK(fs.sync_directory(synced));
        // With only the target synced, the old name may still be there beside the new one.
        EXPECT_EQ(pairs(fs, "from/a", "to/a"), synced == "from" ? Set{"-|x"} : (Set{"x|x", "-|x"}));
    }
}

TEST(CrashFileSystem, AChainOfRenamesNeverLosesADurableFile) {
    CrashFileSystem fs;
    ASSERT_OK(create_directories(fs, "d"));
    put_durably(fs, "a", "precious");
    put_durably(fs, "fresh", "new");
    ASSERT_OK(fs.rename("a", "d/b"));
    ASSERT_OK(fs.rename("fresh", "a"));
    ASSERT_OK(fs.rename("d/b", "c"));
    for (const bool synced : {false, true}) {
        if (synced) ASSERT_OK(fs.sync_directory("."));
        for (uint64_t seed = 0; seed < kSeeds; ++seed) {
            const auto found = fs.crash(seed);
            const Set contents{content_of(*found, "a"), content_of(*found, "d/b"),
                               content_of(*found, "c")};
            EXPECT_TRUE(contents.contains("precious")) << "seed " << seed;
        }
    }
    EXPECT_EQ(pairs(fs, "a", "c"), Set{"new|precious"});
}

TEST(CrashFileSystem, ASyncThatMakesARenameDurableKeepsTheEarlierOneThatMadeRoomForIt) {
    CrashFileSystem fs;
    for (const std::string_view name : {"d", "e", "f"}) ASSERT_OK(create_directories(fs, name));
    put_durably(fs, "e/x", "precious");
    put_durably(fs, "d/a", "new");
    ASSERT_OK(fs.rename("e/x", "f/y"));
    ASSERT_OK(fs.rename("d/a", "e/x"));
    ASSERT_OK(fs.sync_directory("d"));
    EXPECT_EQ(pairs(fs, "e/x", "f/y"), Set{"new|precious"});
}

// Syncs a directory: what it holds of the names below must be there after any power cut.
void expect_sync_keeps(CrashFileSystem& fs, const std::string& directory) {
    ASSERT_OK(fs.sync_directory(directory));
    std::map<std::string, std::string> synced;
    for (const char letter : {'a', 'b', 'c'}) {
        const std::string entry = directory + "/" + letter;
        synced[entry] = content_of(fs, entry);
    }
    for (uint64_t seed = 0; seed < 8; ++seed) {
        const auto found = fs.crash(seed);
        for (const auto& [entry, content] : synced) {
            ASSERT_EQ(content_of(*found, entry), content) << entry;
        }
    }
}

// Random creates, renames, removes and syncs over a few names in two directories: what was synced
// last must be there after any power cut, and every file that is found is one that stood there at
// some time.
TEST(CrashFileSystem, RandomDirectoryWorkKeepsWhatWasSynced) {
    for (uint64_t round = 0; round < 60; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        SeededRandom random(round);
        CrashFileSystem fs;
        ASSERT_OK(create_directories(fs, "p"));
        ASSERT_OK(create_directories(fs, "q"));
        const auto name = [&] {
            return std::string(random.below(2) ? "p/" : "q/") +
                   static_cast<char>('a' + random.below(3));
        };
        for (int step = 0; step < 30; ++step) {
            const std::string path = name();
            switch (random.below(4)) {
                case 0:
                    if (!*fs.exists(path)) {
                        const std::string content = "file " + std::to_string(step);
                        put(fs, path, content);
                        ASSERT_OK(open_file(fs, path)->sync_data());
                    }
                    break;
                case 1:
                    static_cast<void>(fs.rename(path, name()));
                    break;
                case 2:
                    static_cast<void>(fs.remove(path));
                    break;
                default:
                    expect_sync_keeps(fs, path.substr(0, 1));
            }
        }
    }
}

TEST(CrashFileSystem, PowerCutAtASyncFailsItAndAllLaterCalls) {
    for (const bool after_effect : {false, true}) {
        CrashFileSystem fs;
        put_durably(fs, "a", "old");
        const auto file = open_file(fs, "a");
        fs.set_power_cut({.at_sync = 2, .after_effect = after_effect});
        ASSERT_OK(file->sync_data());
        ASSERT_OK(file->write_at(as_bytes("new"), 0));
        EXPECT_FALSE(fs.powered_off());
        EXPECT_FALSE(file->sync_data());
        EXPECT_TRUE(fs.powered_off());
        std::array<std::byte, 1> buffer{};
        EXPECT_FALSE(file->read_at(buffer, 0));
        EXPECT_FALSE(file->write_at(buffer, 0));
        EXPECT_FALSE(fs.exists("a"));
        EXPECT_FALSE(fs.open("a", OpenMode::read));
        EXPECT_EQ(outcomes(fs, "a"), after_effect ? Set{"new"} : (Set{"new", "old"}));
    }
}

TEST(CrashFileSystem, TheSyncHookSeesBothSidesOfEachSync) {
    CrashFileSystem fs;
    put_durably(fs, "a", "old");
    const auto file = open_file(fs, "a");
    ASSERT_OK(file->write_at(as_bytes("new"), 0));
    std::vector<Set> seen;
    const uint64_t before = fs.sync_calls();
    fs.set_sync_hook([&](SyncMoment) { seen.push_back(outcomes(fs, "a")); });
    ASSERT_OK(file->sync_data());
    EXPECT_EQ(seen, (std::vector<Set>{{"new", "old"}, {"new"}}));
    EXPECT_EQ(fs.sync_calls() - before, 1u);
}

TEST(CrashFileSystem, TheSameSeedGivesTheSameResult) {
    CrashFileSystem fs;
    for (const std::string name : {"a", "b", "c", "d"}) put(fs, name, std::string(5'000, name[0]));
    for (uint64_t seed = 0; seed < 20; ++seed) {
        const auto first = fs.crash(seed);
        const auto second = fs.crash(seed);
        for (const std::string name : {"a", "b", "c", "d"}) {
            EXPECT_EQ(content_of(*first, name), content_of(*second, name)) << "seed " << seed;
        }
    }
}

TEST(CrashFileSystem, WhatACrashLeftIsDurableAndApartFromTheOriginal) {
    CrashFileSystem fs;
    put_durably(fs, "a", "old");
    put(fs, "a", "new");
    const auto found = fs.crash(1);
    const std::string content = content_of(*found, "a");
    EXPECT_EQ(outcomes(*found, "a"), Set{content});
    put_durably(*found, "a", "later");
    EXPECT_EQ(content_of(fs, "a"), "new");
    EXPECT_EQ(content_of(*found, "a"), "later");
}

TEST(CrashFileSystem, ACrashDropsLocks) {
    CrashFileSystem fs;
    const auto lock = fs.lock("LOCK");
    ASSERT_OK(lock);
    ASSERT_OK(fs.crash(1)->lock("LOCK"));
}

TEST(CrashFileSystem, CyclesOverAZeroedSegmentAreCheap) {
    CrashFileSystem fs;
    const auto file = open_file(fs, "segment");
    const std::string zeros(kMiB, '\0');
    for (uint64_t offset = 0; offset < 64 * kMiB; offset += kMiB) {
        ASSERT_OK(file->write_at(as_bytes(zeros), offset));
    }
    ASSERT_OK(file->sync_data());
    ASSERT_OK(fs.sync_directory("."));
    // A bound of seconds would depend on the machine; that 2,000 cycles end at all says it: each
    // would copy 128 GiB otherwise.
    for (uint64_t cycle = 0; cycle < 2'000; ++cycle) {
        ASSERT_OK(file->write_at(as_bytes("record"), cycle * 700));
        ASSERT_OK(file->sync_data());
        const auto found = fs.crash(cycle);
        std::array<std::byte, 6> buffer{};
        ASSERT_OK((*found->open("segment", OpenMode::read))->read_at(buffer, cycle * 700));
        ASSERT_EQ(as_text(buffer), "record");
    }
}

TEST(CrashFileSystem, ThreadsMayShareIt) {
    CrashFileSystem fs;
    std::vector<std::jthread> threads;
    for (char name = 'a'; name < 'e'; ++name) {
        threads.emplace_back([&fs, name] {
            const std::string path(1, name);
            const auto file = open_file(fs, path);
            for (uint64_t step = 0; step < 200; ++step) {
                ASSERT_OK(file->write_at(as_bytes(path), step));
                if (step % 20 != 0) continue;
                ASSERT_OK(file->sync_data());
                ASSERT_OK(fs.sync_directory("."));
                const std::string found = content_of(*fs.crash(step), path);
                ASSERT_GE(found.size(), step + 1);
                ASSERT_EQ(found, std::string(found.size(), name));
            }
        });
    }
}

TEST(CrashFileSystem, RefusesWhatItCannotSimulate) {
    CrashFileSystem fs;
    EXPECT_FALSE(fs.open("../a", OpenMode::create));
    EXPECT_FALSE(open_file(fs, "a")->write_at(as_bytes("x"), kCrashFileBytesMax));
    EXPECT_FALSE(open_file(fs, "a")->truncate(kCrashFileBytesMax + 1));
    ASSERT_OK(fs.create_directory("d"));
    ASSERT_OK(fs.create_directory("e"));
    EXPECT_FALSE(fs.rename("d", "e/d"));
}

}  // namespace
}  // namespace insula
