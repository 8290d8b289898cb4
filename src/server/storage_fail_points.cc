#include "server/storage_fail_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "platform/fs/storage_error.h"

namespace insula::server {
namespace {

constexpr std::array<std::string_view, 11> kKinds{
    "segment",        "spare",   "stream",      "journal", "temporary", "data_file",
    "data_directory", "catalog", "catalog_log", "root",    "other"};
constexpr std::array<std::string_view, 8> kCalls{"create",           "write",           "sync",
                                                 "truncate",         "rename",          "remove",
                                                 "create_directory", "remove_directory"};
constexpr std::array<std::string_view, 3> kMoments{"before", "half", "after"};

template <size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

// "storage.segment.write.half"
bool is_known(std::string_view name) {
    if (!name.starts_with(kStorageFailPointPrefix)) return false;
    name.remove_prefix(kStorageFailPointPrefix.size());
    const size_t first = name.find('.');
    const size_t last = name.rfind('.');
    if (first == std::string_view::npos || first == last) return false;
    const std::string_view call = name.substr(first + 1, last - first - 1);
    const std::string_view moment = name.substr(last + 1);
    return contains(kKinds, name.substr(0, first)) && contains(kCalls, call) &&
           contains(kMoments, moment) && (moment != "half" || call == "write");
}

}  // namespace

class FailPointFile final : public ForwardingFile {
  public:
    FailPointFile(StorageFailPoints& points, std::unique_ptr<File> inner,
                  StorageFailPoints::CurrentKind kind)
        : ForwardingFile(std::move(inner)), points_(points), kind_(std::move(kind)) {}

    Status write_at(Bytes data, uint64_t offset) override {
        const StoredKind kind = *kind_;
        return points_.around(kind, "write", [&]() -> Status {
            const size_t half = data.size() / 2;
            RETURN_IF_ERROR(ForwardingFile::write_at(data.first(half), offset));
            RETURN_IF_ERROR(points_.reach(kind, "write", StorageMoment::half));
            return ForwardingFile::write_at(data.subspan(half), offset + half);
        });
    }
    Status sync_data() override {
        return points_.around(*kind_, "sync", [&] { return ForwardingFile::sync_data(); });
    }
    Status truncate(uint64_t size) override {
        return points_.around(*kind_, "truncate", [&] { return ForwardingFile::truncate(size); });
    }

  private:
    StorageFailPoints& points_;
    const StorageFailPoints::CurrentKind kind_;
};

Result<std::unique_ptr<StorageFailPoints>> StorageFailPoints::create(
    FileSystem& inner, std::string data_directory, std::span<const FailPlan> plans) {
    std::unique_ptr<StorageFailPoints> points(
        new StorageFailPoints(inner, std::move(data_directory)));
    for (const FailPlan& plan : plans) {
        if (!is_known(plan.point)) {
            return fail(invalid_argument(
                "invalid_configuration",
                fmt::format("There is no fail point {}: storage.FILE.CALL.MOMENT is made of {}; "
                            "of {}; of {} (half only of write).",
                            plan.point, fmt::join(kKinds, ", "), fmt::join(kCalls, ", "),
                            fmt::join(kMoments, ", "))));
        }
        points->plans_.push_back(std::make_unique<ArmedPlan>(plan));
    }
    return points;
}

StoredKind StorageFailPoints::kind_of(std::string_view path) const {
    if (!path.starts_with(data_directory_)) return StoredKind::other;
    path.remove_prefix(data_directory_.size());
    if (path.empty()) return StoredKind::root;
    if (path == "/control.db") return StoredKind::catalog;
    if (path == "/control.db-wal") return StoredKind::catalog_log;
    if (path == "/journal") return StoredKind::journal;
    if (path.starts_with("/journal/")) {
        if (path.ends_with(".seg")) return StoredKind::segment;
        return path.ends_with(".spare") ? StoredKind::spare : StoredKind::stream;
    }
    const bool parquet = path.ends_with(".parquet");
    if (path.starts_with("/tmp/")) return parquet ? StoredKind::temporary : StoredKind::other;
    if (path == "/blob" || path.starts_with("/blob/")) {
        return parquet ? StoredKind::data_file : StoredKind::data_directory;
    }
    return StoredKind::other;
}

StorageFailPoints::CurrentKind StorageFailPoints::current_kind(std::string_view path) {
    const std::lock_guard lock(mutex_);
    CurrentKind& kind = kinds_[std::string(path)];
    if (!kind) kind = std::make_shared<std::atomic<StoredKind>>(kind_of(path));
    return kind;
}

Status StorageFailPoints::reach(StoredKind kind, std::string_view call, StorageMoment moment) {
    const std::string name =
        fmt::format("{}{}.{}.{}", kStorageFailPointPrefix, kKinds[static_cast<size_t>(kind)], call,
                    kMoments[static_cast<size_t>(moment)]);
    for (const auto& armed : plans_) {
        if (armed->plan().point != name || !armed->reach()) continue;
        return fail(storage_error("fail point " + name, data_directory_, EIO));
    }
    return {};
}

template <class Call>
Status StorageFailPoints::around(StoredKind kind, std::string_view call_name, Call call) {
    RETURN_IF_ERROR(reach(kind, call_name, StorageMoment::before));
    RETURN_IF_ERROR(call());
    return reach(kind, call_name, StorageMoment::after);
}

Result<std::unique_ptr<File>> StorageFailPoints::open(std::string_view path, OpenMode mode) {
    std::unique_ptr<File> file;
    const auto open_inner = [&]() -> Status {
        ASSIGN_OR_RETURN(file, ForwardingFileSystem::open(path, mode));
        return {};
    };
    const bool creates = mode == OpenMode::create || mode == OpenMode::create_or_open;
    RETURN_IF_ERROR(creates ? around(kind_of(path), "create", open_inner) : open_inner());
    return std::make_unique<FailPointFile>(*this, std::move(file), current_kind(path));
}

Status StorageFailPoints::rename(std::string_view from, std::string_view to) {
    RETURN_IF_ERROR(
        around(kind_of(from), "rename", [&] { return ForwardingFileSystem::rename(from, to); }));
    const std::lock_guard lock(mutex_);
    auto moved = kinds_.extract(std::string(from));
    if (!moved) return {};
    *moved.mapped() = kind_of(to);
    kinds_[std::string(to)] = moved.mapped();
    return {};
}

Status StorageFailPoints::remove(std::string_view path) {
    RETURN_IF_ERROR(
        around(kind_of(path), "remove", [&] { return ForwardingFileSystem::remove(path); }));
    const std::lock_guard lock(mutex_);
    kinds_.erase(std::string(path));
    return {};
}

Status StorageFailPoints::create_directory(std::string_view path) {
    return around(kind_of(path), "create_directory",
                  [&] { return ForwardingFileSystem::create_directory(path); });
}

Status StorageFailPoints::remove_directory(std::string_view path) {
    return around(kind_of(path), "remove_directory",
                  [&] { return ForwardingFileSystem::remove_directory(path); });
}

Status StorageFailPoints::sync_directory(std::string_view path) {
    return around(kind_of(path), "sync",
                  [&] { return ForwardingFileSystem::sync_directory(path); });
}

}  // namespace insula::server
