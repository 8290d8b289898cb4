#include "platform/fs/frozen_file_system.h"

#include <gtest/gtest.h>

#include "platform/fs/crash_file_system.h"
#include "platform/runtime/random.h"

namespace insula {
namespace {

void write(FileSystem& fs, std::string_view path, std::string_view text, uint64_t offset = 0) {
    auto file = fs.open(path, OpenMode::create_or_open);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->write_at(as_bytes(text), offset).has_value());
}

std::string read(FileSystem& fs, std::string_view path) {
    auto text = read_file(fs, path, 1 << 20);
    return text ? *std::move(text) : "error: " + std::string(text.error().reason());
}

TEST(FrozenFileSystem, WritesAreSeenThroughItAndNowhereElse) {
    CrashFileSystem disk;
    write(disk, "a", "hello");
    FrozenFileSystem frozen(disk);
    write(frozen, "a", "J");
    write(frozen, "a", "!", 5);
    write(frozen, "b", "new");
    EXPECT_EQ(read(frozen, "a"), "Jello!");
    EXPECT_EQ(read(frozen, "b"), "new");
    EXPECT_EQ(read(disk, "a"), "hello");
    EXPECT_FALSE(*disk.exists("b"));
    EXPECT_TRUE(*frozen.exists("b"));
}

TEST(FrozenFileSystem, RemovedFilesAreGoneFromItOnly) {
    CrashFileSystem disk;
    write(disk, "a", "hello");
    FrozenFileSystem frozen(disk);
    ASSERT_TRUE(frozen.remove("a").has_value());
    EXPECT_FALSE(*frozen.exists("a"));
    EXPECT_EQ(read(frozen, "a"), "error: no_such_file");
    EXPECT_FALSE(frozen.remove("a").has_value());
    write(frozen, "a", "x");
    EXPECT_EQ(read(frozen, "a"), "x");
    EXPECT_EQ(read(disk, "a"), "hello");
}

TEST(FrozenFileSystem, RenamedFilesMoveInItOnly) {
    CrashFileSystem disk;
    write(disk, "a", "hello");
    write(disk, "b", "old");
    FrozenFileSystem frozen(disk);
    ASSERT_TRUE(frozen.rename("a", "b").has_value());
    EXPECT_EQ(read(frozen, "b"), "hello");
    EXPECT_FALSE(*frozen.exists("a"));
    EXPECT_EQ(read(disk, "a") + read(disk, "b"), "helloold");
    EXPECT_FALSE(frozen.rename("a", "c").has_value());
}

TEST(FrozenFileSystem, ChangesOfDirectoriesAreRefused) {
    CrashFileSystem disk;
    write(disk, "a", "hello");
    FrozenFileSystem frozen(disk);
    EXPECT_FALSE(frozen.create_directory("d").has_value());
    EXPECT_FALSE(frozen.lock("LOCK").has_value());
    EXPECT_EQ(read(disk, "a"), "hello");
}

TEST(FrozenFileSystem, BehavesLikeAFileUnderRandomWritesAndTruncations) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SeededRandom random(seed);
        CrashFileSystem disk;
        std::string model(random.below(20'000), 'm');
        write(disk, "f", model);
        const std::string before = model;
        FrozenFileSystem frozen(disk);
        auto file = frozen.open("f", OpenMode::read_write);
        ASSERT_TRUE(file.has_value());
        for (int i = 0; i < 60; ++i) {
            const uint64_t at = random.below(24'000);
            if (random.below(4) == 0) {
                ASSERT_TRUE((*file)->truncate(at).has_value());
                model.resize(at, '\0');
            } else {
                const std::string text(1 + random.below(9000), static_cast<char>('a' + i % 26));
                ASSERT_TRUE((*file)->write_at(as_bytes(text), at).has_value());
                if (model.size() < at + text.size()) model.resize(at + text.size(), '\0');
                model.replace(at, text.size(), text);
            }
            ASSERT_EQ(read(frozen, "f"), model) << "seed " << seed << ", step " << i;
        }
        EXPECT_EQ(read(disk, "f"), before);
    }
}

}  // namespace
}  // namespace insula
