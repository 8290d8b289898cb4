#include "platform/sqlite/file_system_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <string>

#include "platform/fs/crash_file_system.h"
#include "platform/fs/faulty_file_system.h"
#include "platform/sqlite/temporary_file.h"

namespace insula::sqlite {
namespace {

constexpr int kCreateFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;

// A file as SQLite opens and calls it.
class VfsFile {
  public:
    VfsFile(FileSystemVfs& vfs, const char* path, int flags)
        : vfs_(sqlite3_vfs_find(vfs.name().c_str())), memory_(static_cast<size_t>(vfs_->szOsFile)) {
        code_ = vfs_->xOpen(vfs_, path, file(), flags, nullptr);
    }
    ~VfsFile() { close(); }
    void close() {
        if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
        file()->pMethods = nullptr;
    }

    int code() const { return code_; }
    int write(std::string_view text, int64_t offset) {
        return file()->pMethods->xWrite(file(), text.data(), static_cast<int>(text.size()), offset);
    }
    int read(std::span<char> out, int64_t offset) {
        return file()->pMethods->xRead(file(), out.data(), static_cast<int>(out.size()), offset);
    }
    int sync() { return file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL); }
    int truncate(int64_t size) { return file()->pMethods->xTruncate(file(), size); }
    int64_t size() {
        sqlite3_int64 size = -1;
        EXPECT_EQ(file()->pMethods->xFileSize(file(), &size), SQLITE_OK);
        return size;
    }
    sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }

  private:
    sqlite3_vfs* vfs_;
    std::vector<char> memory_;
    int code_ = SQLITE_OK;
};

TEST(FileSystemVfs, IsRegisteredWhileItLives) {
    CrashFileSystem fs;
    std::string name;
    {
        const auto vfs = *FileSystemVfs::create(fs);
        const auto other = *FileSystemVfs::create(fs);
        name = vfs->name();
        EXPECT_NE(name, other->name());
        EXPECT_NE(sqlite3_vfs_find(name.c_str()), nullptr);
        EXPECT_NE(sqlite3_vfs_find(nullptr), sqlite3_vfs_find(name.c_str())) << "not the default";
    }
    EXPECT_EQ(sqlite3_vfs_find(name.c_str()), nullptr);
}

TEST(FileSystemVfs, WhatIsReadPastTheEndIsZero) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile file(*vfs, "a.db", kCreateFlags);
    ASSERT_EQ(file.code(), SQLITE_OK);
    ASSERT_EQ(file.write("hello", 0), SQLITE_OK);
    std::array<char, 8> out{};
    out.fill('x');
    EXPECT_EQ(file.read(out, 2), SQLITE_IOERR_SHORT_READ);
    EXPECT_EQ(std::string_view(out.data(), out.size()), std::string_view("llo\0\0\0\0\0", 8));
    out.fill('x');
    EXPECT_EQ(file.read(out, 100), SQLITE_IOERR_SHORT_READ);
    EXPECT_EQ(std::string_view(out.data(), out.size()), std::string_view("\0\0\0\0\0\0\0\0", 8));
    EXPECT_EQ(file.read(std::span(out).first(5), 0), SQLITE_OK);
    EXPECT_EQ(file.size(), 5);
    EXPECT_EQ(file.truncate(2), SQLITE_OK);
    EXPECT_EQ(file.size(), 2);
}

TEST(FileSystemVfs, OpenHonoursTheCreateFlags) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    EXPECT_EQ(VfsFile(*vfs, "a.db", SQLITE_OPEN_READWRITE).code(), SQLITE_CANTOPEN);
    EXPECT_EQ(vfs->last_error()->code(), Code::not_found);
    EXPECT_EQ(VfsFile(*vfs, "a.db", SQLITE_OPEN_READONLY).code(), SQLITE_CANTOPEN);
    EXPECT_EQ(VfsFile(*vfs, "a.db", kCreateFlags | SQLITE_OPEN_EXCLUSIVE).code(), SQLITE_OK);
    EXPECT_EQ(VfsFile(*vfs, "a.db", kCreateFlags | SQLITE_OPEN_EXCLUSIVE).code(), SQLITE_CANTOPEN);
    EXPECT_EQ(VfsFile(*vfs, "a.db", kCreateFlags).code(), SQLITE_OK);
    EXPECT_EQ(VfsFile(*vfs, "a.db", SQLITE_OPEN_READWRITE).code(), SQLITE_OK);
}

TEST(FileSystemVfs, TheFirstSyncOfACreatedFileSyncsItsDirectory) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile file(*vfs, "a.db", kCreateFlags);
    ASSERT_EQ(file.write("hello", 0), SQLITE_OK);
    const uint64_t before = fs.sync_calls();
    ASSERT_EQ(file.sync(), SQLITE_OK);
    EXPECT_EQ(fs.sync_calls(), before + 2);
    for (uint64_t seed = 0; seed < 20; ++seed) {
        EXPECT_EQ(*read_file(*fs.crash(seed), "a.db", 100), "hello") << "seed " << seed;
    }
    ASSERT_EQ(file.sync(), SQLITE_OK);
    EXPECT_EQ(fs.sync_calls(), before + 3) << "only the first one";
}

TEST(FileSystemVfs, AFileOfAnUnsyncedDirectoryIsSyncedByWhoOpensItNext) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile(*vfs, "a.db", kCreateFlags).close();  // the creator dies before it syncs
    VfsFile file(*vfs, "a.db", kCreateFlags);
    ASSERT_EQ(file.write("hello", 0), SQLITE_OK);
    ASSERT_EQ(file.sync(), SQLITE_OK);
    for (uint64_t seed = 0; seed < 20; ++seed) {
        EXPECT_EQ(*read_file(*fs.crash(seed), "a.db", 100), "hello") << "seed " << seed;
    }
}

TEST(FileSystemVfs, DeleteSyncsTheDirectoryWhenAsked) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    sqlite3_vfs* raw = sqlite3_vfs_find(vfs->name().c_str());
    EXPECT_EQ(raw->xDelete(raw, "none", 1), SQLITE_IOERR_DELETE_NOENT);
    EXPECT_FALSE(vfs->last_error()) << "SQLite expects that one";
    {
        VfsFile file(*vfs, "a.db", kCreateFlags);
        ASSERT_EQ(file.sync(), SQLITE_OK);
    }
    int exists = 0;
    ASSERT_EQ(raw->xAccess(raw, "a.db", SQLITE_ACCESS_EXISTS, &exists), SQLITE_OK);
    EXPECT_EQ(exists, 1);
    ASSERT_EQ(raw->xDelete(raw, "a.db", 1), SQLITE_OK);
    for (uint64_t seed = 0; seed < 20; ++seed) {
        EXPECT_FALSE(*fs.crash(seed)->exists("a.db")) << "seed " << seed;
    }
    ASSERT_EQ(raw->xAccess(raw, "a.db", SQLITE_ACCESS_EXISTS, &exists), SQLITE_OK);
    EXPECT_EQ(exists, 0);
}

TEST(FileSystemVfs, APathThatIsTooLongIsRefused) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    sqlite3_vfs* raw = sqlite3_vfs_find(vfs->name().c_str());
    std::array<char, 8> out{};
    EXPECT_EQ(raw->xFullPathname(raw, "1234567", 8, out.data()), SQLITE_OK);
    EXPECT_STREQ(out.data(), "1234567");
    EXPECT_EQ(raw->xFullPathname(raw, "12345678", 8, out.data()), SQLITE_CANTOPEN);
}

TEST(FileSystemVfs, AFailedSyncFencesEveryLaterChange) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile file(*vfs, "a.db", kCreateFlags);
    VfsFile other(*vfs, "b.db", kCreateFlags);
    ASSERT_EQ(file.write("hello", 0), SQLITE_OK);
    fs.arm({.at_call = 1, .only = StorageCall::sync});
    EXPECT_EQ(file.sync(), SQLITE_IOERR_FSYNC);
    ASSERT_TRUE(vfs->fence());
    EXPECT_EQ(file.sync(), SQLITE_IOERR_FSYNC);
    EXPECT_EQ(other.sync(), SQLITE_IOERR_FSYNC);
    EXPECT_EQ(other.write("x", 0), SQLITE_IOERR_WRITE);
    EXPECT_EQ(file.truncate(0), SQLITE_IOERR_TRUNCATE);
    sqlite3_vfs* raw = sqlite3_vfs_find(vfs->name().c_str());
    EXPECT_EQ(raw->xDelete(raw, "a.db", 0), SQLITE_IOERR_DELETE);
    EXPECT_EQ(fs.calls(), 1u) << "nothing else reached the disk";
    std::array<char, 5> out{};
    EXPECT_EQ(file.read(out, 0), SQLITE_OK) << "reading goes on";
}

TEST(FileSystemVfs, AFailedSyncOfTheDirectoryFencesToo) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile file(*vfs, "a.db", kCreateFlags);
    fs.arm({.at_call = 1, .only = StorageCall::sync_directory});
    EXPECT_EQ(file.sync(), SQLITE_IOERR_DIR_FSYNC);
    EXPECT_TRUE(vfs->fence());
}

TEST(FileSystemVfs, AFullDiskIsToldApartFromOtherErrors) {
    CrashFileSystem inner;
    FaultyFileSystem fs(inner);
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile file(*vfs, "a.db", kCreateFlags);
    fs.arm({.at_call = 1, .fault = Fault::disk_full, .only = StorageCall::write});
    EXPECT_EQ(file.write("x", 0), SQLITE_FULL);
    EXPECT_EQ(vfs->last_error()->code(), Code::storage_exhausted);
    fs.arm({.at_call = 1, .fault = Fault::io_error, .only = StorageCall::write});
    EXPECT_EQ(file.write("x", 0), SQLITE_IOERR_WRITE);
    fs.arm({.at_call = 1, .fault = Fault::io_error, .only = StorageCall::read});
    std::array<char, 5> out{};
    EXPECT_EQ(file.read(out, 0), SQLITE_IOERR_READ);
    EXPECT_FALSE(vfs->fence());
}

TEST(TemporaryFile, HoldsWhatIsWrittenUpToItsLimit) {
    CrashFileSystem fs;
    const auto vfs = *FileSystemVfs::create(fs);
    VfsFile file(*vfs, nullptr, kCreateFlags | SQLITE_OPEN_DELETEONCLOSE);
    ASSERT_EQ(file.code(), SQLITE_OK);
    ASSERT_EQ(file.write("abc", 4), SQLITE_OK);
    std::array<char, 7> out{};
    EXPECT_EQ(file.read(out, 0), SQLITE_OK);
    EXPECT_EQ(std::string_view(out.data(), out.size()), std::string_view("\0\0\0\0abc", 7));
    EXPECT_EQ(file.write("x", static_cast<int64_t>(kTemporaryFileBytesMax)), SQLITE_FULL);
    EXPECT_EQ(file.size(), 7);
    EXPECT_TRUE(fs.list(".")->empty()) << "it is in memory";
}

}  // namespace
}  // namespace insula::sqlite
