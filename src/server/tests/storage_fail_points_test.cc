#include "server/storage_fail_points.h"

#include <gtest/gtest.h>

#include <csignal>

#include "platform/fs/crash_file_system.h"

namespace insula::server {
namespace {

constexpr std::string_view kSegment = "data/journal/0000000000000001/00000000.seg";

std::unique_ptr<StorageFailPoints> points_of(FileSystem& inner,
                                             std::initializer_list<FailPlan> plans) {
    auto points = StorageFailPoints::create(inner, "data", std::vector<FailPlan>(plans));
    EXPECT_TRUE(points) << points.error().describe();
    return points ? *std::move(points) : nullptr;
}

Status write(FileSystem& fs, std::string_view path, std::string_view text) {
    RETURN_IF_ERROR(create_directories(fs, parent_path(path)));
    ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::create_or_open));
    RETURN_IF_ERROR(file->write_at(as_bytes(text), 0));
    return file->sync_data();
}

TEST(StorageFailPoints, TellFilesOfTheDataDirectoryApart) {
    CrashFileSystem disk;
    const auto points = points_of(disk, {});
    const std::pair<std::string_view, StoredKind> known[] = {
        {kSegment, StoredKind::segment},
        {"data/journal/0000000000000001/00000003.spare", StoredKind::spare},
        {"data/journal/0000000000000001", StoredKind::stream},
        {"data/journal", StoredKind::journal},
        {"data/tmp/7.parquet", StoredKind::temporary},
        {"data/blob/t/a/s/1/1-1-0.parquet", StoredKind::data_file},
        {"data/blob/t/a/s/1", StoredKind::data_directory},
        {"data/blob", StoredKind::data_directory},
        {"data/control.db", StoredKind::catalog},
        {"data/control.db-wal", StoredKind::catalog_log},
        {"data", StoredKind::root},
        {"data/VERSION", StoredKind::other},
        {"data/tmp/probe", StoredKind::other},
        {"elsewhere/control.db", StoredKind::other},
    };
    for (const auto& [path, kind] : known) EXPECT_EQ(points->kind_of(path), kind) << path;
}

TEST(StorageFailPointsDeathTest, KillWithinAWriteAndLeaveItsFirstHalf) {
    CrashFileSystem disk;
    ASSERT_TRUE(write(disk, kSegment, "........"));
    EXPECT_EXIT(
        {
            const auto points = points_of(disk, {{.point = "storage.segment.write.half", .at = 2}});
            ASSERT_TRUE(write(*points, kSegment, "aaaaaaaa"));
            ASSERT_TRUE(write(*points, "data/control.db", "not this one"));
            ASSERT_TRUE(write(*points, kSegment, "bbbbbbbb"));
        },
        ::testing::KilledBySignal(SIGKILL), "storage.segment.write.half reached 2 times");
}

TEST(StorageFailPoints, AnErrorBeforeACallLeavesItUndoneAndOneAfterItDone) {
    CrashFileSystem disk;
    const auto before =
        points_of(disk, {{.point = "storage.catalog.write.before", .action = FailAction::error}});
    EXPECT_FALSE(write(*before, "data/control.db", "text"));
    EXPECT_EQ(*read_file(disk, "data/control.db", 100), "");
    EXPECT_TRUE(write(*before, "data/control.db", "text")) << "it fails once";

    const auto half =
        points_of(disk, {{.point = "storage.catalog_log.write.half", .action = FailAction::error}});
    EXPECT_FALSE(write(*half, "data/control.db-wal", "text"));
    EXPECT_EQ(*read_file(disk, "data/control.db-wal", 100), "te");

    const auto after =
        points_of(disk, {{.point = "storage.catalog.rename.after", .action = FailAction::error}});
    EXPECT_FALSE(after->rename("data/control.db", "data/other"));
    EXPECT_TRUE(*disk.exists("data/other"));
}

TEST(StorageFailPoints, FollowAFileThroughItsRename) {
    CrashFileSystem disk;
    const auto points =
        points_of(disk, {{.point = "storage.segment.sync.before", .action = FailAction::error}});
    const std::string spare = "data/journal/0000000000000001/00000000.spare";
    ASSERT_TRUE(create_directories(*points, parent_path(spare)));
    const auto file = points->open(spare, OpenMode::create);
    ASSERT_TRUE(file);
    EXPECT_TRUE((*file)->sync_data()) << "a spare yet";
    ASSERT_TRUE(points->rename(spare, kSegment));
    EXPECT_FALSE((*file)->sync_data()) << "a segment now";
}

TEST(StorageFailPoints, OfUnknownNamesAreRefused) {
    CrashFileSystem disk;
    for (const std::string_view bad :
         {"storage.segment.sync.half", "storage.segment.sync", "storage.segment", "storage.",
          "storage.thing.sync.after", "storage.segment.burn.after", "storage.segment.sync.later"}) {
        const auto points =
            StorageFailPoints::create(disk, "data", std::vector{FailPlan{std::string(bad)}});
        ASSERT_FALSE(points) << bad;
        EXPECT_EQ(points.error().reason(), "invalid_configuration");
        EXPECT_NE(points.error().message().find("catalog_log"), std::string_view::npos);
    }
}

}  // namespace
}  // namespace insula::server
